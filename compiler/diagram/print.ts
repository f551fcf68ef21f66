/** Diagrams as text, for people who debug the compiler: an indented listing, and the language of graphviz. */
import { writeAddress } from '../../grammar/address.ts';
import { listNodes } from './count.ts';
import type { Field, Node } from './diagram.ts';
import { lastOf } from './fields.ts';

/** One line a node, in the order in which the packet meets them; a node met again is only named. */
export function printDiagram<L>(root: Node<L>, printLeaf: (value: L) => string = printValue): string {
  const lines: string[] = [];
  const seen = new Set<Node<L>>();
  const visit = (node: Node<L>, indent: string, edge: string): void => {
    if (node.kind === 'leaf') {
      lines.push(`${indent}${edge}${printLeaf(node.value)}`);
      return;
    }
    const again = seen.has(node);
    lines.push(`${indent}${edge}${again ? 'see ' : ''}#${node.id}${again ? '' : ` ${node.field}`}`);
    if (again) return;
    seen.add(node);
    let first = 0n;
    for (const { last, to } of node.edges) {
      visit(to, `${indent}  `, `${printRange(node.field, first, last)}: `);
      first = last + 1n;
    }
  };
  visit(root, '', '');
  return `${lines.join('\n')}\n`;
}

/** For `dot -Tsvg`. */
export function printDot<L>(root: Node<L>, printLeaf: (value: L) => string = printValue): string {
  const lines = ['digraph masqc {', '  node [shape=box, fontname=monospace];'];
  for (const node of listNodes(root).reverse()) {
    if (node.kind === 'leaf') {
      lines.push(`  n${node.id} [label=${JSON.stringify(printLeaf(node.value))}, style=rounded];`);
      continue;
    }
    lines.push(`  n${node.id} [label=${JSON.stringify(node.field)}];`);
    const labels = new Map<Node<L>, string[]>();
    let first = 0n;
    for (const { last, to } of node.edges) {
      labels.set(to, [...(labels.get(to) ?? []), printRange(node.field, first, last)]);
      first = last + 1n;
    }
    for (const [to, ranges] of labels) {
      const shown = ranges.length > 6 ? [...ranges.slice(0, 5), `… ${ranges.length - 5} more`] : ranges;
      lines.push(`  n${node.id} -> n${to.id} [label=${JSON.stringify(shown.join('\n'))}];`);
    }
  }
  return `${[...lines, '}'].join('\n')}\n`;
}

/** `first-last` as its field is written: addresses, numbers; `*` for the whole domain. */
export function printRange(field: Field, first: bigint, last: bigint): string {
  if (first === 0n && last === lastOf(field)) return '*';
  const one = printFieldValue(field, first);
  return first === last ? one : `${one}-${printFieldValue(field, last)}`;
}

export function printFieldValue(field: Field, value: bigint): string {
  switch (field) {
    case 'daddr4':
    case 'saddr4':
      return writeAddress(value, 4);
    case 'daddr6':
    case 'saddr6':
      return writeAddress(value, 6);
    default:
      return String(value);
  }
}

function printValue(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .filter(([, part]) => part !== false)
    .map(([name, part]) => (part === true ? name : name === 'verdict' ? part : `${name} ${part}`))
    .join(', ');
}
