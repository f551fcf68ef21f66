/** How large a diagram is. */
import type { Node } from './diagram.ts';

export interface Size {
  readonly branches: number;
  readonly leaves: number;
  /** Edges of all branches together: what a generated program grows with. */
  readonly edges: number;
  /** Branches on the longest path. */
  readonly depth: number;
}

/** Every node once, children before their parents. */
export function listNodes<L>(root: Node<L>): Node<L>[] {
  const seen = new Set<Node<L>>();
  const waiting: { readonly node: Node<L>; next: number }[] = [{ node: root, next: 0 }];
  const entered = new Set<Node<L>>([root]);
  for (let top = waiting.at(-1); top; top = waiting.at(-1)) {
    const child: Node<L> | undefined = top.node.kind === 'branch' ? top.node.edges[top.next++]?.to : undefined;
    if (!child) {
      seen.add(top.node);
      waiting.pop();
    } else if (!entered.has(child)) {
      entered.add(child);
      waiting.push({ node: child, next: 0 });
    }
  }
  return [...seen];
}

export function measure<L>(root: Node<L>): Size {
  const depths = new Map<Node<L>, number>();
  let [branches, leaves, edges] = [0, 0, 0];
  for (const node of listNodes(root)) {
    if (node.kind === 'leaf') {
      leaves++;
      depths.set(node, 0);
      continue;
    }
    branches++;
    edges += node.edges.length;
    depths.set(node, 1 + node.edges.reduce((depth, { to }) => Math.max(depth, depths.get(to)!), 0));
  }
  return { branches, leaves, edges, depth: depths.get(root)! };
}
