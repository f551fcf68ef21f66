/** Two redirects that could take one packet, and listened ports that a masquerade's pool holds too. */
import { formatRange } from '../../addresses.ts';
import type { InterfaceId, Listen, Range, Redirect } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, interfaceName } from '../context.ts';
import { formatPorts, formatService } from '../resolve/services.ts';

/** A listen line at one range of addresses (or the own address of an interface), with its ports or ICMP types. */
interface Claim extends Range<number> {
  readonly redirect: Redirect;
  readonly listen: Listen;
}
/** All claims at one place. */
interface Place {
  readonly own: InterfaceId | null;
  readonly range: Range<bigint> | null;
  readonly family: 4 | 6;
  readonly interfaces: Set<InterfaceId>;
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
  for (const [a, b] of overlappingPlaces(places)) {
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
      const { protocol } = listen.service;
      const ports = portsOf(listen, family);
      const enter = (own: InterfaceId | null, range: Range<bigint> | null) => {
        const key = `${protocol} ${family} ${own ?? ''} ${range?.first ?? ''} ${range?.last ?? ''}`;
        let place = places.get(key);
        if (place === undefined) {
          place = { own, range, family, interfaces: new Set(), claims: [] };
          places.set(key, place);
        }
        for (const id of own === null ? redirect.interfaces : [own]) place.interfaces.add(id);
        place.claims.push({ ...ports, redirect, listen });
      };
      if (redirect.addresses === null) for (const id of redirect.interfaces) enter(id, null);
      else if (family === 4) {
        for (const { first, last } of redirect.addresses.v4) enter(null, { first: BigInt(first), last: BigInt(last) });
      } else for (const range of redirect.addresses.v6) enter(null, range);
    }
  }
  return [...places.values()];
}

/** Ports, or ICMP types, as one range of numbers. */
function portsOf({ service }: Listen, family: 4 | 6): Range<number> {
  if (service.ports !== null) return service.ports;
  const type = family === 4 ? service.icmp?.v4 : service.icmp?.v6;
  return type == null ? { first: 0, last: 65535 } : { first: type, last: type };
}

/** Places of one protocol and family whose addresses meet: a sweep over the sorted ranges. */
function* overlappingPlaces(places: readonly Place[]): Generator<readonly [Place, Place]> {
  const groups = Map.groupBy(places, ({ family, claims }) => `${claims[0]?.listen.service.protocol} ${family}`);
  for (const group of groups.values()) {
    const own = group.filter(({ range }) => range === null);
    const ranged = group.filter((place) => place.range !== null);
    ranged.sort(
      (a, b) =>
        Number((a.range?.first ?? 0n) > (b.range?.first ?? 0n)) -
        Number((a.range?.first ?? 0n) < (b.range?.first ?? 0n)),
    );
    let open: Place[] = [];
    for (const place of ranged) {
      const first = place.range?.first ?? 0n;
      open = open.filter(({ range }) => range !== null && range.last >= first);
      for (const other of open) yield [other, place];
      open.push(place);
    }
    for (const mine of own) {
      for (const place of ranged) if (mine.own !== null && place.interfaces.has(mine.own)) yield [mine, place];
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

function explain(context: Context, a: Place, b: Place): string {
  const own = a.own ?? b.own;
  const range = a.range ?? b.range;
  if (own === null || range === null) return '';
  const { family } = a;
  if (range.first === 0n) return '';
  return `: the address of ${interfaceName(context, own)} may be ${formatRange(family, range.first, range.last)}`;
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

// ---- masquerades' pools -------------------------------------------------------------------------------------------

/**
 * Where a masquerade gives no `ports`: below the default ephemeral range, so that the gateway's own sockets can't meet
 * it, and above (Linux: 32768-60999). The larger part that no redirect listens in is taken, the lower one first.
 */
const FREE_OF_SOCKETS: readonly Range<number>[] = [
  { first: 1024, last: 32767 },
  { first: 61000, last: 65535 },
];

export function choosePools(context: Context): void {
  for (const draft of context.masqueradeDrafts) {
    const listened = listensOn(context, draft.interfaces, draft.addresses);
    const { hidden: _, ports: given, ...masquerade } = draft;
    if (given === null) {
      const ports = largestGap(listened.map(({ listen }) => listen.service.ports as Range<number>));
      if (ports === null) context.report.add(CODES.noPool, draft.span, { name: draft.name });
      else context.masquerades.push({ ...masquerade, ports });
      continue;
    }
    context.masquerades.push({ ...masquerade, ports: { first: given.first, last: given.last } });
    const said = new Set<number>();
    for (const { listen } of listened) {
      const { ports } = listen.service;
      if (ports === null || ports.last < given.first || ports.first > given.last || said.has(listen.span.start))
        continue;
      said.add(listen.span.start);
      const parameters = {
        ports: `\`${formatService(listen.service)}\``,
        pool: formatPorts(given),
        masquerade: draft.name,
      };
      context.report.add(CODES.listenInPool, listen.span, parameters, {
        related: [{ span: given.span, message: 'the ports of the masquerade' }],
      });
    }
  }
}

/** The IPv4 listens with ports whose address could be one that a masquerade takes on these interfaces. */
function listensOn(
  context: Context,
  interfaces: readonly InterfaceId[],
  outside: readonly Range<number>[] | null,
): readonly { listen: Listen }[] {
  const found = [];
  for (const redirect of context.redirects) {
    if (!redirect.interfaces.some((id) => interfaces.includes(id))) continue;
    const { addresses } = redirect;
    if (outside !== null && addresses !== null) {
      const apart = addresses.v4.every((a) => outside.every((b) => a.last < b.first || a.first > b.last));
      if (apart) continue;
    }
    for (const listen of redirect.listens) {
      const isV4 = listen.target.kind === 'address' && listen.target.family === 4;
      if (isV4 && listen.service.ports !== null) found.push({ listen });
    }
  }
  return found;
}

function largestGap(listened: readonly Range<number>[]): Range<number> | null {
  const sorted = [...listened].sort((a, b) => a.first - b.first);
  let best: Range<number> | null = null;
  for (const area of FREE_OF_SOCKETS) {
    let from = area.first;
    const offer = (last: number) => {
      if (last >= from && (best === null || last - from > best.last - best.first)) best = { first: from, last };
    };
    for (const { first, last } of sorted) {
      if (first > area.last) break;
      offer(Math.min(first - 1, area.last));
      from = Math.max(from, last + 1);
    }
    offer(area.last);
  }
  return best;
}
