import type { JsonNode } from './tree.ts';

/** The innermost value at an offset: `declarations[3].policy.rules[0]`. */
export function pathAt(root: JsonNode, offset: number): string {
  let path = '';
  let node = root;
  const holds = ({ start, end }: JsonNode) => start <= offset && offset < end;
  for (;;) {
    if (node.kind === 'object') {
      const found = [...node.members].find(([, value]) => holds(value));
      if (found === undefined) return path === '' ? '$' : path;
      path += /^\w+$/.test(found[0]) ? `${path === '' ? '' : '.'}${found[0]}` : `[${JSON.stringify(found[0])}]`;
      node = found[1];
    } else if (node.kind === 'array') {
      const index = node.items.findIndex(holds);
      const item = node.items[index];
      if (item === undefined) return path === '' ? '$' : path;
      path += `[${index}]`;
      node = item;
    } else return path === '' ? '$' : path;
  }
}
