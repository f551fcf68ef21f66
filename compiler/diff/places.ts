/** Interfaces of two files by name, with one number for both: 0 is the gateway, 255 none of them. */

import { listNodes } from '../diagram/count.ts';
import type { Field, Node } from '../diagram/diagram.ts';
import { NOWHERE } from '../diagram/fields.ts';
import type { Store } from '../diagram/store.ts';
import { type Model, SELF } from '../model.ts';

export interface Places {
  /** By number; `self` is first. */
  readonly names: readonly string[];
  /** A file's id of a place; null: it does not declare it. */
  readonly idIn: (model: Model, place: number) => number | null;
}

export function joinPlaces(models: readonly Model[]): Places {
  const names = ['self', ...new Set(models.flatMap(({ interfaces }) => interfaces.map(({ name }) => name)))];
  const idIn = (model: Model, place: number): number | null =>
    place === SELF ? SELF : (model.interfaces.find(({ name }) => name === names[place])?.id ?? null);
  return { names, idIn };
}

/** The same diagram with common numbers of interfaces. What the file does not declare is undeclared to it. */
export function renumber(store: Store<string>, root: Node<string>, model: Model, places: Places): Node<string> {
  const done = new Map<Node<string>, Node<string>>();
  for (const node of listNodes(root)) {
    if (node.kind === 'leaf') {
      done.set(node, store.leaf(node.value));
      continue;
    }
    const child = (id: number) => done.get(node.edges.find(({ last }) => BigInt(id) <= last)!.to)!;
    const edges = PLACED.has(node.field)
      ? [
          ...places.names.map((_, place) => ({ last: BigInt(place), to: child(places.idIn(model, place) ?? NOWHERE) })),
          { last: BigInt(NOWHERE), to: child(NOWHERE) },
        ]
      : node.edges.map(({ last, to }) => ({ last, to: done.get(to)! }));
    done.set(node, store.branch(node.field, edges));
  }
  return done.get(root)!;
}
const PLACED: ReadonlySet<Field> = new Set<Field>(['in', 'out', 'own']);
