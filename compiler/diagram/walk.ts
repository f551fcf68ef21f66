/** Asks a diagram about one packet. */
import type { Field, Node } from './diagram.ts';

/** A packet's fields; those that are not named are 0. */
export type FieldValues = Partial<Readonly<Record<Field, bigint>>>;

export function walk<L>(root: Node<L>, packet: FieldValues): L {
  let node = root;
  while (node.kind === 'branch') {
    const value = packet[node.field] ?? 0n;
    let low = 0;
    let high = node.edges.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (value <= node.edges[middle]!.last) high = middle;
      else low = middle + 1;
    }
    node = node.edges[low]!.to;
  }
  return node.value;
}
