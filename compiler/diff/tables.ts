/** Tables of two files: what a file asks of its tables, as conditions on addresses. */

import { listNodes } from '../diagram/count.ts';
import type { Field, Node } from '../diagram/diagram.ts';
import { FAMILY_RANGE, isTableField, rankOf, readTableField } from '../diagram/fields.ts';
import type { Store } from '../diagram/store.ts';
import type { Follows } from '../dynamic.ts';
import type { AddressSet, Model, Table } from '../model.ts';
import { choose, fix, within } from './functions.ts';

/** Numbers for tables that are the same question in both files. */
export type Tables = Map<string, number>;

export function fillTables(store: Store<string>, root: Node<string>, model: Model, tables: Tables): Node<string> {
  const asked = new Set<Field>();
  for (const node of listNodes(root)) if (node.kind === 'branch' && isTableField(node.field)) asked.add(node.field);
  let out = root;
  for (const field of [...asked].sort((a, b) => rankOf(b) - rankOf(a))) {
    const { table, side } = readTableField(field as `${number}:saddr`);
    const found = model.tables[table]!;
    const held =
      found.follows === null ? among(store, found.addresses, side) : follow(store, model, found, side, tables);
    out = choose(store, held, fix(store, out, field, 1n), fix(store, out, field, 0n));
  }
  return out;
}

function among(store: Store<string>, { v4, v6 }: AddressSet, side: 'saddr' | 'daddr'): Node<string> {
  return store.branch('family', [
    { last: BigInt(FAMILY_RANGE[4].last), to: within(store, `${side}4`, v4) },
    { last: BigInt(FAMILY_RANGE[6].last), to: within(store, `${side}6`, v6) },
  ]);
}

/** What the machine fills stays a question: one for both files where it follows the same. */
function follow(
  store: Store<string>,
  model: Model,
  table: Table,
  side: 'saddr' | 'daddr',
  tables: Tables,
): Node<string> {
  const key = keyOfFollows(model, table.follows!);
  const number = tables.get(key) ?? FIRST_TABLE + tables.size;
  tables.set(key, number);
  return within(store, `${number}:${side}`, [{ first: 1, last: 1 }]);
}
/** Behind every number that a file gives a table. */
const FIRST_TABLE = 1_000_000;

export function keyOfFollows(model: Model, follows: Follows): string {
  const name = (id: number) => model.interfaces.find((one) => one.id === id)?.name ?? 'self';
  return JSON.stringify(follows, (key, value) =>
    key === 'interface' && value !== null ? name(value as number) : value,
  );
}
