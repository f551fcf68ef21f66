/** `from` and `to`: interfaces and addresses, each where it can be asked. */
import type { Family } from '../../grammar/ast.ts';
import { type AddressSet, type InterfaceId, SELF, type Side, type Sides } from '../model.ts';
import { type Builder, layer } from './builder.ts';
import { both, EVERYTHING, inFamily, type Match } from './matches.ts';
import { matchOwn } from './own.ts';

/**
 * Where a line stands. `prerouting`: before routing, for what comes in; `output`: what the gateway sends; `forward`,
 * `input`: behind routing; `postrouting`: on the way out.
 */
export type Where = 'prerouting' | 'output' | 'forward' | 'input' | 'postrouting';
export interface Position {
  readonly where: Where;
  /** By which packets may have come in here, and leave; ids of interfaces. */
  readonly ins: readonly InterfaceId[];
  readonly outs: readonly InterfaceId[];
}

/** One of `matches`, but none of `unless`. */
export interface SideMatch {
  readonly matches: readonly Match[];
  readonly unless: readonly Match[];
}

const FAMILIES: readonly Family[] = [4, 6];

export function matchSource(builder: Builder, sides: Sides, at: Position): SideMatch {
  return matchSides(builder, sides, 'saddr', (side) => sourcePlaces(builder, side, at));
}
export function matchDestination(builder: Builder, sides: Sides, at: Position): SideMatch {
  return matchSides(builder, sides, 'daddr', (side) => destinationPlaces(builder, side, at));
}

interface Place {
  readonly match: Match;
  /** null: it takes more than one match to say. */
  readonly not: Match | null;
}
type Places = 'all' | readonly Place[];

function matchSides(
  builder: Builder,
  { include, except }: Sides,
  field: 'saddr' | 'daddr',
  placesOf: (side: Side) => Places,
): SideMatch {
  const places = include.any ? 'all' : placesOf(include);
  const included =
    places === 'all' ? [EVERYTHING] : [...places.map(({ match }) => match), ...matchAddresses(builder, include, field)];
  if (except === null) return { matches: included, unless: [] };
  const excepted = except.any ? 'all' : placesOf(except);
  if (excepted === 'all') return { matches: [], unless: [] };
  let matches: readonly Match[] = included;
  for (const { not } of excepted) if (not !== null) matches = matches.flatMap((match) => both(match, not) ?? []);
  const unless = excepted.flatMap(({ match, not }) => (not === null ? [match] : []));
  return { matches: exceptAddresses(builder, matches, except, field), unless };
}

function sourcePlaces(builder: Builder, { interfaces, own }: Side, { where, ins }: Position): Places {
  if (where === 'output') return interfaces.includes(SELF) || own.length > 0 ? 'all' : [];
  return placesNamed(builder, 'iifname', interfaces, ins);
}

function destinationPlaces(builder: Builder, { interfaces, own }: Side, { where, ins, outs }: Position): Places {
  switch (where) {
    case 'forward':
    case 'postrouting':
      return placesNamed(builder, 'oifname', interfaces, outs);
    case 'output':
      return [];
    case 'input':
    case 'prerouting': {
      const owned = matchOwn(builder, own, ins).map((match) => ({ match, not: null }));
      if (!interfaces.includes(SELF)) return owned;
      const local = { match: inFamily(null, 'fib daddr type local'), not: inFamily(null, 'fib daddr type != local') };
      return where === 'input' ? 'all' : [local, ...owned];
    }
    default:
      return where satisfies never;
  }
}

function placesNamed(
  builder: Builder,
  field: 'iifname' | 'oifname',
  wanted: readonly InterfaceId[],
  possible: readonly InterfaceId[],
): Places {
  const hit = possible.filter((id) => wanted.includes(id));
  if (hit.length === 0) return [];
  if (hit.length === possible.length) return 'all';
  const devices = builder.devices(hit);
  return [{ match: inFamily(null, `${field} ${devices}`), not: inFamily(null, `${field} != ${devices}`) }];
}

/** `ip saddr 192.0.2.1`, and tables. All addresses of a family are its family. */
export function matchAddresses(
  builder: Builder,
  { addresses, tables }: Pick<Side, 'addresses' | 'tables'>,
  field: 'saddr' | 'daddr',
): Match[] {
  return FAMILIES.flatMap((family) => {
    const written = builder.addresses(addresses, family);
    const field4 = `${layer(family)} ${field}`;
    const plain =
      written === null
        ? []
        : isEvery(addresses, family)
          ? [inFamily(family)]
          : [inFamily(family, `${field4} ${written}`)];
    return [...plain, ...tables.map((table) => inFamily(family, `${field4} ${builder.table(table, family)}`))];
  });
}

function isEvery({ v4, v6 }: AddressSet, family: Family): boolean {
  if (family === 4) return v4[0]?.first === 0 && v4[0].last === 0xffff_ffff;
  return v6[0]?.first === 0n && v6[0].last === (1n << 128n) - 1n;
}

function exceptAddresses(
  builder: Builder,
  matches: readonly Match[],
  { addresses, tables }: Side,
  field: 'saddr' | 'daddr',
): readonly Match[] {
  const without = (family: Family): Match | null => {
    if (isEvery(addresses, family)) return null;
    const written = builder.addresses(addresses, family);
    const sets = [...(written === null ? [] : [written]), ...tables.map((table) => builder.table(table, family))];
    return inFamily(family, ...sets.map((set) => `${layer(family)} ${field} != ${set}`));
  };
  if (addresses.v4.length + addresses.v6.length + tables.length === 0) return matches;
  return matches.flatMap((match) =>
    FAMILIES.filter((family) => match.family === null || match.family === family).flatMap((family) => {
      const rest = without(family);
      return rest === null ? [] : (both(match, rest) ?? []);
    }),
  );
}
