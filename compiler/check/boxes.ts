/**
 * Sets of first packets as boxes: products of a set for each thing that a rule may ask for. Subtraction of boxes is
 * exact, and each operation is linear in the ranges of the two boxes.
 */

import type { Family } from '../../grammar/ast.ts';
import { containsPoint, EVERY_ADDRESS, intersectRanges, subtractRanges } from '../addresses.ts';
import type { AddressSet, InterfaceId, Range, Rule, Service, Side, Sides } from '../model.ts';

type Ranges = readonly Range<bigint>[];

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

/** Interfaces that no rule tells apart are one class: one bit for all of them. */
export interface Classes {
  readonly bits: ReadonlyMap<InterfaceId, number>;
  readonly all: number;
}

const MOST_CLASSES = 30;

/** null: more classes than bits. */
export function classify(ids: readonly InterfaceId[], mentioned: ReadonlySet<InterfaceId>): Classes | null {
  const bits = new Map<InterfaceId, number>();
  let next = 1; // bit 0: those that are not mentioned
  let all = 0;
  for (const id of ids) {
    if (mentioned.has(id) && next === MOST_CLASSES) return null;
    const bit = mentioned.has(id) ? 1 << next++ : 1;
    bits.set(id, bit);
    all |= bit;
  }
  return { bits, all };
}

/**
 * `most`: all that the rule may take; `least`: what it takes for sure. They differ where it names tables, whose
 * addresses are not looked into.
 */
export function boxesOf(rule: Rule, ins: Classes, outs: Classes, extent: 'most' | 'least'): Box[] {
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

interface Part {
  readonly places: number;
  readonly addresses: Ranges;
}

function partsOf({ include, except }: Sides, classes: Classes, family: Family, extent: 'most' | 'least'): Part[] {
  const parts: Part[] = [];
  const everywhere = rangesOf(EVERY_ADDRESS, family);
  if (include.any || (extent === 'most' && include.tables.length > 0))
    parts.push({ places: classes.all, addresses: everywhere });
  const places = bitsOf(include, classes);
  if (places !== 0) parts.push({ places, addresses: everywhere });
  const addresses = rangesOf(include.addresses, family);
  if (addresses.length > 0) parts.push({ places: classes.all, addresses });
  if (except === null) return parts;
  if (except.any || (extent === 'least' && except.tables.length > 0)) return [];
  const cut = rangesOf(except.addresses, family);
  const left = parts.map((part) => ({
    places: part.places & ~bitsOf(except, classes),
    addresses: subtractRanges(part.addresses, cut),
  }));
  return left.filter((part) => part.places !== 0 && part.addresses.length > 0);
}

function bitsOf({ interfaces }: Side, { bits }: Classes): number {
  return interfaces.reduce((set, id) => set | (bits.get(id) ?? 0), 0);
}

const cached = new WeakMap<AddressSet, Ranges>();
function rangesOf(set: AddressSet, family: Family): Ranges {
  if (family === 6) return set.v6;
  let ranges = cached.get(set);
  if (ranges === undefined) {
    ranges = set.v4.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
    cached.set(set, ranges);
  }
  return ranges;
}

const NUMBERS = { tcp: 6, udp: 17, sctp: 132, gre: 47, esp: 50 } as const;
const EVERY_SERVICE: readonly Range<number>[] = [{ first: 0, last: 0xffffff }];

function servicesOf(services: readonly Service[], family: Family): readonly Range<number>[] {
  if (services.length === 0) return EVERY_SERVICE;
  const ranges: Range<number>[] = [];
  for (const { protocol, ports, icmp } of services) {
    if (protocol === 'icmp') {
      const base = (family === 4 ? 1 : 58) << 16;
      const type = family === 4 ? icmp?.v4 : icmp?.v6;
      if (icmp === null) ranges.push({ first: base, last: base + 0xffff });
      else if (type != null) ranges.push({ first: base + (type << 8), last: base + (type << 8) + 0xff });
    } else {
      const base = NUMBERS[protocol] << 16;
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
