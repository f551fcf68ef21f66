/**
 * Makes the nodes of diagrams: equal leaves and equal branches come out as the same object, neighbouring edges to one
 * child are joined, and a branch with one child is that child. Hence two diagrams from one store are the same function
 * exactly when they are the same node.
 */
import type { Branch, Field, Leaf, Node } from './diagram.ts';

export interface Edge<L> {
  readonly last: bigint;
  readonly to: Node<L>;
}

export interface Store<L> {
  leaf(value: L): Leaf<L>;
  /** `edges` sorted by `last`, the last one at the end of the field's domain; children ask later fields only. */
  branch(field: Field, edges: readonly Edge<L>[]): Node<L>;
}

/** Gives ids to nodes; stores that share one never give the same id twice. */
export interface Ids {
  next: number;
}

/** `key` must tell any two different leaf values apart. */
export function createStore<L>(key: (value: L) => string, ids: Ids = { next: 0 }): Store<L> {
  const leaves = new Map<string, Leaf<L>>();
  const branches = new Map<number, Branch<L>[]>();

  function leaf(value: L): Leaf<L> {
    const name = key(value);
    const known = leaves.get(name);
    if (known) return known;
    const made: Leaf<L> = { kind: 'leaf', id: ids.next++, value };
    leaves.set(name, made);
    return made;
  }

  function branch(field: Field, edges: readonly Edge<L>[]): Node<L> {
    const joined = joinEdges(edges);
    const only = joined[0];
    if (!only) throw new RangeError(`a branch on ${field} needs an edge`);
    if (joined.length === 1) return only.to;
    const hash = hashEdges(joined);
    const bucket = branches.get(hash);
    const known = bucket?.find((other) => other.field === field && sameEdges(other.edges, joined));
    if (known) return known;
    const made: Branch<L> = { kind: 'branch', id: ids.next++, field, edges: joined };
    if (bucket) bucket.push(made);
    else branches.set(hash, [made]);
    return made;
  }

  return { leaf, branch };
}

function joinEdges<L>(edges: readonly Edge<L>[]): readonly Edge<L>[] {
  let doubles = false;
  for (let i = 1; i < edges.length && !doubles; i++) doubles = edges[i]!.to === edges[i - 1]!.to;
  if (!doubles) return edges;
  return edges.filter((edge, i) => edge.to !== edges[i + 1]?.to);
}

function hashEdges<L>(edges: readonly Edge<L>[]): number {
  let hash = edges.length;
  for (const { last, to } of edges) {
    hash = Math.imul(hash ^ to.id, 0x9e3779b1);
    hash = Math.imul((hash ^ (hash >>> 15)) + Number(last & 0xffffffffn), 0x85ebca6b);
  }
  return hash ^ (hash >>> 13);
}

function sameEdges<L>(a: readonly Edge<L>[], b: readonly Edge<L>[]): boolean {
  return a.length === b.length && a.every((edge, i) => edge.to === b[i]!.to && edge.last === b[i]!.last);
}
