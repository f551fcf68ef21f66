/**
 * Builds the diagram of a list of clauses of which the first that matches decides. Field by field, in the order of
 * FIELDS, the clauses still possible are told apart by the intervals of the field; a list of clauses met again is built
 * once, whatever led to it (a service's addresses are looked at once, not once for each pair of interfaces).
 *
 * Lists of many rules that look at different fields ("deny from A1", "allow to B1", "deny from A2", …) have diagrams
 * that grow with the square of their length. Those are cut: the first part is a diagram of its own, in which a packet
 * that no clause of the part takes goes on to the root of the next part, and fields are asked again. It is exact too.
 */
import { type Axis, lastBefore, makeAxis } from './axis.ts';
import { FIELDS, type Field, type Leaf, type Node } from './diagram.ts';
import { rankOf } from './fields.ts';
import type { Ranges } from './ranges.ts';
import type { Edge, Store } from './store.ts';

/** Matches when each field named lies in its ranges (bigints for the IPv6 addresses, numbers for the others). */
export interface Clause<L> {
  readonly where: Partial<Readonly<Record<Field, Ranges>>>;
  readonly leaf: L;
}

/** Family, interfaces: told apart before a list is cut, so that each pair has its own chain of parts. */
const CUT_RANK = rankOf('own');
/** Edges that a part may cost: so many, and so many for each range that its clauses name. */
const COST = { base: 1000, range: 6 } as const;
/** A part of so few clauses is built whatever it costs. */
const LEAST_PART = 8;

class TooLarge extends Error {}

/** The diagram of: the first clause that matches, else `otherwise`. */
export function buildFirstMatch<L>(store: Store<L>, clauses: readonly Clause<L>[], otherwise: L): Node<L> {
  const possible = clauses.filter(isPossible);
  const last = possible.length;
  const all: readonly Clause<L>[] = [...possible, { where: {}, leaf: otherwise }];
  const axes = FIELDS.map(
    (field): Axis =>
      makeAxis(
        field,
        all.map(({ where }) => where[field]),
      ),
  );
  /** Number `last + 1` is reached by what a part of the list leaves to the next. */
  const next: Leaf<L> = { kind: 'leaf', id: -1, value: otherwise };
  const leaves = [...all.map((clause): Leaf<L> => store.leaf(clause.leaf)), next];
  /** Bit i: the clause constrains FIELDS[i]. */
  const masks = new Uint16Array(all.length + 1);
  for (const [i, { where }] of all.entries()) {
    for (const field of Object.keys(where) as Field[]) masks[i]! |= 1 << rankOf(field);
  }
  const memo = FIELDS.map(() => new Map<number, { readonly list: Int32Array; readonly node: Node<L> }[]>());
  const chains = new Map<string, Node<L>>();
  let budget = Number.POSITIVE_INFINITY;

  /** `list`: numbers of clauses that match so far, ascending; the last one asks nothing from `from` on. */
  function build(from: number, list: Int32Array): Node<L> {
    const rank = firstAsked(from, list);
    if (rank === FIELDS.length) return leaves[list[0]!]!;
    return from <= CUT_RANK && rank >= CUT_RANK ? chain(list) : buildAt(rank, list);
  }

  /** Rank of the first field from `from` on that some clause asks. */
  function firstAsked(from: number, list: Int32Array): number {
    let asked = 0;
    for (const clause of list) asked |= masks[clause]!;
    asked >>>= from;
    return asked === 0 ? FIELDS.length : from + 31 - Math.clz32(asked & -asked);
  }

  function buildAt(rank: number, list: Int32Array): Node<L> {
    const hash = hashList(list);
    const bucket = memo[rank]!.get(hash);
    const known = bucket?.find((entry) => sameList(entry.list, list));
    if (known) return known.node;
    const node = split(rank, list);
    if (bucket) bucket.push({ list, node });
    else memo[rank]!.set(hash, [{ list, node }]);
    return node;
  }

  function split(rank: number, list: Int32Array): Node<L> {
    const axis = axes[rank]!;
    const bit = 1 << rank;
    const free = list.filter((clause) => (masks[clause]! & bit) === 0);
    const changes = listChanges(axis, list);
    const width = 2 * masks.length;
    let active: readonly number[] = [];
    const edges: Edge<L>[] = [];
    const end = axis.starts.length;
    for (let i = 0, at = 0; at < end; ) {
      const begun = i;
      while (i < changes.length && Math.floor(changes[i]! / width) === at) i++;
      active = toggle(active, changes.subarray(begun, i), width);
      at = i < changes.length ? Math.floor(changes[i]! / width) : end;
      const sublist = merge(free, active, rank + 1);
      budget -= 1 + sublist.length / 8;
      if (budget < 0) throw new TooLarge();
      const to = build(rank + 1, sublist);
      if (edges.at(-1)?.to === to) edges.pop();
      edges.push({ last: lastBefore(axis, at), to });
    }
    return store.branch(FIELDS[rank]!, edges);
  }

  /** Where a clause begins or ends to match, in order: (interval * number of clauses + clause) * 2, + 1 for an end. */
  function listChanges(axis: Axis, list: Int32Array): Float64Array {
    let size = 0;
    for (const clause of list) size += axis.spans[clause]?.length ?? 0;
    const changes = new Float64Array(size);
    let n = 0;
    for (const clause of list) {
      const spans = axis.spans[clause];
      for (let i = 0; spans && i < spans.length; i++) changes[n++] = (spans[i]! * masks.length + clause) * 2 + (i & 1);
    }
    return changes.sort();
  }

  /** Both in order, up to the first clause that asks nothing from `rank` on. */
  function merge(free: Int32Array, active: readonly number[], rank: number): Int32Array {
    const list = new Int32Array(free.length + active.length);
    let n = 0;
    for (let i = 0, j = 0; i < free.length || j < active.length; ) {
      const clause = j >= active.length || free[i]! < active[j]! ? free[i++]! : active[j++]!;
      list[n++] = clause;
      if (masks[clause]! >>> rank === 0) break;
    }
    return list.subarray(0, n);
  }

  /** The whole list at once if it stays small, else part by part. */
  function chain(list: Int32Array): Node<L> {
    const key = list.join();
    const made = chains.get(key) ?? attempt(list) ?? cut(list);
    chains.set(key, made);
    return made;
  }

  function cut(list: Int32Array): Node<L> {
    const parts: Node<L>[] = [];
    let size = 64;
    for (let at = 0; at < list.length; ) {
      const part = list.subarray(at, at + size);
      const isEnd = at + size >= list.length;
      const node = attempt(isEnd ? part : Int32Array.of(...part, last + 1), size <= LEAST_PART);
      if (!node) {
        size >>= 1;
        continue;
      }
      parts.push(node);
      at += size;
      size *= 2;
    }
    return parts.reduceRight((rest, part) => graft(store, part, next, rest));
  }

  /** null: it would cost too much. */
  function attempt(list: Int32Array, atAnyCost = false): Node<L> | null {
    let ranges = 0;
    for (const { spans } of axes.slice(CUT_RANK)) for (const clause of list) ranges += (spans[clause]?.length ?? 0) / 2;
    budget = atAnyCost ? Number.POSITIVE_INFINITY : COST.base + COST.range * (ranges + list.length);
    try {
      const rank = firstAsked(CUT_RANK, list);
      return rank === FIELDS.length ? leaves[list[0]!]! : buildAt(rank, list);
    } catch (error) {
      if (error instanceof TooLarge) return null;
      throw error;
    } finally {
      budget = Number.POSITIVE_INFINITY;
    }
  }

  return build(0, merge(Int32Array.from(all.keys()), [], 0));
}

/** `root` with `rest` in the place of `leaf`. */
function graft<L>(store: Store<L>, root: Node<L>, leaf: Leaf<L>, rest: Node<L>): Node<L> {
  const memo = new Map<Node<L>, Node<L>>([[leaf, rest]]);
  const visit = (node: Node<L>): Node<L> => {
    if (node.kind === 'leaf') return node === leaf ? rest : node;
    const known = memo.get(node);
    if (known) return known;
    const edges = node.edges.map(({ last, to }) => ({ last, to: visit(to) }));
    const made = store.branch(node.field, edges);
    memo.set(node, made);
    return made;
  };
  return visit(root);
}

function isPossible<L>(clause: Clause<L>): boolean {
  return Object.values(clause.where).every((ranges) => ranges.length > 0);
}

/** `active`, ascending, without those of the changed clauses that are in it, and with those that are not. */
function toggle(active: readonly number[], changes: Float64Array, width: number): number[] {
  const out: number[] = [];
  let i = 0;
  for (const change of changes) {
    const clause = (change % width) >> 1;
    while (i < active.length && active[i]! < clause) out.push(active[i++]!);
    if (active[i] === clause) i++;
    else out.push(clause);
  }
  while (i < active.length) out.push(active[i++]!);
  return out;
}

function hashList(list: Int32Array): number {
  let hash = list.length;
  for (const value of list) hash = Math.imul((hash ^ (hash >>> 15)) + value, 0x9e3779b1);
  return hash;
}

function sameList(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
