/** Moves on diagrams of answers. */

import { applyBoth } from '../diagram/algebra.ts';
import { listNodes } from '../diagram/count.ts';
import type { Field, Node } from '../diagram/diagram.ts';
import { lastOf } from '../diagram/fields.ts';
import type { Edge, Store } from '../diagram/store.ts';
import type { Range } from '../model.ts';
import type { Piece } from './pieces.ts';

type Answers = Node<string>;
const YES = '1';
const NO = '0';
const OPEN = '?';

/** `root` for packets whose `field` is `value`. */
export function fix(store: Store<string>, root: Answers, field: Field, value: bigint): Answers {
  return rebuild(store, root, field, (edges) => [{ last: lastOf(field), to: childAt(edges, value) }]);
}

/** For packets whose `field` lies in a piece, what `root` says of those where it has moved to; of others nothing that counts. */
export function move(store: Store<string>, root: Answers, field: Field, pieces: readonly Piece[]): Answers {
  return rebuild(store, root, field, (edges) => {
    const moved: Edge<string>[] = [];
    for (const { here, there } of pieces) {
      const lasts = edges.filter(({ last }, i) => last >= there.first && (edges[i - 1]?.last ?? -1n) < there.last);
      const before = here.first - 1n;
      if (before > (moved.at(-1)?.last ?? -1n)) moved.push({ last: before, to: lasts[0]!.to });
      for (const { last, to } of lasts)
        moved.push({ last: (last < there.last ? last : there.last) - there.first + here.first, to });
    }
    const end = moved.at(-1)!;
    return end.last < lastOf(field) ? [...moved, { last: lastOf(field), to: end.to }] : moved;
  });
}

function rebuild(
  store: Store<string>,
  root: Answers,
  field: Field,
  change: (edges: readonly Edge<string>[]) => readonly Edge<string>[],
): Answers {
  const done = new Map<Answers, Answers>();
  for (const node of listNodes(root)) {
    if (node.kind === 'leaf') {
      done.set(node, node);
      continue;
    }
    const edges = node.edges.map(({ last, to }) => ({ last, to: done.get(to)! }));
    done.set(node, store.branch(node.field, node.field === field ? change(edges) : edges));
  }
  return done.get(root)!;
}

export function childAt(edges: readonly Edge<string>[], value: bigint): Answers {
  return edges.find(({ last }) => value <= last)!.to;
}

/** `yes` for packets that `condition` holds for, `no` for the others. */
export function choose(store: Store<string>, condition: Answers, yes: Answers, no: Answers): Answers {
  if (yes === no) return yes;
  const half = applyBoth(store, condition, yes, (is, answer) => (is === YES ? answer : OPEN));
  return applyBoth(store, half, no, (answer, other) => (answer === OPEN ? other : answer));
}

/** Holds where `field` lies in one of `ranges` (sorted, disjoint). */
export function within(store: Store<string>, field: Field, ranges: readonly Range<number | bigint>[]): Answers {
  const edges: Edge<string>[] = [];
  for (const range of ranges) {
    const [first, last] = [BigInt(range.first), BigInt(range.last)];
    if (first > 0n) edges.push({ last: first - 1n, to: store.leaf(NO) });
    edges.push({ last, to: store.leaf(YES) });
  }
  if ((edges.at(-1)?.last ?? -1n) < lastOf(field)) edges.push({ last: lastOf(field), to: store.leaf(NO) });
  return store.branch(field, edges);
}
