/**
 * An order in which each node comes after the nodes that it uses, and the circles that stand in the way. Without
 * recursion, for a file may nest as deeply as it likes. Linear in nodes and uses.
 */
export function orderByUse(
  nodes: Iterable<string>,
  usesOf: (node: string) => readonly string[],
): { readonly order: readonly string[]; readonly cycles: readonly (readonly string[])[] } {
  const order: string[] = [];
  const cycles: string[][] = [];
  const done = new Set<string>();
  for (const start of nodes) {
    if (done.has(start)) continue;
    const path = [{ node: start, uses: usesOf(start), next: 0 }];
    const onPath = new Set([start]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const use = top.uses[top.next++];
      if (use === undefined) {
        path.pop();
        onPath.delete(top.node);
        done.add(top.node);
        order.push(top.node);
      } else if (onPath.has(use)) {
        cycles.push([...path.slice(path.findIndex(({ node }) => node === use)).map(({ node }) => node), use]);
      } else if (!done.has(use)) {
        path.push({ node: use, uses: usesOf(use), next: 0 });
        onPath.add(use);
      }
    }
  }
  return { order, cycles };
}
