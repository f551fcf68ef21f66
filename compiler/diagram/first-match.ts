/**
 * Builds the diagram of a list of clauses of which the first that matches decides.
 *
 * Lists of many rules that look at different fields ("deny from A1", "allow to B1", "deny from A2", …) have diagrams
 * that grow with the square of their length. Those are cut: the first part is a diagram of its own, in which a packet
 * that no clause of the part takes goes on to the root of the next part, and fields are asked again. That is exact, too,
 * and grows with the length of the list.
 */
import type { Leaf, Node } from './diagram.ts';
import { rankOf } from './fields.ts';
import { type Clause, createPartition, type Partition } from './partition.ts';
import type { Store } from './store.ts';

/** Family and interfaces are told apart before a list is cut, so that each pair has its own chain of parts. */
const CUT_RANK = rankOf('own');
/** Clauses of the first part that is tried. */
const FIRST_PART = 64;

/** Edges that a diagram may cost before its list is cut: so many, and so many for each range and clause. */
function budgetOf(partition: Partition<unknown>, list: Int32Array, from: number): number {
  return 1000 + 4 * (partition.countRanges(list, from) + list.length);
}

/** The diagram of: the first clause of all stages that matches, else `otherwise`. At once if that stays small. */
export function buildStages<L>(store: Store<L>, stages: readonly (readonly Clause<L>[])[], otherwise: L): Node<L> {
  const end = store.leaf(otherwise);
  const clauses = stages.flat().filter(isPossible);
  const partition = createPartition(store, clauses, { otherwise: end, next: end }, null);
  const all = Int32Array.from({ length: clauses.length + 1 }, (_, i) => i);
  const whole = partition.build(all, 0, budgetOf(partition, all, 0));
  if (whole) return whole;
  return stages.reduceRight((rest, stage) => buildFirstMatch(store, stage, rest), end as Node<L>);
}

/** The diagram of: the first clause that matches, else what `otherwise` says. */
export function buildFirstMatch<L>(store: Store<L>, clauses: readonly Clause<L>[], otherwise: Node<L>): Node<L> {
  const possible = clauses.filter(isPossible);
  const next = { kind: 'leaf', id: -1, value: null } as unknown as Leaf<L>;
  const chains = new Map<string, Node<L>>();
  const partition = createPartition(store, possible, { otherwise, next }, { rank: CUT_RANK, build: buildChain });

  /** The whole list at once if it stays small, else part by part. */
  function buildChain(list: Int32Array): Node<L> {
    const key = list.join();
    const whole = () => partition.build(list, CUT_RANK, budgetOf(partition, list, CUT_RANK));
    const made = chains.get(key) ?? whole() ?? buildParts(list);
    chains.set(key, made);
    return made;
  }

  function buildParts(list: Int32Array): Node<L> {
    const parts: Node<L>[] = [];
    for (let at = 0, size = FIRST_PART; at < list.length; ) {
      const part = list.subarray(at, at + size);
      const ended = at + size < list.length ? Int32Array.of(...part, partition.next) : part;
      const budget = size > 1 ? budgetOf(partition, ended, CUT_RANK) : Number.POSITIVE_INFINITY;
      const node = partition.build(ended, CUT_RANK, budget);
      if (node) {
        parts.push(node);
        at += size;
        size *= 2;
      } else size >>= 1;
    }
    return parts.reduceRight((rest, part) => graft(store, part, next, rest));
  }

  const all = Int32Array.from({ length: possible.length + 1 }, (_, i) => i);
  return partition.build(all, 0, Number.POSITIVE_INFINITY)!;
}

/** `root` with `rest` in the place of `leaf`. */
function graft<L>(store: Store<L>, root: Node<L>, leaf: Leaf<L>, rest: Node<L>): Node<L> {
  const memo = new Map<Node<L>, Node<L>>();
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
  return Object.values(clause.where).every((ranges) => ranges === undefined || ranges.length > 0);
}
