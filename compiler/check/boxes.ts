/**
 * Sets of first packets as boxes: products of a set for each thing that a rule may ask for. Subtraction of boxes is
 * exact, and each operation is linear in the ranges of the two boxes.
 */

import type { Family } from '../../grammar/ast.ts';
import { containsPoint, EVERY_ADDRESS, intersectRanges, subtractRanges, unite } from '../addresses.ts';
import {
  type AddressSet,
  type InterfaceId,
  type Range,
  type Rule,
  SELF,
  type Service,
  type Side,
  type Sides,
  type Table,
} from '../model.ts';
import { protocolNumber } from '../protocols.ts';

export type Ranges = readonly Range<bigint>[];

export interface Box {
  readonly family: Family;
  /** Protocol << 16 | destination port, or type << 8 for ICMP. */
  readonly services: readonly Range<number>[];
  /** Bit sets of interface classes. */
  readonly in: number;
  readonly out: number;
  readonly from: Ranges;
  readonly to: Ranges;
}
export interface Point {
  readonly family: Family;
  readonly services: number;
  readonly in: number;
  readonly out: number;
  readonly from: bigint;
  readonly to: bigint;
}

/**
 * Interfaces that no rule tells apart are one class: one bit for all of them. The gateway itself is a class for each
 * interface of `own`, whose address is meant, and one for its other addresses.
 */
export interface Classes {
  readonly bits: ReadonlyMap<InterfaceId, number>;
  readonly own: ReadonlyMap<InterfaceId, number>;
  readonly all: number;
}

const MOST_CLASSES = 30;

/** null: more classes than bits. */
export function classify(
  ids: readonly InterfaceId[],
  mentioned: ReadonlySet<InterfaceId>,
  owners: ReadonlySet<InterfaceId> = new Set(),
): Classes | null {
  const bits = new Map<InterfaceId, number>();
  const own = new Map<InterfaceId, number>();
  let next = 1; // bit 0: those that are not mentioned
  let all = 0;
  for (const id of ids) {
    const apart = mentioned.has(id) || (id === SELF && owners.size > 0);
    if (apart && next === MOST_CLASSES) return null;
    let bit = apart ? 1 << next++ : 1;
    if (id === SELF) {
      for (const owner of owners) {
        if (next === MOST_CLASSES) return null;
        own.set(owner, 1 << next);
        bit |= 1 << next++;
      }
    }
    bits.set(id, bit);
    all |= bit;
  }
  return { bits, own, all };
}

/** What a rule names. */
export type Named = Pick<Rule, 'services' | 'from' | 'to'>;

/**
 * `most`: all that the rule may take; `least`: what it takes for sure. They differ where it names tables, whose
 * addresses are not looked into, for they may change; with `tables`: what it takes today.
 */
export type Extent = 'most' | 'least' | { readonly tables: readonly Table[] };

export function boxesOf(rule: Named, ins: Classes, outs: Classes, extent: Extent): Box[] {
  const boxes: Box[] = [];
  for (const family of [4, 6] as const) {
    const services = servicesOf(rule.services, family);
    if (services.length === 0) continue;
    for (const from of partsOf(rule.from, ins, family, extent)) {
      for (const to of partsOf(rule.to, outs, family, extent)) {
        boxes.push({ family, services, in: from.places, out: to.places, from: from.addresses, to: to.addresses });
      }
    }
  }
  return boxes;
}

/** Every packet, one box for each family. */
export function wholeOf(ins: Classes, outs: Classes): Box[] {
  return ([4, 6] as const).map((family) => {
    const everywhere = rangesOf(EVERY_ADDRESS, family);
    return { family, services: EVERY_SERVICE, in: ins.all, out: outs.all, from: everywhere, to: everywhere };
  });
}

export function hasTables({ from, to }: Named): boolean {
  return [from, to].some(({ include, except }) => include.tables.length + (except?.tables.length ?? 0) > 0);
}

interface Part {
  readonly places: number;
  readonly addresses: Ranges;
}

function partsOf({ include, except }: Sides, classes: Classes, family: Family, extent: Extent): Part[] {
  const parts: Part[] = [];
  const everywhere = rangesOf(EVERY_ADDRESS, family);
  if (include.any || (extent === 'most' && include.tables.length > 0))
    parts.push({ places: classes.all, addresses: everywhere });
  const places = bitsOf(include, classes);
  if (places !== 0) parts.push({ places, addresses: everywhere });
  const addresses = withTables(include, family, extent);
  if (addresses.length > 0) parts.push({ places: classes.all, addresses });
  if (except === null) return parts;
  if (except.any || (extent === 'least' && except.tables.length > 0)) return [];
  const cut = withTables(except, family, extent);
  const left = parts.map((part) => ({
    places: part.places & ~bitsOf(except, classes),
    addresses: subtractRanges(part.addresses, cut),
  }));
  return left.filter((part) => part.places !== 0 && part.addresses.length > 0);
}

function withTables({ addresses, tables }: Side, family: Family, extent: Extent): Ranges {
  if (typeof extent === 'string' || tables.length === 0) return rangesOf(addresses, family);
  const filled = extent.tables.filter(({ id }) => tables.includes(id)).map((table) => table.addresses);
  return rangesOf(unite([addresses, ...filled]), family);
}

export function bitsOf({ interfaces }: Pick<Side, 'interfaces'>, { bits }: Classes): number {
  return interfaces.reduce((set, id) => set | (bits.get(id) ?? 0), 0);
}

const cached = new WeakMap<AddressSet, Ranges>();
/** Of either family as big integers. */
export function rangesOf(set: AddressSet, family: Family): Ranges {
  if (family === 6) return set.v6;
  let ranges = cached.get(set);
  if (ranges === undefined) {
    ranges = set.v4.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
    cached.set(set, ranges);
  }
  return ranges;
}

export const EVERY_SERVICE: readonly Range<number>[] = [{ first: 0, last: 0xffffff }];

export function servicesOf(services: readonly Service[], family: Family): readonly Range<number>[] {
  if (services.length === 0) return EVERY_SERVICE;
  const ranges: Range<number>[] = [];
  for (const { protocol, ports, icmp } of services) {
    const base = protocolNumber(protocol, family) << 16;
    if (protocol === 'icmp') {
      const type = family === 4 ? icmp?.v4 : icmp?.v6;
      if (icmp === null) ranges.push({ first: base, last: base + 0xffff });
      else if (type != null) ranges.push({ first: base + (type << 8), last: base + (type << 8) + 0xff });
    } else {
      ranges.push({ first: base + (ports?.first ?? 0), last: base + (ports?.last ?? 0xffff) });
    }
  }
  return ranges.length > 1 ? normalizeServices(ranges) : ranges;
}

function normalizeServices(ranges: Range<number>[]): readonly Range<number>[] {
  ranges.sort((a, b) => a.first - b.first);
  const joined: Range<number>[] = [];
  for (const range of ranges) {
    const before = joined.at(-1);
    if (before === undefined || range.first > before.last + 1) joined.push(range);
    else joined[joined.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
  }
  return joined;
}

/** Some packet of the box. */
export function pointIn({ family, services, in: ins, out, from, to }: Box): Point {
  return {
    family,
    services: services[0]?.first ?? 0,
    in: ins & -ins,
    out: out & -out,
    from: from[0]?.first ?? 0n,
    to: to[0]?.first ?? 0n,
  };
}

export function hasPoint(box: Box, point: Point): boolean {
  return (
    box.family === point.family &&
    (box.in & point.in) !== 0 &&
    (box.out & point.out) !== 0 &&
    containsPoint(box.services, point.services) &&
    containsPoint(box.from, point.from) &&
    containsPoint(box.to, point.to)
  );
}

/** What `a` has beyond `b`: at most five boxes, which do not meet. */
export function subtractBox(a: Box, b: Box): Box[] {
  if (a.family !== b.family || (a.in & b.in) === 0 || (a.out & b.out) === 0) return [a];
  const services = intersectRanges(a.services, b.services);
  const from = intersectRanges(a.from, b.from);
  const to = intersectRanges(a.to, b.to);
  if (services.length === 0 || from.length === 0 || to.length === 0) return [a];
  const rest: Box[] = [];
  const otherServices = subtractRanges(a.services, b.services);
  if (otherServices.length > 0) rest.push({ ...a, services: otherServices });
  if ((a.in & ~b.in) !== 0) rest.push({ ...a, services, in: a.in & ~b.in });
  const ins = a.in & b.in;
  if ((a.out & ~b.out) !== 0) rest.push({ ...a, services, in: ins, out: a.out & ~b.out });
  const out = a.out & b.out;
  const otherFrom = subtractRanges(a.from, b.from);
  if (otherFrom.length > 0) rest.push({ ...a, services, in: ins, out, from: otherFrom });
  const otherTo = subtractRanges(a.to, b.to);
  if (otherTo.length > 0) rest.push({ ...a, services, in: ins, out, from, to: otherTo });
  return rest;
}

/** What `a` and `b` have in common; null: nothing. */
export function intersectBox(a: Box, b: Box): Box | null {
  if (!meets(a, b)) return null;
  const both = { in: a.in & b.in, out: a.out & b.out };
  const services = intersectRanges(a.services, b.services);
  return {
    family: a.family,
    ...both,
    services,
    from: intersectRanges(a.from, b.from),
    to: intersectRanges(a.to, b.to),
  };
}

export function meets(a: Box, b: Box): boolean {
  return (
    a.family === b.family &&
    (a.in & b.in) !== 0 &&
    (a.out & b.out) !== 0 &&
    overlap(a.services, b.services) &&
    overlap(a.from, b.from) &&
    overlap(a.to, b.to)
  );
}

function overlap<T extends number | bigint>(a: readonly Range<T>[], b: readonly Range<T>[]): boolean {
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const x = a[i] as Range<T>;
    const y = b[j] as Range<T>;
    if (x.last < y.first) i++;
    else if (y.last < x.first) j++;
    else return true;
  }
  return false;
}
