/** What a rule's clauses ask of a packet, as conjunctions of field ranges; a rule is the union of several. */

import type { Family } from '../../grammar/ast.ts';
import { intersectRanges, normalize, subtractRanges } from '../addresses.ts';
import { type AddressSet, type InterfaceId, type Range, SELF, type Service, type Side, type Sides } from '../model.ts';
import { protocolNumber } from '../protocols.ts';
import type { Field } from './diagram.ts';
import { FAMILY_RANGE, IN_TABLE, lastOf, NOWHERE } from './fields.ts';
import { type Ranges, rangesOf } from './ranges.ts';

/** All of these fields within these ranges; a field that is not named may be anything. */
export type Condition = Partial<Readonly<Record<Field, Ranges>>>;

/**
 * `ingress` stands before routing: `out` is unknown, the gateway is meant when `own` is set. `forward` stands behind
 * it: the gateway is meant when `out` is SELF.
 */
export type Stage = 'ingress' | 'forward';

export const FAMILIES: readonly Family[] = [4, 6];
export const EVERYTHING: Ranges<number> = [{ first: 0, last: 255 }];
const SOME_OWN: Ranges<number> = [{ first: 1, last: NOWHERE }];

/** Both hold; null when they can't. */
export function both(a: Condition, b: Condition): Condition | null {
  const out: Partial<Record<Field, Ranges>> = { ...a };
  for (const [field, ranges] of Object.entries(b) as [Field, Ranges][]) {
    const before = out[field];
    out[field] = before && before !== ranges ? intersectRanges(before, ranges) : ranges;
    if (out[field].length === 0) return null;
  }
  return out;
}

/** One of `a` and one of `b`. */
export function product(a: readonly Condition[], b: readonly Condition[]): Condition[] {
  return a.flatMap((x) => b.flatMap((y) => both(x, y) ?? []));
}

export function inFamily(family: Family): Condition {
  return { family: [FAMILY_RANGE[family]] };
}

export function daddrOf(family: Family): 'daddr4' | 'daddr6' {
  return family === 4 ? 'daddr4' : 'daddr6';
}
export function saddrOf(family: Family): 'saddr4' | 'saddr6' {
  return family === 4 ? 'saddr4' : 'saddr6';
}
export function addressesOf(set: AddressSet, family: Family): Ranges {
  return family === 4 ? set.v4 : set.v6;
}

/** The conditions of a `what`: one for each protocol with ports, one for all that are meant whole. */
export function ofServices(services: readonly Service[], family: Family): Condition[] {
  if (services.length === 0) return [{}];
  const whole: number[] = [];
  const parts = new Map<number, Range<number>[]>();
  for (const service of services) {
    const protocol = protocolNumber(service.protocol, family);
    const ports = portsOf(service, family);
    if (ports === 'every') whole.push(protocol);
    else if (ports) parts.set(protocol, [...(parts.get(protocol) ?? []), ports]);
  }
  const conditions: Condition[] = whole.length > 0 ? [{ protocol: rangesOf(whole) }] : [];
  for (const [protocol, ports] of parts) {
    if (!whole.includes(protocol)) conditions.push({ protocol: rangesOf([protocol]), dport: normalize(ports) });
  }
  return conditions;
}

/** null: the service does not exist in this family. */
function portsOf(service: Service, family: Family): Range<number> | 'every' | null {
  if (service.icmp) {
    const type = family === 4 ? service.icmp.v4 : service.icmp.v6;
    return type === null ? null : { first: type << 8, last: (type << 8) | 0xff };
  }
  return service.ports ?? 'every';
}

/** Who sent it. The gateway's own addresses as a source mean that the gateway itself sends. */
export function ofSource(sides: Sides, family: Family): Condition[] {
  return ofSides(sides, family, saddrOf(family), (side) =>
    placed('in', [...side.interfaces, ...side.own.map(() => SELF)]),
  );
}

/** Where it goes. Before routing no interface can be named by which it leaves (the checker refuses it). */
export function ofDestination(sides: Sides, family: Family, stage: Stage): Condition[] {
  return ofSides(sides, family, daddrOf(family), (side) => [
    ...placed('own', side.own),
    ...(stage === 'forward'
      ? placed('out', side.interfaces)
      : side.interfaces.includes(SELF)
        ? [{ own: SOME_OWN }]
        : []),
  ]);
}

function placed(field: 'in' | 'out' | 'own', ids: readonly InterfaceId[]): Condition[] {
  return ids.length > 0 ? [{ [field]: rangesOf(ids) }] : [];
}

function ofSides(
  { include, except }: Sides,
  family: Family,
  field: Field,
  places: (side: Side) => Condition[],
): Condition[] {
  const included: Condition[] = include.any ? [{}] : [...places(include), ...ofAddresses(include, family, field)];
  if (!except) return included;
  if (except.any) return [];
  return [...places(except), ...ofAddresses(except, family, field)].reduce(
    (rest, excepted) => product(rest, [complement(excepted)]),
    included,
  );
}

/** A table is asked in both families: it may have addresses of both tomorrow. */
function ofAddresses({ addresses, tables }: Side, family: Family, field: Field): Condition[] {
  const ranges = addressesOf(addresses, family);
  const side = field.startsWith('s') ? 'saddr' : 'daddr';
  return [
    ...(ranges.length > 0 ? [{ [field]: ranges }] : []),
    ...tables.map((table): Condition => ({ [`${table}:${side}`]: IN_TABLE })),
  ];
}

/** Of a condition on one field. */
function complement(condition: Condition): Condition {
  const out: Partial<Record<Field, Ranges>> = {};
  for (const [field, ranges] of Object.entries(condition) as [Field, Ranges][]) {
    const last = lastOf(field);
    out[field] = field.endsWith('6')
      ? subtractRanges([{ first: 0n, last }], ranges as Ranges<bigint>)
      : subtractRanges([{ first: 0, last: Number(last) }], ranges as Ranges<number>);
  }
  return out;
}
