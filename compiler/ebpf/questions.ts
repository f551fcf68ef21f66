/** Branches of a diagram as search trees over the packet's members. A shared node becomes one shared step. */
import type { Field, Node } from '../diagram/diagram.ts';
import type { PacketFields } from './packet-fields.ts';
import type { Step } from './place.ts';
import type { Purposes } from './purposes.ts';
import { searchNarrow, searchWide } from './search-tree.ts';

const WIDE: Partial<Record<Field, string>> = { daddr6: 'daddr', saddr6: 'saddr' };
const NARROW: Partial<Record<Field, string>> = { daddr4: 'daddr', saddr4: 'saddr' };

/** `leaf` must answer with one object for equal leaves that are to be shared. */
export function lower<L>(root: Node<L>, fields: PacketFields, purposes: Purposes, leaf: (value: L) => Step): Step {
  const steps = new Map<Node<L>, Step>();
  const visit = (node: Node<L>): Step => {
    const known = steps.get(node);
    if (known) return known;
    const step = node.kind === 'leaf' ? leaf(node.value) : ask(node);
    steps.set(node, step);
    return step;
  };
  const ask = (node: Node<L> & { kind: 'branch' }): Step => {
    const edges = node.edges.map((edge) => ({ last: edge.last, to: visit(edge.to) }));
    const purpose = purposes.question(node.field);
    const wide = WIDE[node.field];
    if (wide) return searchWide(edges, fields.at(wide).offset, purpose);
    const { offset, size } = fields.at(NARROW[node.field] ?? node.field);
    if (size === 8) throw new RangeError(`${node.field} has 8 bytes`);
    return searchNarrow(edges, offset, size, purpose);
  };
  return visit(root);
}
