/**
 * Packets of a box. It is a product of ranges, so one can always be put together, field by field, where there is any: what
 * a box holds beside that are protocols without the port that it asks, ICMP that starts nothing, one address as both ends, and
 * ways out that the file knows for those of other addresses (routable.ts). The likeliest come first.
 */
import type { Family } from '../../grammar/ast.ts';
import { NOWHERE } from '../diagram/fields.ts';
import { type Range, SELF } from '../model.ts';
import { hasPorts, ICMP, isStray, type NewPacket } from '../simulate/packet.ts';
import { type Box, uniteRanges } from './boxes.ts';
import { likelyIn, listAddresses } from './endpoints.ts';
import type { Side } from './journey.ts';
import type { Places } from './places.ts';
import { isRoutable } from './routable.ts';
import type { Witness } from './witness.ts';

/** Nothing where no packet is in the box; `tables` are not asked. */
export function* composePackets(box: Box, sides: readonly Side[], places: Places): Generator<Witness> {
  for (const family of familiesOf(box)) {
    const kinds = listKinds(box, family);
    const ends = [...listEnds(box, places)];
    const addresses = new Map<string, readonly bigint[]>();
    const at = (side: 'saddr' | 'daddr', place: number) => {
      const key = `${side} ${place}`;
      const known = addresses.get(key) ?? listAddresses(box, sides, places, family, side, place);
      addresses.set(key, known);
      return known;
    };
    for (const end of kinds.length === 0 ? [] : ends)
      for (const daddr of at('daddr', end.own === 0 ? end.out : end.own)) {
        if (!isRoutable(sides, places, { family, ...end, daddr })) continue;
        for (const kind of kinds)
          for (const saddr of at('saddr', end.in))
            if (saddr !== daddr || end.own !== 0) yield { family, ...kind, ...end, saddr, daddr };
      }
  }
}

/** Without ways out that no packet of the box can take. */
export function narrow(box: Box, sides: readonly Side[], places: Places): Box {
  const isForOthers = box.own?.every(({ last }) => last === 0n) ?? false;
  if (!isForOthers) return box;
  const all = [...places.names.keys()].slice(1).filter((place) => holds(box.out, place));
  const left = all.map(BigInt).filter((out) => {
    const one = { ...box, out: [{ first: out, last: out }] };
    return composePackets(one, sides, places).next().done === false;
  });
  return left.length === all.length
    ? box
    : { ...box, out: uniteRanges(left.map((out) => ({ first: out, last: out }))) };
}

function familiesOf(box: Box): Family[] {
  const asksOther = (family: Family) =>
    (['saddr', 'daddr'] as const).some((side) => !holds(box[`${side}${family === 4 ? 6 : 4}`], 0));
  return ([4, 6] as const).filter((family) => holds(box.family, family) && !asksOther(family));
}

function holds(ranges: readonly Range<bigint>[] | undefined, value: number): boolean {
  return ranges === undefined || ranges.some(({ first, last }) => first <= value && value <= last);
}

/** A few protocols with a port or type. */
const MOST_KINDS = 6;
const PROTOCOLS = [6, 17, 1, 58, 47, 50, 132, ...Array.from({ length: 256 }, (_, protocol) => protocol)];
const PORTS = [80, 22, 443, 40_000];
const TYPES = [8, 128, ...Array.from({ length: 256 }, (_, type) => type)];

function listKinds(box: Box, family: Family): { readonly protocol: number; readonly dport: number }[] {
  const kinds: { protocol: number; dport: number }[] = [];
  for (const protocol of new Set(PROTOCOLS)) {
    if (kinds.length >= MOST_KINDS) break;
    if (!holds(box.protocol, protocol)) continue;
    const dport = portFor(box.dport, family, protocol);
    if (dport !== null) kinds.push({ protocol, dport });
  }
  return kinds;
}

/** null: the protocol has none that the box asks for and that starts something. */
function portFor(asked: Box['dport'], family: Family, protocol: number): number | null {
  if (hasPorts(protocol)) {
    const likely = PORTS.find((port) => holds(asked, port));
    if (likely !== undefined || asked === undefined) return likely ?? 80;
    // Nobody listens on port 0, but a packet may be for it.
    const [first, second] = asked;
    if (first === undefined || first.first > 0n) return first === undefined ? null : Number(first.first);
    return Number(first.last > 0n ? 1n : (second?.first ?? 0n));
  }
  if (protocol !== ICMP[family]) return holds(asked, 0) ? 0 : null;
  for (const type of TYPES) {
    if (isStray({ family, protocol, dport: type << 8 } as NewPacket)) continue;
    const range = { first: BigInt(type << 8), last: BigInt((type << 8) | 255) };
    const dport = likelyIn(asked, range);
    if (dport !== null) return Number(dport);
  }
  return null;
}

/** The gateway's own packets go to others; `own`: what is for the gateway goes nowhere else. */
function* listEnds(box: Box, { names }: Places): Generator<Pick<Witness, 'in' | 'own' | 'out'>> {
  const all = [...names.keys()].slice(1);
  for (const from of [...all, SELF].filter((place) => holds(box.in, place)))
    for (const own of (from === SELF ? [0] : [0, ...all, NOWHERE]).filter((place) => holds(box.own, place)))
      for (const out of all.filter((place) => holds(box.out, place))) yield { in: from, own, out };
}
