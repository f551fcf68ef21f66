/** Sets that are looked up in a table instead of being spelled out in the diagram, and the files that sets come from. */
import type { FileAddresses } from '../../../grammar/ast.ts';
import type { Span } from '../../../grammar/span.ts';
import { isEmpty } from '../../addresses.ts';
import { type Follows, fillTable, type LiveValue, type Part, STAND_INS } from '../../dynamic.ts';
import type { AddressSet, TableId, ValueId } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';

/**
 * Up to so many ranges are spelled out: nine comparisons, less than a look-up costs. A set from a file always has a
 * table, so that an edit of the file needs no other program.
 */
export const MOST_SPELLED_OUT = 256;
/** What a gateway's maps have room for. */
export const MOST_TABLES = 32;
/** What the diagram has questions for, beside those. They share a map. */
const MOST_FOLLOWING = 80;
/** Their numbers have eight bits (compiler/ebpf/tables.ts). */
const MOST_VALUES = 255;
export const MOST_PREFIXES = 1_000_000;
/** Wrong lines that are shown of one file. */
const MOST_PROBLEMS = 10;

/** The addresses of `file "…"`; null: a mistake, which is reported. */
export function resolveFile(context: Context, { path, span }: FileAddresses): AddressSet | null {
  const list = context.lists.read(span.file, path.value);
  if ('problem' in list) {
    context.report.add(CODES.unreadable, path.span, { path: list.path, problem: list.problem });
    return null;
  }
  if (context.files.has(list.path)) return list.problems.length > 0 ? null : list.set;
  context.files.add(list.path);
  for (const { span, text, because, expected } of list.problems.slice(0, MOST_PROBLEMS)) {
    const more = list.problems.length - MOST_PROBLEMS;
    const last = span === list.problems[MOST_PROBLEMS - 1]?.span && more > 0;
    const parameters = { text, because, expected, more: last ? more : 0 };
    context.report.add(CODES.badLineInFile, span, parameters, { related: [{ span: path.span, message: 'read here' }] });
  }
  if (list.problems.length > 0) return null;
  const count = list.set.v4.length + list.set.v6.length;
  if (count > MOST_PREFIXES) {
    context.report.add(CODES.tooMany, path.span, { what: 'ranges in a file of addresses', limit: MOST_PREFIXES });
    return null;
  }
  if (isEmpty(list.set)) context.report.add(CODES.emptyFile, path.span, { path: list.path });
  return list.set;
}

/** The table of a set, or null where it is spelled out. `name` is what the set is called. */
export function tableOf(
  context: Context,
  name: string,
  set: AddressSet,
  fromFile: boolean,
  span: Span,
): TableId | null {
  if (!fromFile && set.v4.length <= MOST_SPELLED_OUT && set.v6.length <= MOST_SPELLED_OUT) return null;
  const known = context.tables.find((table) => table.name === name && table.follows === null);
  return known === undefined ? makeTable(context, name, set, null, span) : known.id;
}

/** The table for what `name` has beside its addresses: prefixes of interfaces, or one address in each. */
export function tableOfParts(context: Context, name: string, parts: readonly Part[], span: Span): TableId {
  return followingTable(context, name, { kind: 'prefixes', parts }, span);
}

/** One for all that ask the same. */
export function followingTable(context: Context, name: string, follows: Follows, span: Span): TableId {
  const text = JSON.stringify(follows);
  const known = context.tables.find((table) => table.follows !== null && JSON.stringify(table.follows) === text);
  return known === undefined ? makeTable(context, name, fillTable(follows, STAND_INS), follows, span) : known.id;
}

/** The number of what the policy is told of the machine's prefixes. */
export function addValue(context: Context, value: LiveValue, span: Span): ValueId {
  if (context.values.length === MOST_VALUES) {
    const what = 'targets of redirects and maps that change';
    context.report.addOnce(CODES.tooMany, span, { what, limit: MOST_VALUES });
  }
  return context.values.push(value);
}

function makeTable(
  context: Context,
  name: string,
  addresses: AddressSet,
  follows: Follows | null,
  span: Span,
): TableId {
  const alike = context.tables.filter((table) => (table.follows === null) === (follows === null)).length;
  if (follows === null && alike === MOST_TABLES) {
    context.report.addOnce(CODES.tooMany, span, { what: 'large sets and sets from files', limit: MOST_TABLES });
  } else if (follows !== null && alike === MOST_FOLLOWING) {
    const what = 'networks, hosts and sets that change, with the interfaces that have networks';
    context.report.addOnce(CODES.tooMany, span, { what, limit: MOST_FOLLOWING });
  }
  const id = context.tables.length;
  context.tables.push({ id, name, addresses, follows });
  return id;
}
