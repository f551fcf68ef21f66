/**
 * The gateway's own addresses. The file seldom says them (an interface may get its address at any time), so a rule that
 * asks for a value is asked about a stand-in: an address in the interface's network, else in no network at all, that as
 * few rules as possible tell from its neighbours.
 */
import type { Family } from '../../grammar/ast.ts';
import { listNodes } from '../diagram/count.ts';
import type { Field, Node, PolicyDiagram } from '../diagram/diagram.ts';
import { lastOf } from '../diagram/fields.ts';
import type { InterfaceId, Model, Range } from '../model.ts';
import { ownedAddresses } from '../ownership.ts';

export type OwnAddresses = (id: InterfaceId, family: Family) => bigint;

export function standIns(model: Model, diagram: PolicyDiagram): OwnAddresses {
  const known = new Map<string, bigint>();
  return (id, family) => {
    const key = `${id} ${family}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const made = findStandIn(model, diagram, id, family);
    known.set(key, made);
    return made;
  };
}

/** Where any of the diagrams tells neighbours apart: the last values before the cuts, and the domain's end. */
export function listCuts(diagram: PolicyDiagram, fields: readonly Field[]): bigint[] {
  const cuts = new Set<bigint>(fields.map(lastOf));
  const roots: readonly Node<unknown>[] = [diagram.ingress, diagram.policy, diagram.nat, diagram.redirected];
  for (const node of roots.flatMap((root) => listNodes(root))) {
    if (node.kind === 'branch' && fields.includes(node.field)) for (const { last } of node.edges) cuts.add(last);
  }
  return [...cuts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** The last values before and in each range of the tables. */
function tableCuts(model: Model, family: Family): bigint[] {
  return model.tables.flatMap(({ addresses }) => {
    const ranges: readonly Range<number | bigint>[] = family === 4 ? addresses.v4 : addresses.v6;
    return ranges.flatMap(({ first, last }) => (first > 0 ? [BigInt(first) - 1n, BigInt(last)] : [BigInt(last)]));
  });
}

/** The middle of the widest stretch that no rule cuts. */
function findStandIn(model: Model, diagram: PolicyDiagram, id: InterfaceId, family: Family): bigint {
  const owned = ownedAddresses(model, family);
  const asked = listCuts(diagram, family === 4 ? ['saddr4', 'daddr4'] : ['saddr6', 'daddr6']);
  const cuts = [...asked, ...tableCuts(model, family)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const lives = owned.some(({ interfaces }) => interfaces.includes(id));
  let best = { first: 0n, last: 0n };
  let first = 0n;
  for (const last of cuts) {
    const there = owned.find((part) => part.first <= last && first <= part.last);
    if (lives ? there?.interfaces.includes(id) : !there) {
      const from = there && there.first > first ? there.first : first;
      const until = there && there.last < last ? there.last : last;
      if (until - from > best.last - best.first) best = { first: from, last: until };
    }
    first = last + 1n;
  }
  return (best.first + best.last) / 2n;
}
