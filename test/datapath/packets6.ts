/** IPv6 packets by composition, with checksums, and back; see packets.ts. Addresses are text as `formatIpv6` writes it. */
import { type Layer3, sum16 } from './packets.ts';

const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

export function parseIpv6(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').flatMap((group) => u16(Number.parseInt(group, 16)));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  return Uint8Array.from([...first, ...new Array(16 - first.length - last.length).fill(0), ...last]);
}

/** RFC 5952, but for embedded IPv4. */
export function formatIpv6(bytes: ArrayLike<number>): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  const text = groups.join(':');
  const runs = [...text.matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const run = runs[0];
  if (run === undefined) return text;
  return `${text.slice(0, run.index)}::${text.slice(run.index + run[0].length).replace(/^:/, '')}`;
}

const pseudo = (saddr: string, daddr: string, protocol: number, length: number): number =>
  sum16([...parseIpv6(saddr), ...parseIpv6(daddr), ...u32(length), 0, 0, 0, protocol]);

export interface Ip6 {
  readonly saddr: string;
  readonly daddr: string;
  readonly ttl?: number;
  /** Extension headers in front: kind and bytes, whose first is overwritten by the next header. */
  readonly extensions?: readonly { readonly kind: number; readonly bytes: readonly number[] }[];
  /** Says less or more than there is. */
  readonly length?: number;
}

function ip({ saddr, daddr, ttl = 64, extensions = [], length }: Ip6, protocol: number, payload: readonly number[]) {
  const kinds = [...extensions.map(({ kind }) => kind), protocol];
  const chain = extensions.flatMap(({ bytes }, i) => [kinds[i + 1] ?? 0, ...bytes.slice(1)]);
  const size = u16(length ?? chain.length + payload.length);
  const header = [0x60, 0, 0, 0, ...size, kinds[0] ?? 0, ttl, ...parseIpv6(saddr), ...parseIpv6(daddr)];
  return { bytes: [...header, ...chain, ...payload] };
}

export interface Udp6 extends Ip6 {
  readonly sport: number;
  readonly dport: number;
  readonly payload?: readonly number[];
  /** none: 0; partial: as CHECKSUM_PARTIAL leaves it. */
  readonly checksum?: 'good' | 'none' | 'partial';
}
export function udp6(o: Udp6): Layer3 {
  const payload = o.payload ?? [1, 2, 3, 4];
  const segment = [...u16(o.sport), ...u16(o.dport), ...u16(8 + payload.length), 0, 0, ...payload];
  const partial = pseudo(o.saddr, o.daddr, 17, segment.length);
  const good = ~sum16(segment, partial) & 0xffff || 0xffff;
  segment.splice(6, 2, ...u16({ good, none: 0, partial }[o.checksum ?? 'good']));
  return ip(o, 17, segment);
}

export interface Tcp6 extends Ip6 {
  readonly sport: number;
  readonly dport: number;
  readonly flags: string; // of SAFRP
  readonly seq?: number;
  readonly ack?: number;
  readonly payload?: readonly number[];
}
const TCP_BITS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16 };
export function tcp6(o: Tcp6): Layer3 {
  const flags = [...o.flags].reduce((bits, flag) => bits | (TCP_BITS[flag] ?? 0), 0);
  const numbers = [...u32(o.seq ?? 1000), ...u32(o.ack ?? 0)];
  const segment = [...u16(o.sport), ...u16(o.dport), ...numbers, 0x50, flags, 255, 255, 0, 0, 0, 0];
  segment.push(...(o.payload ?? []));
  segment.splice(16, 2, ...u16(~sum16(segment, pseudo(o.saddr, o.daddr, 6, segment.length)) & 0xffff));
  return ip(o, 6, segment);
}

export interface Icmp6 extends Ip6 {
  readonly type: number;
  readonly code?: number;
  /** The second word: an identifier and 1, an MTU, or nothing. */
  readonly word?: readonly number[];
  readonly payload?: readonly number[];
  readonly wrongSum?: boolean;
}
export function icmp6(o: Icmp6): Layer3 {
  const message = [o.type, o.code ?? 0, 0, 0, ...(o.word ?? [0, 0, 0, 0]), ...(o.payload ?? [])];
  const sum = ~sum16(message, pseudo(o.saddr, o.daddr, 58, message.length)) & 0xffff;
  message.splice(2, 2, ...u16(sum ^ (o.wrongSum ? 0x0101 : 0)));
  return ip(o, 58, message);
}
export const echo6 = (o: Ip6 & { readonly id: number; readonly reply?: boolean }): Layer3 =>
  icmp6({ ...o, type: o.reply ? 129 : 128, word: [...u16(o.id), 0, 1], payload: [1, 2, 3, 4, 5, 6, 7, 8] });

export function other6(o: Ip6 & { readonly protocol: number; readonly payload?: readonly number[] }): Layer3 {
  return ip(o, o.protocol, o.payload ?? [0, 0, 8, 0, 0, 0, 0, 0]);
}

export interface Parsed6 {
  readonly dmac: string;
  readonly saddr: string;
  readonly daddr: string;
  readonly ttl: number;
  readonly protocol: number;
  readonly sport: number;
  readonly dport: number;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly type: number;
  readonly code: number;
  readonly id: number;
  /** Of the transport. */
  readonly checksum: number;
  readonly sumsAreRight: boolean;
  /** Of an ICMPv6 error: the quoted packet. */
  readonly quoted: Parsed6 | null;
}

/** @param frame with Ethernet header */
export function parsePacket6(frame: Uint8Array): Parsed6 {
  const dmac = Array.from(frame.subarray(0, 6), (byte) => byte.toString(16).padStart(2, '0')).join(':');
  return parseIp(frame.subarray(14), dmac, false);
}

function parseIp(bytes: Uint8Array, dmac: string, isQuote: boolean): Parsed6 {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint16(4);
  const [saddr, daddr] = [formatIpv6(bytes.subarray(8, 24)), formatIpv6(bytes.subarray(24, 40))];
  let at = 40;
  let protocol = view.getUint8(6);
  while ([0, 43, 44, 60].includes(protocol)) {
    const size = protocol === 44 ? 8 : (view.getUint8(at + 1) + 1) * 8;
    protocol = view.getUint8(at);
    at += size;
  }
  const l4 = bytes.subarray(at, Math.min(40 + length, bytes.length));
  const word = (offset: number): number => ((l4[offset] ?? 0) << 8) | (l4[offset + 1] ?? 0);
  const whole = bytes.length >= 40 + length;
  const known = [6, 17, 58].includes(protocol);
  const right = !known || (isQuote && !whole) || sum16(l4, pseudo(saddr, daddr, protocol, l4.length)) === 0xffff;
  const bits = protocol === 6 ? (l4[13] ?? 0) : 0;
  const isIcmp = protocol === 58;
  const isError = isIcmp && (l4[0] ?? 0) < 128 && l4.length >= 48 && !isQuote;
  return {
    dmac,
    saddr,
    daddr,
    ttl: view.getUint8(7),
    protocol,
    sport: isIcmp ? 0 : word(0),
    dport: isIcmp ? 0 : word(2),
    flags: [...'SAFRP'].filter((flag) => bits & (TCP_BITS[flag] ?? 0)).join(''),
    seq: ((word(4) << 16) | word(6)) >>> 0,
    ack: ((word(8) << 16) | word(10)) >>> 0,
    type: isIcmp ? (l4[0] ?? 0) : -1,
    code: isIcmp ? (l4[1] ?? 0) : -1,
    id: isIcmp ? word(4) : -1,
    checksum: protocol === 6 ? word(16) : word(protocol === 17 ? 6 : 2),
    sumsAreRight: right,
    quoted: isError ? parseIp(l4.subarray(8), '', true) : null,
  };
}
