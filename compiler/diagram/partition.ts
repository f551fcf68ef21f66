/**
 * Tells clauses apart, field by field in the order of FIELDS, by the intervals of each field. A list of clauses met again
 * is built once, whatever led to it: a service's addresses are looked at once, not once for each pair of interfaces.
 */
import { type Axis, lastBefore, makeAxis } from './axis.ts';
import { FIELDS, type Field, type Node } from './diagram.ts';
import { isTableField, rankOf } from './fields.ts';
import type { Ranges } from './ranges.ts';
import type { Edge, Store } from './store.ts';

/** Matches when each field named lies in its ranges (bigints for the IPv6 addresses, numbers for the others). */
export interface Clause<L> {
  readonly where: Partial<Readonly<Record<Field, Ranges>>>;
  readonly leaf: L;
}

export interface Partition<L> {
  /** Numbers of the clauses, in order; the last two stand for "no clause": it leads to `otherwise`, to `next`. */
  readonly size: number;
  readonly otherwise: number;
  readonly next: number;
  /**
   * The diagram of the clauses of `list` (numbers, ascending, the last one asks nothing from field `from` on), which asks
   * only fields from `from` on. When it costs more than `budget` edges: null.
   */
  build(list: Int32Array, from: number, budget: number): Node<L> | null;
  /** Ranges that the clauses of `list` name in fields from `from` on: what a diagram at least must hold. */
  countRanges(list: Int32Array, from: number): number;
}

/** Lists that are to be built in another way as soon as all fields before `rank` are known. */
export interface Detour<L> {
  readonly rank: number;
  build(list: Int32Array): Node<L>;
}

class TooLarge extends Error {}

/** `ends`: where a packet goes that no clause takes, to be chosen by a list's last number. */
export function createPartition<L>(
  store: Store<L>,
  clauses: readonly Clause<L>[],
  ends: { readonly otherwise: Node<L>; readonly next: Node<L> },
  detour: Detour<L> | null,
): Partition<L> {
  const fields = [...FIELDS, ...listTableFields(clauses)];
  const ranks = new Map<Field, number>(fields.map((field, rank) => [field, rank]));
  const end = fields.length;
  const axes = fields.map((field): Axis => {
    const wheres = clauses.map(({ where }) => where[field]);
    return makeAxis(field, wheres);
  });
  const leaves = [...clauses.map((clause): Node<L> => store.leaf(clause.leaf)), ends.otherwise, ends.next];
  /** nexts[clause * width + rank]: the first field from `rank` on that the clause asks, `end`: none. */
  const width = end + 1;
  const nexts = new Uint8Array(leaves.length * width).fill(end);
  for (const [i, { where }] of clauses.entries()) {
    const asked = new Set(Object.keys(where).map((field) => ranks.get(field as Field)));
    for (let rank = end - 1; rank >= 0; rank--) {
      nexts[i * width + rank] = asked.has(rank) ? rank : nexts[i * width + rank + 1]!;
    }
  }
  const memo = fields.map(() => new Map<number, { readonly list: Int32Array; readonly node: Node<L> }[]>());
  let budget = Number.POSITIVE_INFINITY;

  function build(from: number, list: Int32Array): Node<L> {
    const rank = firstAsked(from, list);
    if (rank === end) return leaves[list[0]!]!;
    return detour && from <= detour.rank && rank >= detour.rank ? detour.build(list) : buildAt(rank, list);
  }

  /** Rank of the first field from `from` on that some clause asks. */
  function firstAsked(from: number, list: Int32Array): number {
    let first = end;
    for (let i = 0; i < list.length && first > from; i++) first = Math.min(first, nexts[list[i]! * width + from]!);
    return first;
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
    const free = list.filter((clause) => nexts[clause * width + rank] !== rank);
    const changes = listChanges(axis, list);
    const stride = 2 * leaves.length;
    let active: readonly number[] = [];
    const edges: Edge<L>[] = [];
    const past = axis.starts.length;
    for (let i = 0, at = 0; at < past; ) {
      const begun = i;
      while (i < changes.length && Math.floor(changes[i]! / stride) === at) i++;
      active = toggle(active, changes.subarray(begun, i), stride);
      at = i < changes.length ? Math.floor(changes[i]! / stride) : past;
      const sublist = merge(free, active, rank + 1);
      budget -= 1 + sublist.length / 8;
      if (budget < 0) throw new TooLarge();
      const to = build(rank + 1, sublist);
      if (edges.at(-1)?.to === to) edges.pop();
      edges.push({ last: lastBefore(axis, at), to });
    }
    return store.branch(fields[rank]!, edges);
  }

  /** Where a clause begins or ends to match, in order: (interval * number of clauses + clause) * 2, + 1 for an end. */
  function listChanges(axis: Axis, list: Int32Array): Float64Array {
    let size = 0;
    for (const clause of list) size += axis.spans[clause]?.length ?? 0;
    const changes = new Float64Array(size);
    let n = 0;
    for (const clause of list) {
      const spans = axis.spans[clause];
      for (let i = 0; spans && i < spans.length; i++) changes[n++] = (spans[i]! * leaves.length + clause) * 2 + (i & 1);
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
      if (nexts[clause * width + rank] === end) break;
    }
    return list.subarray(0, n);
  }

  return {
    size: leaves.length,
    otherwise: clauses.length,
    next: clauses.length + 1,
    build(list, from, most) {
      const before = budget;
      budget = most;
      try {
        if (!detour || from < detour.rank) return build(from, list);
        const rank = firstAsked(from, list);
        return rank === end ? leaves[list[0]!]! : buildAt(rank, list);
      } catch (error) {
        if (error instanceof TooLarge) return null;
        throw error;
      } finally {
        budget = before;
      }
    },
    countRanges(list, from) {
      let ranges = 0;
      for (const { spans } of axes.slice(from)) for (const clause of list) ranges += (spans[clause]?.length ?? 0) / 2;
      return ranges;
    },
  };
}

/** In the order in which they are asked. */
function listTableFields(clauses: readonly Clause<unknown>[]): Field[] {
  const found = new Set<Field>();
  for (const { where } of clauses)
    for (const field of Object.keys(where) as Field[]) if (isTableField(field)) found.add(field);
  return [...found].sort((a, b) => rankOf(a) - rankOf(b));
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
