/**
 * A chain of diagrams as one diagram that asks its fields in order. That may be large; it is small where most packets reach
 * one leaf, as in the difference of two policies that are nearly the same.
 */
import { listNodes } from './count.ts';
import type { Field, Node } from './diagram.ts';
import { lastOf, rankOf } from './fields.ts';
import type { Edge, Store } from './store.ts';

/** The same function; null when it takes more than `most` nodes to be looked at. */
export function arrange<L>(store: Store<L>, root: Node<L>, most: number): Node<L> | null {
  const done = new Map<Node<L>, Node<L>>();
  let left = most;

  function visit(node: Node<L>): Node<L> {
    const before = done.get(node);
    if (before) return before;
    const nodes = listNodes(node);
    left -= nodes.length;
    const made = isOrdered(nodes) ? node : splitBy(node, firstOf(nodes));
    done.set(node, made);
    return made;
  }

  function splitBy(node: Node<L>, field: Field): Node<L> {
    const edges: Edge<L>[] = [];
    const waiting = [{ node, first: 0n, last: lastOf(field) }];
    for (let at = waiting.pop(); at && left > 0; at = waiting.pop()) {
      const nodes = listNodes(at.node);
      left -= nodes.length;
      const cuts = cutsOf(nodes, field).filter((cut) => at!.first <= cut && cut < at!.last);
      const middle = cuts[cuts.length >> 1];
      if (middle === undefined)
        edges.push({ last: at.last, to: visit(restrict(store, nodes, field, at.first, at.last)) });
      else {
        const [low, high] = [
          { first: at.first, last: middle },
          { first: middle + 1n, last: at.last },
        ].map((half) => ({ ...half, node: restrict(store, nodes, field, half.first, half.last) }));
        waiting.push(high!, low!);
      }
    }
    return left > 0 ? store.branch(field, edges) : node;
  }

  const arranged = visit(root);
  return left > 0 ? arranged : null;
}

/** The last of `nodes`, for packets whose `field` lies in first..last; edges elsewhere lead where it is cheapest. */
function restrict<L>(store: Store<L>, nodes: readonly Node<L>[], field: Field, first: bigint, last: bigint): Node<L> {
  const made = new Map<Node<L>, Node<L>>();
  for (const node of nodes) {
    if (node.kind === 'leaf') {
      made.set(node, node);
      continue;
    }
    let edges = node.edges;
    if (node.field === field) {
      const from = edges.findIndex((edge) => first <= edge.last);
      const until = edges.findIndex((edge) => last <= edge.last);
      edges = edges
        .slice(from, until + 1)
        .map((edge, i) => (from + i === until ? { ...edge, last: lastOf(field) } : edge));
    }
    made.set(
      node,
      store.branch(
        node.field,
        edges.map((edge) => ({ last: edge.last, to: made.get(edge.to)! })),
      ),
    );
  }
  return made.get(nodes.at(-1)!)!;
}

function isOrdered(nodes: readonly Node<unknown>[]): boolean {
  return nodes.every(
    (node) =>
      node.kind === 'leaf' || node.edges.every(({ to }) => to.kind === 'leaf' || rankOf(to.field) > rankOf(node.field)),
  );
}

function firstOf(nodes: readonly Node<unknown>[]): Field {
  const fields = nodes.flatMap((node) => (node.kind === 'leaf' ? [] : [node.field]));
  return fields.reduce((first, field) => (rankOf(field) < rankOf(first) ? field : first));
}

/** Ascending. */
function cutsOf(nodes: readonly Node<unknown>[], field: Field): bigint[] {
  const cuts = new Set<bigint>();
  for (const node of nodes)
    if (node.kind === 'branch' && node.field === field) for (const { last } of node.edges) cuts.add(last);
  return [...cuts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}
