/** Two redirects that could take one packet: which of them does must not depend on their order. */

import type { Family } from '../../../grammar/ast.ts';
import { formatRange, LAST_V4, LAST_V6 } from '../../addresses.ts';
import type { InterfaceId, Listen, Range, Redirect } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, interfaceName } from '../context.ts';
import { formatPorts, formatService } from '../resolve/services.ts';

/** A listen line at one range of addresses (or the own address of an interface), with its ports or ICMP types. */
interface Claim extends Range<number> {
  readonly redirect: Redirect;
  readonly listen: Listen;
}
/** Where a redirect listens; `any` is whatever comes in by an interface. */
type Where =
  | { readonly kind: 'own' | 'any'; readonly interface: InterfaceId }
  | { readonly kind: 'range'; readonly first: bigint; readonly last: bigint; readonly interfaces: Set<InterfaceId> };
/** All claims of one protocol and family at one place. */
interface Place {
  readonly group: string;
  readonly family: Family;
  readonly where: Where;
  readonly claims: Claim[];
}

/**
 * Claims are gathered by exactly equal place and protocol and sorted by port: n log n. Places that overlap are then
 * compared pairwise, the smaller list looked up in the larger one.
 */
export function refuseOverlappingRedirects(context: Context): void {
  const places = gatherPlaces(context.redirects);
  const said = new Set<string>();
  for (const { claims } of places) {
    claims.sort((a, b) => a.first - b.first);
    let furthest = claims[0];
    for (const claim of claims.slice(1)) {
      if (furthest !== undefined && claim.first <= furthest.last) report(context, furthest, claim, '', said);
      if (furthest === undefined || claim.last > furthest.last) furthest = claim;
    }
  }
  for (const [a, b] of meetingPlaces(places)) {
    const [few, many] = a.claims.length < b.claims.length ? [a, b] : [b, a];
    for (const claim of few.claims) {
      const other = findOverlap(many.claims, claim);
      if (other !== null) report(context, other, claim, explain(context, a, b), said);
    }
  }
}

function gatherPlaces(redirects: readonly Redirect[]): Place[] {
  const places = new Map<string, Place>();
  for (const redirect of redirects) {
    for (const listen of redirect.listens) {
      if (listen.target.kind !== 'address') continue;
      const { family } = listen.target;
      const group = `${listen.service.protocol} ${family}`;
      const claim = { ...portsOf(listen, family), redirect, listen };
      for (const where of placesOf(redirect, family)) {
        const at = where.kind === 'range' ? `${where.first}-${where.last}` : `${where.kind} ${where.interface}`;
        const key = `${group} ${at}`;
        const place = places.get(key);
        if (place === undefined) places.set(key, { group, family, where, claims: [claim] });
        else {
          place.claims.push(claim);
          if (place.where.kind === 'range') for (const id of redirect.interfaces) place.where.interfaces.add(id);
        }
      }
    }
  }
  return [...places.values()];
}

function placesOf({ addresses, interfaces }: Redirect, family: Family): Where[] {
  if (addresses === null) return interfaces.map((id) => ({ kind: 'own', interface: id }));
  const ranges =
    family === 6 ? addresses.v6 : addresses.v4.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
  const [only] = ranges;
  if (only?.first === 0n && only.last === (family === 4 ? BigInt(LAST_V4) : LAST_V6)) {
    return interfaces.map((id) => ({ kind: 'any', interface: id }));
  }
  return ranges.map((range) => ({ kind: 'range', ...range, interfaces: new Set(interfaces) }));
}

/** Ports, or ICMP types, as one range of numbers. */
function portsOf({ service }: Listen, family: 4 | 6): Range<number> {
  if (service.ports !== null) return service.ports;
  const type = family === 4 ? service.icmp?.v4 : service.icmp?.v6;
  return type == null ? { first: 0, last: 65535 } : { first: type, last: type };
}

/**
 * Places of one protocol and family that one packet could go to. `any` meets every place but an `any` of another
 * interface; the own address of an interface may be any address that is redirected there.
 */
function* meetingPlaces(places: readonly Place[]): Generator<readonly [Place, Place]> {
  for (const group of Map.groupBy(places, (place) => place.group).values()) {
    const ranges = group.flatMap((place) => (place.where.kind === 'range' ? [{ place, ...place.where }] : []));
    ranges.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
    let open: typeof ranges = [];
    for (const range of ranges) {
      open = open.filter(({ last }) => last >= range.first);
      for (const other of open) yield [other.place, range.place];
      open.push(range);
    }
    for (const place of group) {
      const { where } = place;
      if (where.kind === 'any') for (const other of group) if (other.where.kind !== 'any') yield [place, other];
      if (where.kind !== 'own') continue;
      for (const range of ranges) if (range.interfaces.has(where.interface)) yield [place, range.place];
    }
  }
}

/** In a list sorted by `first`: a claim that shares a port. */
function findOverlap(sorted: readonly Claim[], wanted: Range<number>): Claim | null {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.last ?? 0) < wanted.first) low = middle + 1;
    else high = middle;
  }
  const found = sorted[low];
  return found !== undefined && found.first <= wanted.last ? found : null;
}

function explain(context: Context, { where: a, family }: Place, { where: b }: Place): string {
  if (a.kind !== 'own' || b.kind !== 'range') return '';
  return `: the address of ${interfaceName(context, a.interface)} may be ${formatRange(family, b.first, b.last)}`;
}

function report(context: Context, a: Claim, b: Claim, why: string, said: Set<string>): void {
  const [early, late] = a.listen.id < b.listen.id ? [a, b] : [b, a];
  const key = `${early.listen.span.file} ${early.listen.span.start} ${late.listen.span.file} ${late.listen.span.start}`;
  if (said.has(key)) return;
  said.add(key);
  const common = { first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) };
  const { service } = late.listen;
  const packet = service.ports === null ? formatService(service) : `${service.protocol} ${formatPorts(common)}`;
  const parameters = { name: late.redirect.name, other: early.redirect.name, packet, why };
  context.report.add(CODES.redirectsOverlap, late.listen.span, parameters, {
    related: [{ span: early.listen.span, message: 'the other line' }],
  });
}
