/** `from` and `to`: places, addresses, or both. */

import type { Addresses, AddressItem, AddressLiteral } from '../../../grammar/ast.ts';
import type { Span } from '../../../grammar/span.ts';
import { addressesOf, EVERY_ADDRESS, NO_ADDRESS, subtract, unite } from '../../addresses.ts';
import { fillTable, STAND_INS } from '../../dynamic.ts';
import type { AddressSet, InterfaceId, Side, Sides, TableId } from '../../model.ts';
import { SELF } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { askAddresses, askSide, lookUp, reportWrongType } from '../names.ts';
import { resolveFile, tableOf, tableOfParts } from './tables.ts';
import { refuseTwice } from './twice.ts';

export const ANYONE: Sides = {
  include: { any: true, interfaces: [], addresses: NO_ADDRESS, tables: [], own: [] },
  except: null,
};

/** `by`: "`from`" or "`to`". No clause at all means everyone. null: a mistake, which is reported. */
export function resolveSides(context: Context, addresses: Addresses | null, by: string): Sides | null {
  if (addresses === null) return ANYONE;
  const include = resolveSide(context, addresses.items, by);
  const except = addresses.except.length === 0 ? null : resolveSide(context, addresses.except, '`except`');
  if (include === null || (addresses.except.length > 0 && except === null)) return null;
  return { include, except };
}

function resolveSide(context: Context, items: readonly AddressItem[], by: string): Side | null {
  refuseTwice(context, items);
  const interfaces = new Set<InterfaceId>();
  const literals: AddressLiteral[] = [];
  const sets: AddressSet[] = [];
  const tables = new Set<TableId>();
  /** Into a table, or spelled out. */
  const take = (set: AddressSet | null, name: string, fromFile: boolean, span: Span) => {
    const table = set === null ? null : tableOf(context, name, set, fromFile, span);
    if (set === null) sound = false;
    else if (table !== null) tables.add(table);
    else sets.push(set);
  };
  let any = false;
  let sound = true;
  for (const item of items) {
    if (item.kind === 'any') any = true;
    else if (item.kind === 'self') interfaces.add(SELF);
    else if (item.kind === 'name') {
      const thing = lookUp(context.names, context.report, item.name, askSide(by));
      if (thing === null) sound = false;
      else if (thing.kind === 'interface') interfaces.add(context.interfaceIds.get(thing.name.text) ?? SELF);
      else if (thing.kind === 'zone') {
        const members = context.zones.get(thing.name.text) ?? null;
        if (members === null) sound = false;
        else for (const id of members) interfaces.add(id);
      } else {
        const name = thing.name.text;
        take(context.addresses.get(name) ?? null, name, context.filled.has(name), item.span);
        const parts = context.dynamics.get(name);
        if (parts !== undefined) tables.add(tableOfParts(context, name, parts, item.span));
      }
    } else if (item.kind === 'file') {
      take(resolveFile(context, item), `file "${item.path.value}"`, true, item.span);
    } else literals.push(item);
  }
  if (!sound) return null;
  if (any) return ANYONE.include;
  return {
    any: false,
    interfaces: [...interfaces].sort((a, b) => a - b),
    addresses: join(literals, sets),
    tables: [...tables].sort((a, b) => a - b),
    own: [],
  };
}

/** Who asks for the addresses of a set: they may be many. */
export const OF_A_SET = 'a set';
const EXCEPT_OF_A_SET = '`except` in a set';
/** Where there is no table all ranges are spelled out. */
const MOST_WITHOUT_TABLE = 4096;

/** Where only addresses make sense: sets, a masquerade's `from`, `address`. */
export function resolveAddresses(context: Context, addresses: Addresses, by: string): AddressSet | null {
  const include = resolveAddressItems(context, addresses.items, by);
  const except = resolveAddressItems(context, addresses.except, by === OF_A_SET ? EXCEPT_OF_A_SET : '`except`');
  if (include === null || except === null) return null;
  const set = subtract(include, except);
  if (by !== OF_A_SET && Math.max(set.v4.length, set.v6.length) > MOST_WITHOUT_TABLE) {
    context.report.add(CODES.tooMany, addresses.span, { what: `ranges in ${by}`, limit: MOST_WITHOUT_TABLE });
    return null;
  }
  return set;
}

/**
 * Addresses alone, as a side: what is looked up in tables stays there. `all`: every address that is meant today. null: a
 * mistake, which is reported.
 */
export function resolveSenders(
  context: Context,
  addresses: Addresses,
  by: string,
): { readonly sides: Sides; readonly all: AddressSet } | null {
  const included: Gathered = { tables: new Set(), spelled: [] };
  const excepted: Gathered = { tables: new Set(), spelled: [] };
  const include = resolveAddressItems(context, addresses.items, by, included);
  const except = resolveAddressItems(context, addresses.except, '`except`', excepted);
  if (include === null || except === null) return null;
  const all = subtract(include, except);
  const side = (gathered: Gathered): Side => ({
    any: false,
    interfaces: [],
    addresses: unite(gathered.spelled),
    tables: [...gathered.tables].sort((a, b) => a - b),
    own: [],
  });
  if (included.tables.size === 0 && excepted.tables.size === 0) {
    return { sides: { include: { ...side(included), addresses: all }, except: null }, all };
  }
  return { sides: { include: side(included), except: addresses.except.length === 0 ? null : side(excepted) }, all };
}

interface Gathered {
  readonly tables: Set<TableId>;
  readonly spelled: AddressSet[];
}

function resolveAddressItems(
  context: Context,
  items: readonly AddressItem[],
  by: string,
  gathered: Gathered | null = null,
): AddressSet | null {
  refuseTwice(context, items);
  const literals: AddressLiteral[] = [];
  const sets: AddressSet[] = [];
  const take = (set: AddressSet, name: string, fromFile: boolean, span: Span) => {
    sets.push(set);
    if (gathered === null) return;
    const table = tableOf(context, name, set, fromFile, span);
    if (table === null) gathered.spelled.push(set);
    else gathered.tables.add(table);
  };
  let sound = true;
  for (const item of items) {
    if (item.kind === 'any') sets.push(EVERY_ADDRESS);
    else if (item.kind === 'self') {
      reportWrongType(context.names, context.report, item.span, '`self`', 'a place, the gateway', askAddresses(by));
      sound = false;
    } else if (item.kind === 'name') {
      const thing = lookUp(context.names, context.report, item.name, askAddresses(by));
      const set = thing === null ? null : (context.addresses.get(item.name.text) ?? null);
      const parts = thing === null ? undefined : context.dynamics.get(item.name.text);
      if (set === null) sound = false;
      else take(set, item.name.text, context.filled.has(item.name.text), item.span);
      if (set === null || parts === undefined) continue;
      if (gathered !== null) {
        gathered.tables.add(tableOfParts(context, item.name.text, parts, item.span));
        sets.push(fillTable({ kind: 'prefixes', parts }, STAND_INS));
      } else if (by !== OF_A_SET && by !== EXCEPT_OF_A_SET) {
        const what = `${by} with prefixes that change is`;
        context.report.add(CODES.notBuilt, item.span, { what, instead: 'the addresses themselves' });
        sound = false;
      }
    } else if (item.kind === 'file') {
      const set = resolveFile(context, item);
      if (set === null) sound = false;
      else take(set, `file "${item.path.value}"`, true, item.span);
    } else literals.push(item);
  }
  gathered?.spelled.push(addressesOf(literals));
  return sound ? join(literals, sets) : null;
}

function join(literals: readonly AddressLiteral[], sets: readonly AddressSet[]): AddressSet {
  if (literals.length === 0 && sets.length === 1) return sets[0] ?? NO_ADDRESS;
  if (sets.length === 0) return addressesOf(literals);
  return unite([addressesOf(literals), ...sets]);
}

/** The families that a side can have; both, where it speaks of places or of a set that may change. */
export function familiesOf({ include, except }: Sides): ReadonlySet<4 | 6> {
  const open = include.any || include.interfaces.length > 0 || include.own.length > 0;
  if (open || include.tables.length > 0) return new Set([4, 6]);
  const rest = except === null ? include.addresses : subtract(include.addresses, except.addresses);
  const families = new Set<4 | 6>();
  if (rest.v4.length > 0) families.add(4);
  if (rest.v6.length > 0) families.add(6);
  return families;
}
