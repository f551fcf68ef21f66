/** Whether a file can do anything with IPv6: where it can't, neither programs nor tables for it are loaded. */
import type { Node, PolicyDiagram } from './diagram.ts';
import { FAMILY_RANGE } from './fields.ts';

/**
 * True if some IPv6 packet is let in, answered or sent elsewhere, or a line denies one (also one of the gateway's own). Else
 * every IPv6 packet meets a default that drops it in silence, as it does without programs for it.
 */
export function carriesIpv6({ ingress, policy }: PolicyDiagram): boolean {
  return (
    leavesOfIpv6(policy, false).some(({ verdict }) => verdict !== 'deny') ||
    leavesOfIpv6(ingress, true).some(({ verdict }) => verdict !== 'continue' && verdict !== 'forged')
  );
}

/**
 * What can be reached with a packet of IPv6; a chain of diagrams asks for the family again and again. The policies are not
 * asked about the gateway's own packets (their leaf is `allow`).
 */
function leavesOfIpv6<L>(root: Node<L>, own: boolean): L[] {
  const leaves: L[] = [];
  const seen = new Set<Node<L>>();
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.kind === 'leaf') leaves.push(node.value);
    else if (node.field === 'family') waiting.push(childOf(node.edges));
    else if (node.field === 'in' && !own)
      waiting.push(...node.edges.filter(({ last }) => last > 0n).map(({ to }) => to));
    else waiting.push(...node.edges.map(({ to }) => to));
  }
  return leaves;
}

function childOf<L>(edges: readonly { readonly last: bigint; readonly to: Node<L> }[]): Node<L> {
  const edge = edges.find(({ last }) => last >= BigInt(FAMILY_RANGE[6].first));
  if (edge === undefined) throw new RangeError('a branch that ends before its domain');
  return edge.to;
}
