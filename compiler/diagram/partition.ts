/**
 * Builds the diagram of a list of clauses of which the first that matches decides. Field by field, in the order of
 * FIELDS, the clauses still possible are told apart by the intervals of the field; a list of clauses met again is built
 * once, whatever led to it (a service's addresses are looked at once, not once for each pair of interfaces).
 */
import { FIELDS, type Field, type Node } from './diagram.ts';
import { lastOf } from './fields.ts';
import type { Ranges } from './ranges.ts';
import type { Edge, Store } from './store.ts';

/** Matches when each field named lies in its ranges (bigints for the IPv6 addresses, numbers for the others). */
export interface Clause<L> {
  readonly where: Partial<Readonly<Record<Field, Ranges>>>;
  readonly leaf: L;
}

/** The diagram of: the first clause that matches, else `otherwise`. */
export function buildFirstMatch<L>(store: Store<L>, clauses: readonly Clause<L>[], otherwise: L): Node<L> {
  const all: readonly Clause<L>[] = [...clauses.filter(isPossible), { where: {}, leaf: otherwise }];
  const axes = FIELDS.map((field) => makeAxis(field, all));
  const leaves = all.map((clause) => store.leaf(clause.leaf));
  /** Bit i: the clause constrains FIELDS[i]. */
  const masks = Uint16Array.from(all, (clause) =>
    FIELDS.reduce((mask, field, i) => (clause.where[field] ? mask | (1 << i) : mask), 0),
  );
  const memo = FIELDS.map(() => new Map<number, { readonly list: Int32Array; readonly node: Node<L> }[]>());

  /** `list`: indexes of clauses that match so far, ascending; the last one is unconstrained from `rank` on. */
  function build(rank: number, list: Int32Array): Node<L> {
    let constrained = 0;
    for (const clause of list) constrained |= masks[clause]!;
    constrained >>>= rank;
    if (constrained === 0) return leaves[list[0]!]!;
    while ((constrained & 1) === 0) {
      constrained >>>= 1;
      rank++;
    }
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
    const free: number[] = [];
    let events = 0;
    for (const clause of list) {
      if (masks[clause]! & bit) events += axis.spans[clause]!.length;
      else free.push(clause);
    }
    const changes = new Float64Array(events);
    const width = 2 * all.length;
    let n = 0;
    for (const clause of list) {
      if (!(masks[clause]! & bit)) continue;
      const spans = axis.spans[clause]!;
      for (let i = 0; i < spans.length; i++) changes[n++] = spans[i]! * width + 2 * clause + (i & 1);
    }
    changes.sort();

    const active: number[] = [];
    const edges: Edge<L>[] = [];
    const end = axis.starts.length;
    for (let i = 0, at = 0; at < end; ) {
      for (; i < n && Math.floor(changes[i]! / width) === at; i++)
        toggle(active, Math.floor((changes[i]! % width) / 2));
      const until = i < n ? Math.floor(changes[i]! / width) : end;
      const to = build(rank + 1, merge(free, active, rank + 1));
      const before = edges.at(-1);
      if (before && before.to === to) edges.pop();
      edges.push({ last: until < end ? BigInt(axis.starts[until]!) - 1n : axis.last, to });
      at = until;
    }
    return store.branch(FIELDS[rank]!, edges);
  }

  /** Both in order, up to the first clause that constrains no field from `rank` on. */
  function merge(free: readonly number[], active: readonly number[], rank: number): Int32Array {
    const list = new Int32Array(free.length + active.length);
    let n = 0;
    for (let i = 0, j = 0; i < free.length || j < active.length; ) {
      const clause = j >= active.length || free[i]! < active[j]! ? free[i++]! : active[j++]!;
      list[n++] = clause;
      if (masks[clause]! >>> rank === 0) break;
    }
    return list.subarray(0, n);
  }

  return build(0, merge([...all.keys()], [], 0));
}

/** A field's domain cut wherever any clause begins or ends. */
interface Axis {
  /** First values of the elementary intervals, ascending, from 0. */
  readonly starts: readonly (number | bigint)[];
  readonly last: bigint;
  /** For each clause: begin, end, begin, end … as indexes of `starts` (end exclusive). */
  readonly spans: readonly Int32Array[];
}

const NOWHERE_SPAN = new Int32Array(0);

function makeAxis<L>(field: Field, clauses: readonly Clause<L>[]): Axis {
  const last = lastOf(field);
  const sets = new Set<Ranges>();
  for (const { where } of clauses) {
    const ranges = where[field];
    if (ranges) sets.add(ranges);
  }
  const starts = field.endsWith('6') ? cutBigints(sets, last) : cutNumbers(sets, Number(last));
  const index = new Map<number | bigint, number>(starts.map((start, i) => [start, i]));
  const spans = new Map<Ranges, Int32Array>();
  for (const ranges of sets) {
    const span = new Int32Array(2 * ranges.length);
    ranges.forEach((range, i) => {
      span[2 * i] = index.get(range.first)!;
      const after = typeof range.last === 'bigint' ? range.last + 1n : range.last + 1;
      span[2 * i + 1] = index.get(after) ?? starts.length;
    });
    spans.set(ranges, span);
  }
  return {
    starts,
    last,
    spans: clauses.map(({ where }) => {
      const ranges = where[field];
      return ranges ? spans.get(ranges)! : NOWHERE_SPAN;
    }),
  };
}

function cutNumbers(sets: Iterable<Ranges>, last: number): number[] {
  const cuts = [0];
  for (const ranges of sets) {
    for (const range of ranges) {
      cuts.push(Number(range.first));
      if (range.last < last) cuts.push(Number(range.last) + 1);
    }
  }
  return dedupe(Array.from(Float64Array.from(cuts).sort()));
}

function cutBigints(sets: Iterable<Ranges>, last: bigint): bigint[] {
  const cuts = [0n];
  for (const ranges of sets) {
    for (const range of ranges) {
      cuts.push(BigInt(range.first));
      if (range.last < last) cuts.push(BigInt(range.last) + 1n);
    }
  }
  return dedupe(cuts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
}

function dedupe<T>(sorted: readonly T[]): T[] {
  return sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
}

function isPossible<L>(clause: Clause<L>): boolean {
  return Object.values(clause.where).every((ranges) => ranges.length > 0);
}

/** Puts `value` in or takes it out; `sorted` stays ascending. */
function toggle(sorted: number[], value: number): void {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  if (sorted[low] === value) sorted.splice(low, 1);
  else sorted.splice(low, 0, value);
}

function hashList(list: Int32Array): number {
  let hash = list.length;
  for (const value of list) hash = Math.imul((hash ^ (hash >>> 15)) + value, 0x9e3779b1);
  return hash;
}

function sameList(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
