/** A packet of some boxes as an `expect` would say it: one that an admin would think of, where there is a choice. */

import { writeAddress } from '../../grammar/address.ts';
import type { Family } from '../../grammar/ast.ts';
import { containsPoint, EVERY_ADDRESS, intersectRanges, normalize, subtractRanges } from '../addresses.ts';
import type { InterfaceId } from '../model.ts';
import { SELF } from '../model.ts';
import { ownedAddresses } from '../ownership.ts';
import { protocolNumber } from '../protocols.ts';
import { type Box, bitsOf, type Point, type Ranges, rangesOf } from './boxes.ts';
import { type Context, interfaceName } from './context.ts';
import { ICMP_TYPES } from './icmp-types.ts';
import type { Sight, Ways } from './journey.ts';

export interface Witness {
  readonly packet: Point;
  /** `tcp from 198.51.100.9 on wan to 192.168.2.10:22` */
  readonly text: string;
  /** false: the destination is the gateway by an address of its own that the file does not give to it. */
  readonly isPlain: boolean;
}

/** null: none that the words of an `expect` can say. */
export function findWitness(context: Context, boxes: readonly Box[], ways: Ways, sight: Sight): Witness | null {
  for (const box of [...boxes].sort((a, b) => a.family - b.family)) {
    const service = chooseService(box);
    const places = ways.from.filter((id) => id !== SELF && (bitsOf({ interfaces: [id] }, sight.ins) & box.in) !== 0);
    const place = places.find((id) => sendersBy(context, box, id).length > 0) ?? places[0];
    if (service === null || place === undefined) continue;
    const senders = sendersBy(context, box, place);
    const among = senders.length > 0 ? senders : box.from;
    const exit = chooseExit(context, box, ways, sight);
    const choose = (ranges: Ranges, end: 'from' | 'to', other: bigint | null) =>
      chooseAddress(
        context,
        box.family,
        ranges,
        end === 'from' ? place : exit.interface,
        STRANGERS[box.family][end],
        other,
      );
    const sender = choose(among, 'from', null);
    const to = choose(box.to, 'to', sender) ?? choose(box.to, 'to', null);
    const from = sender === to ? choose(among, 'from', to) : sender; // nobody sends to himself
    if (from === null || to === null) continue;
    const address = exit.own === null ? writeAddress(to, box.family) : exit.own;
    const bracketed = service.port !== null && box.family === 6 && exit.own === null ? `[${address}]` : address;
    const end = service.port === null ? bracketed : `${bracketed}:${service.port}`;
    const text = `${service.text} from ${writeAddress(from, box.family)} on ${interfaceName(context, place)} to ${end}`;
    const at = bitsOf({ interfaces: [place] }, sight.ins);
    const isPlain = exit.interface !== SELF || exit.own !== null;
    const packet = { family: box.family, services: service.value, in: at, out: exit.bit, from, to };
    return { packet, text, isPlain };
  }
  return null;
}

interface Chosen {
  readonly value: number;
  readonly text: string;
  readonly port: number | null;
}

const PORTS = ['tcp', 'udp', 'sctp'] as const;
const WHOLE = ['gre', 'esp'] as const;
const USUAL = [80, 22, 443, 53, 25];

function chooseService({ family, services }: Box): Chosen | null {
  for (const name of PORTS) {
    const base = protocolNumber(name, family) << 16;
    const [some] = intersectRanges(services, [{ first: base + 1, last: base + 0xffff }]);
    if (some === undefined) continue;
    const usual = USUAL.find((port) => containsPoint(services, base + port));
    const value = usual === undefined ? some.first : base + usual;
    return { value, text: name, port: value - base };
  }
  const icmp = protocolNumber('icmp', family) << 16;
  for (const [name, { v4, v6 }] of ICMP_TYPES) {
    const type = family === 4 ? v4 : v6;
    if (type === null || !STARTS.test(name)) continue; // the others belong to a connection or are dropped
    const value = icmp + (type << 8);
    if (containsPoint(services, value)) return { value, text: `icmp ${name}`, port: null };
  }
  for (const text of WHOLE) {
    const value = protocolNumber(text, family) << 16;
    if (containsPoint(services, value)) return { value, text, port: null };
  }
  return null;
}
const STARTS = /-request$|-solicitation$|-query$/;

/** Documentation addresses (RFC 5737, RFC 3849). */
const DOCUMENTED = 0x20010db8n << 96n;
const STRANGERS: Readonly<Record<Family, { readonly from: bigint; readonly to: bigint }>> = {
  4: { from: 0xc6336409n, to: 0xc0000250n },
  6: { from: DOCUMENTED + 9n, to: DOCUMENTED + 0x80n },
};

/** Those who do not live elsewhere. */
function sendersBy(context: Context, { family, from }: Box, id: InterfaceId): Ranges {
  const foreign = ownedAddresses(context, family).filter(({ interfaces }) => !interfaces.includes(id));
  return subtractRanges(from, normalize(foreign.map(({ first, last }) => ({ first, last }))));
}

/** Rather one that lives there, or a stranger where nobody does. */
function chooseAddress(
  context: Context,
  family: Family,
  ranges: Ranges,
  id: InterfaceId,
  stranger: bigint,
  other: bigint | null,
): bigint | null {
  const there = context.networks.filter((one) => one.interface === id && !one.dynamic);
  const living = there.flatMap(({ addresses }) => intersectRanges(ranges, rangesOf(addresses, family)));
  if (living.length === 0 && stranger !== other && containsPoint(ranges, stranger)) return stranger;
  const tried = [...living, ...ranges].flatMap(({ first, last }) => [
    first + 9n <= last ? first + 9n : first,
    first,
    last,
  ]);
  return tried.find((address) => address !== other) ?? null;
}

interface Exit {
  readonly bit: number;
  readonly interface: InterfaceId;
  /** How the gateway is named there; null: the destination is an address. */
  readonly own: string | null;
}

function chooseExit(context: Context, { out, to, family }: Box, ways: Ways, { outs }: Sight): Exit {
  const id = ways.to.find((one) => one !== SELF && (bitsOf({ interfaces: [one] }, outs) & out) !== 0);
  if (id !== undefined) return { bit: bitsOf({ interfaces: [id] }, outs), interface: id, own: null };
  const anywhere = to[0]?.first === 0n && to[0].last === rangesOf(EVERY_ADDRESS, family)[0]?.last;
  const owner = [...outs.own].find(([, bit]) => (bit & out) !== 0);
  const other = context.interfaces.find((one) => !outs.own.has(one.id));
  const named = owner?.[0] ?? other?.id ?? SELF;
  return { bit: owner?.[1] ?? out & -out, interface: SELF, own: anywhere ? interfaceName(context, named) : null };
}
