/** One packet of a box, and what the simulator says of it in a file. */
import type { Family } from '../../grammar/ast.ts';
import { containsAddress } from '../addresses.ts';
import { isTableField, NOWHERE, readTableField } from '../diagram/fields.ts';
import { tableValues, walk } from '../diagram/walk.ts';
import { type Range, SELF } from '../model.ts';
import { ownedAddresses } from '../ownership.ts';
import { decide, surroundingsOf } from '../simulate/decide.ts';
import type { Decision } from '../simulate/decision.ts';
import { hasPorts, ICMP, isStray, type NewPacket } from '../simulate/packet.ts';
import { routesOf } from '../simulate/routing.ts';
import { type Box, isInBox } from './boxes.ts';
import type { Side } from './journey.ts';
import type { Places } from './places.ts';
import { keyOfFollows, type Tables } from './tables.ts';

/** A first packet, by numbers of places that both files share. */
export interface Witness {
  readonly family: Family;
  readonly in: number;
  /** Where routing sends it; SELF for one of the gateway's addresses. */
  readonly out: number;
  /** The place whose address the destination is, 0: none. */
  readonly own: number;
  readonly protocol: number;
  readonly dport: number;
  readonly saddr: bigint;
  readonly daddr: bigint;
}

/** null: the file does not declare the interfaces that it crosses. */
export function ask({ model, diagram }: Side, places: Places, packet: Witness): Decision | null {
  const into = places.idIn(model, packet.in);
  const out = packet.out === SELF ? SELF : places.idIn(model, packet.out);
  if (into === null) return null;
  const file = routesOf(model);
  const to =
    packet.own === 0
      ? ({ kind: 'address', family: packet.family, address: packet.daddr } as const)
      : ({ kind: 'own', interface: places.idIn(model, packet.own) ?? NOWHERE } as const);
  const asked: NewPacket = {
    family: packet.family,
    protocol: packet.protocol,
    in: into,
    from: { kind: 'address', family: packet.family, address: packet.saddr },
    sport: hasPorts(packet.protocol) ? 49152 : null,
    to,
    dport: packet.dport,
  };
  const ingress = walk(diagram.ingress, {
    family: BigInt(packet.family),
    in: BigInt(into),
    own: BigInt(to.kind === 'own' ? to.interface : 0),
    protocol: BigInt(packet.protocol),
    dport: BigInt(packet.dport),
    ...tableValues(model, packet.family, packet.saddr, packet.daddr),
    ...(packet.family === 4
      ? { daddr4: packet.daddr, saddr4: packet.saddr }
      : { daddr6: packet.daddr, saddr6: packet.saddr }),
  });
  if (out === null && packet.own === 0 && ingress.verdict !== 'redirect') return null;
  const routes = (family: Family, address: bigint) => {
    const known = file(family, address);
    return ingress.verdict === 'redirect' && known.length === 1 ? known : [out ?? NOWHERE];
  };
  return (
    decide(model, diagram, asked, { ...surroundingsOf(model, diagram), routes, own: () => packet.daddr })[0] ?? null
  );
}

/** Packets of a box to ask about, the likeliest first: addresses of networks where they live, well-known protocols. */
export function* listWitnesses(box: Box, sides: readonly Side[], places: Places, tables: Tables): Generator<Witness> {
  for (const family of [4, 6] as const) {
    if (box.family && !box.family.some(({ first, last }) => first <= BigInt(family) && BigInt(family) <= last))
      continue;
    for (const shape of listShapes(box, family, places))
      for (const daddr of listAddresses(box, sides, places, family, 'daddr', shape.out))
        for (const saddr of listAddresses(box, sides, places, family, 'saddr', shape.in)) {
          const witness = { ...shape, family, saddr, daddr };
          if (isInTables(box, sides, tables, witness)) yield witness;
        }
  }
}

function* listShapes(box: Box, family: Family, places: Places): Generator<Omit<Witness, 'saddr' | 'daddr' | 'family'>> {
  const all = places.names.map((_, place) => place);
  const within = (field: 'in' | 'out' | 'own', value: number) =>
    isInBox({ ...(box[field] ? { [field]: box[field] } : {}) }, { [field]: BigInt(value) });
  const protocols = [6, 17, ICMP[family], 47, 50, 132, ...valuesOf(box.protocol, 256)];
  const ports = [80, 22, 443, 8 << 8, 128 << 8, 40_000, ...valuesOf(box.dport, 6), 0];
  const kinds = [...new Set(protocols)]
    .filter((one) => isInBox({ ...(box.protocol ? { protocol: box.protocol } : {}) }, { protocol: BigInt(one) }))
    .flatMap((protocol) =>
      [...new Set(hasPorts(protocol) ? ports : protocol === ICMP[family] ? [...ports, ...ICMP_TYPES] : [0])]
        .filter((dport) => isInBox({ ...(box.dport ? { dport: box.dport } : {}) }, { dport: BigInt(dport) }))
        .filter((dport) => !hasPorts(protocol) || dport > 0)
        .filter((dport) => !isStray({ family, protocol, dport } as NewPacket))
        .map((dport) => ({ protocol, dport })),
    )
    .slice(0, 6);
  for (const kind of kinds)
    for (const from of [...all.slice(1), SELF])
      for (const own of from === SELF ? [0] : [0, ...all.slice(1), NOWHERE])
        for (const out of all.slice(1))
          if (within('in', from) && within('own', own) && within('out', out)) {
            yield { ...kind, in: from, own, out };
          }
}

/** Each with code 0. */
const ICMP_TYPES = Array.from({ length: 256 }, (_, type) => type << 8);

/** First values of the ranges, at most so many. */
function valuesOf(ranges: readonly Range<bigint>[] | undefined, most: number): number[] {
  return (ranges ?? [])
    .slice(0, most)
    .flatMap(({ first, last }) =>
      first === last ? [Number(first)] : [Number(first), Number(first) + 1, Number(last)],
    );
}

function listAddresses(
  box: Box,
  sides: readonly Side[],
  places: Places,
  family: Family,
  end: 'saddr' | 'daddr',
  place: number,
): bigint[] {
  const ranges = box[`${end}${family}`] ?? [{ first: 0n, last: family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n }];
  const home = sides.flatMap(({ model }) => {
    const id = places.idIn(model, place);
    return ownedAddresses(model, family).filter(({ interfaces }) => id !== null && interfaces.includes(id));
  });
  const outside = OUTSIDE[end][family];
  const asked = Object.keys(box).some((field) => isTableField(field as 'in'));
  const tabled = asked
    ? sides.flatMap(({ model }) => model.tables.flatMap(({ addresses }) => rangesOf(addresses, family)))
    : [];
  const likely = [
    ...home.map(({ first, last }) => ({ first: first + (last > first ? 1n : 0n), last })),
    { first: outside, last: outside },
    ...tabled,
  ];
  const found = new Set<bigint>();
  for (const range of likely) {
    for (const { first, last } of ranges.slice(0, 200)) {
      const from = first > range.first ? first : range.first;
      if (from <= (last < range.last ? last : range.last)) found.add(from);
    }
  }
  for (const { first, last } of ranges.slice(0, 4)) found.add((first + last) / 2n);
  return [...found].slice(0, 8);
}

function rangesOf(
  { v4, v6 }: { v4: readonly Range<number>[]; v6: readonly Range<bigint>[] },
  family: Family,
): Range<bigint>[] {
  return family === 6 ? [...v6] : v4.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
}

function isInTables(box: Box, sides: readonly Side[], tables: Tables, { family, saddr, daddr }: Witness): boolean {
  return (Object.entries(box) as [`${number}:saddr`, readonly Range<bigint>[]][]).every(([field, ranges]) => {
    if (!isTableField(field)) return true;
    const { table, side } = readTableField(field);
    const held = sides.some(({ model }) =>
      model.tables.some(
        ({ follows, addresses }) =>
          follows !== null &&
          tables.get(keyOfFollows(model, follows)) === table &&
          containsAddress(addresses, family, side === 'saddr' ? saddr : daddr),
      ),
    );
    return ranges.some(({ first, last }) => first <= (held ? 1n : 0n) && (held ? 1n : 0n) <= last);
  });
}

/** Addresses for documentation (RFC 5737, RFC 3849): of somebody out there. */
const OUTSIDE = {
  saddr: { 4: 0xc6336407n, 6: 0x20010db8000000000000000000000007n },
  daddr: { 4: 0xcb007150n, 6: 0x20010db8000000000000000000000080n },
} as const;
