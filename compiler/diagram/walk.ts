/** Asks diagrams about one packet. */
import type { Family } from '../../grammar/ast.ts';
import { containsAddress } from '../addresses.ts';
import type { Model } from '../model.ts';
import type { Field, NatLeaf, Node, PolicyDiagram, PolicyLeaf } from './diagram.ts';

/** A packet's fields; those that are not named are 0. */
export type FieldValues = Partial<Readonly<Record<Field, bigint>>>;

/** What a packet's addresses are to the tables. */
export function tableValues(
  { tables }: Pick<Model, 'tables'>,
  family: Family,
  saddr: bigint,
  daddr: bigint,
): FieldValues {
  const values: Partial<Record<Field, bigint>> = {};
  for (const { id, addresses } of tables) {
    values[`${id}:saddr`] = containsAddress(addresses, family, saddr) ? 1n : 0n;
    values[`${id}:daddr`] = containsAddress(addresses, family, daddr) ? 1n : 0n;
  }
  return values;
}

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

/** Let in with masquerade `nat` (0: none), or not. */
export interface ForwardAnswer extends PolicyLeaf, NatLeaf {}

/**
 * What `masqc_policy_forward` answers: the policy's word, then the masquerade. With `untranslated` line `rule` allows
 * the packet, and yet it must not leave.
 */
export function walkForward({ policy, nat }: PolicyDiagram, packet: FieldValues): ForwardAnswer {
  const said = walk(policy, packet);
  if (said.verdict !== 'allow') return { ...said, nat: 0, untranslated: false };
  return { ...said, ...walk(nat, packet) };
}
