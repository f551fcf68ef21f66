/** Diagrams as functions: combine two, map the leaves, find a packet that reaches a leaf. */
import type { Branch, Field, Leaf, Node } from './diagram.ts';
import { rankOf } from './fields.ts';
import type { Edge, Store } from './store.ts';

/** The diagram of `combine(a(packet), b(packet))`. Only pairs of leaves that some packet reaches are combined. */
export function applyBoth<A, B, C>(store: Store<C>, a: Node<A>, b: Node<B>, combine: (a: A, b: B) => C): Node<C> {
  const memo = new Map<Node<A>, Map<Node<B>, Node<C>>>();

  function visit(x: Node<A>, y: Node<B>): Node<C> {
    const row = memo.get(x) ?? new Map<Node<B>, Node<C>>();
    memo.set(x, row);
    const known = row.get(y);
    if (known) return known;
    const made = make(x, y);
    row.set(y, made);
    return made;
  }

  function make(x: Node<A>, y: Node<B>): Node<C> {
    if (x.kind === 'leaf' && y.kind === 'leaf') return store.leaf(combine(x.value, y.value));
    const order = (x.kind === 'leaf' ? 1000 : rankOf(x.field)) - (y.kind === 'leaf' ? 1000 : rankOf(y.field));
    if (order < 0) {
      const { field, edges } = x as Branch<A>;
      return store.branch(
        field,
        edges.map(({ last, to }) => ({ last, to: visit(to, y) })),
      );
    }
    if (order > 0) {
      const { field, edges } = y as Branch<B>;
      return store.branch(
        field,
        edges.map(({ last, to }) => ({ last, to: visit(x, to) })),
      );
    }
    const left = (x as Branch<A>).edges;
    const right = (y as Branch<B>).edges;
    const edges: Edge<C>[] = [];
    for (let i = 0, j = 0; i < left.length && j < right.length; ) {
      const l = left[i]!;
      const r = right[j]!;
      edges.push({ last: l.last < r.last ? l.last : r.last, to: visit(l.to, r.to) });
      if (l.last <= r.last) i++;
      if (r.last <= l.last) j++;
    }
    return store.branch((x as Branch<A>).field, edges);
  }

  return visit(a, b);
}

/** The diagram of `change(a(packet))`. */
export function mapLeaves<A, C>(store: Store<C>, a: Node<A>, change: (value: A) => C): Node<C> {
  const memo = new Map<Node<A>, Node<C>>();
  function visit(node: Node<A>): Node<C> {
    const known = memo.get(node);
    if (known) return known;
    const made =
      node.kind === 'leaf'
        ? store.leaf(change(node.value))
        : store.branch(
            node.field,
            node.edges.map(({ last, to }) => ({ last, to: visit(to) })),
          );
    memo.set(node, made);
    return made;
  }
  return visit(a);
}

/** What is known of a field on a path; fields that are not named may be anything. */
export type Box = Partial<Readonly<Record<Field, { readonly first: bigint; readonly last: bigint }>>>;

/** The packets of one path to a leaf that `wanted` accepts; null when no packet reaches one. */
export function findWitness<L>(root: Node<L>, wanted: (value: L) => boolean): { box: Box; leaf: Leaf<L> } | null {
  const barren = new Set<Node<L>>();
  function visit(node: Node<L>, box: Box): { box: Box; leaf: Leaf<L> } | null {
    if (barren.has(node)) return null;
    if (node.kind === 'leaf') {
      if (wanted(node.value)) return { box, leaf: node };
    } else {
      let first = 0n;
      for (const { last, to } of node.edges) {
        const found = visit(to, { ...box, [node.field]: { first, last } });
        if (found) return found;
        first = last + 1n;
      }
    }
    barren.add(node);
    return null;
  }
  return visit(root, {});
}

/** Every path with its leaf; there may be very many, so take only as many as are needed. */
export function* listPaths<L>(root: Node<L>, box: Box = {}): Generator<{ box: Box; leaf: Leaf<L> }> {
  if (root.kind === 'leaf') {
    yield { box, leaf: root };
    return;
  }
  let first = 0n;
  for (const { last, to } of root.edges) {
    yield* listPaths(to, { ...box, [root.field]: { first, last } });
    first = last + 1n;
  }
}
