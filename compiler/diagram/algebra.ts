/**
 * Diagrams as functions: combine two, map the leaves, find a packet that reaches a leaf. Nothing here recurses: a policy
 * that was built in parts may be thousands of branches deep.
 */
import { listNodes } from './count.ts';
import type { Field, Leaf, Node } from './diagram.ts';
import { rankOf } from './fields.ts';
import type { Store } from './store.ts';

/**
 * The diagram of `combine(a(packet), b(packet))`. Of two diagrams that ask their fields in order the result does so too;
 * what is combined there are the pairs of leaves that some packet reaches.
 */
export function applyBoth<A, B, C>(
  store: Store<C>,
  a: Node<A>,
  b: Node<B>,
  combine: (a: A, b: B) => C,
  /** What is known of two nodes without looking further; null: nothing. */
  known: (left: Node<A>, right: Node<B>) => C | null = () => null,
): Node<C> {
  const done = new Map<number, Node<C>>();
  const waiting: Both<A, B>[] = [];
  const enter = (left: Node<A>, right: Node<B>): void => {
    const value = known(left, right);
    if (value !== null) done.set(keyOf(left, right), store.leaf(value));
    else if (left.kind === 'leaf' && right.kind === 'leaf')
      done.set(keyOf(left, right), store.leaf(combine(left.value, right.value)));
    else waiting.push({ left, right, parts: splitBoth(left, right), next: 0 });
  };
  enter(a, b);
  for (let top = waiting.at(-1); top; top = waiting.at(-1)) {
    const part = top.parts[top.next];
    if (part) {
      if (done.has(keyOf(part.left, part.right))) top.next++;
      else enter(part.left, part.right);
      continue;
    }
    const edges = top.parts.map(({ last, left, right }) => ({ last, to: done.get(keyOf(left, right))! }));
    done.set(keyOf(top.left, top.right), store.branch(firstField(top.left, top.right), edges));
    waiting.pop();
  }
  return done.get(keyOf(a, b))!;
}

/** Ids count from 0; there is no room for 2^26 nodes. */
function keyOf(left: Node<unknown>, right: Node<unknown>): number {
  return left.id * 2 ** 26 + right.id;
}

interface Both<A, B> {
  readonly left: Node<A>;
  readonly right: Node<B>;
  readonly parts: readonly Part<A, B>[];
  /** The first of `parts` that may still be missing. */
  next: number;
}

interface Part<A, B> {
  readonly last: bigint;
  readonly left: Node<A>;
  readonly right: Node<B>;
}

/** The intervals of the field that is asked first, with what follows in each of the two. */
function splitBoth<A, B>(x: Node<A>, y: Node<B>): Part<A, B>[] {
  const order = rankOfNode(x) - rankOfNode(y);
  const lefts = order <= 0 && x.kind === 'branch' ? x.edges : null;
  const rights = order >= 0 && y.kind === 'branch' ? y.edges : null;
  if (!lefts) return (rights ?? []).map(({ last, to }) => ({ last, left: x, right: to }));
  if (!rights) return lefts.map(({ last, to }) => ({ last, left: to, right: y }));
  const parts: Part<A, B>[] = [];
  for (let i = 0, j = 0; i < lefts.length && j < rights.length; ) {
    const left = lefts[i]!;
    const right = rights[j]!;
    parts.push({ last: left.last < right.last ? left.last : right.last, left: left.to, right: right.to });
    if (left.last <= right.last) i++;
    if (right.last <= left.last) j++;
  }
  return parts;
}

function firstField(x: Node<unknown>, y: Node<unknown>): Field {
  const asked = rankOfNode(x) <= rankOfNode(y) ? x : y;
  if (asked.kind === 'leaf') throw new TypeError('two leaves ask no field');
  return asked.field;
}

function rankOfNode(node: Node<unknown>): number {
  return node.kind === 'leaf' ? Number.POSITIVE_INFINITY : rankOf(node.field);
}

/** The diagram of `change(a(packet))`. */
export function mapLeaves<A, C>(store: Store<C>, a: Node<A>, change: (value: A) => C): Node<C> {
  const done = new Map<Node<A>, Node<C>>();
  for (const node of listNodes(a)) {
    if (node.kind === 'leaf') done.set(node, store.leaf(change(node.value)));
    else {
      const edges = node.edges.map(({ last, to }) => ({ last, to: done.get(to)! }));
      done.set(node, store.branch(node.field, edges));
    }
  }
  return done.get(a)!;
}

/** What is known of a field on a path; fields that are not named may be anything. */
export type Box = Partial<Readonly<Record<Field, { readonly first: bigint; readonly last: bigint }>>>;

export interface Path<L> {
  readonly box: Box;
  readonly leaf: Leaf<L>;
}

/**
 * The packets of one path to a leaf that `wanted` accepts; null when no packet reaches one. Quick where fields are asked
 * in order; in a chain of diagrams it may have to try all paths before it can say null.
 */
export function findWitness<L>(root: Node<L>, wanted: (value: L) => boolean): Path<L> | null {
  const leads = new Set<Node<L>>();
  for (const node of listNodes(root)) {
    if (node.kind === 'leaf' ? wanted(node.value) : node.edges.some(({ to }) => leads.has(to))) leads.add(node);
  }
  for (const path of listPaths(root, (node) => leads.has(node))) return path;
  return null;
}

/**
 * Every path that some packet takes, with its leaf, in the order of the edges; there may be very many. Nodes that `enter`
 * refuses are left out with all that follows.
 */
export function* listPaths<L>(root: Node<L>, enter: (node: Node<L>) => boolean = () => true): Generator<Path<L>> {
  const waiting: { readonly node: Node<L>; readonly box: Box }[] = [{ node: root, box: {} }];
  for (let at = waiting.pop(); at; at = waiting.pop()) {
    const { node, box } = at;
    if (!enter(node)) continue;
    if (node.kind === 'leaf') {
      yield { box, leaf: node };
      continue;
    }
    const known = box[node.field];
    const next: typeof waiting = [];
    let start = 0n;
    for (const { last: end, to } of node.edges) {
      const first = known && known.first > start ? known.first : start;
      const last = known && known.last < end ? known.last : end;
      if (first <= last) next.push({ node: to, box: { ...box, [node.field]: { first, last } } });
      start = end + 1n;
    }
    waiting.push(...next.reverse());
  }
}
