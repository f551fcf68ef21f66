/**
 * Packets by composition, with checksums, and back: Ethernet / IPv4 / TCP, UDP, ICMP. Addresses are dotted text, numbers
 * are values; `parsePacket` also says whether every checksum is right.
 */
/** Of the machine that sends frames. */
export const SENDER = '02:00:00:00:00:02';

const bytesOf = (text: string, separator: string, radix: number): number[] =>
  text.split(separator).map((part) => Number.parseInt(part, radix));
const addressBytes = (text: string): number[] => bytesOf(text, '.', 10);
const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

/** Ones' complement sum of 16-bit words, folded, not inverted. */
export function sum16(bytes: ArrayLike<number>, start = 0): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
const checksum = (bytes: ArrayLike<number>, start = 0): number => ~sum16(bytes, start) & 0xffff;
const pseudo = (saddr: string, daddr: string, protocol: number, length: number): number =>
  sum16([...addressBytes(saddr), ...addressBytes(daddr), 0, protocol, ...u16(length)]);

export interface Ip {
  readonly saddr: string;
  readonly daddr: string;
  readonly ttl?: number;
  /** Raw option bytes, a multiple of 4. */
  readonly options?: readonly number[];
  /** Offset and flags as they stand in the header, e.g. 0x2000 for more fragments, 0x4000 for DF. */
  readonly fragment?: number;
  /** Identification; 0x1234. */
  readonly datagram?: number;
  /** Says less or more than there is. */
  readonly length?: number;
  readonly ihl?: number;
}

function ip(header: Ip, protocol: number, payload: readonly number[]): number[] {
  const { saddr, daddr, ttl = 64, options = [], fragment = 0x4000, datagram = 0x1234 } = header;
  const size = 20 + options.length;
  const first = [
    0x40 | (header.ihl ?? size / 4),
    0,
    ...u16(header.length ?? size + payload.length),
    ...u16(datagram),
    ...u16(fragment),
    ttl,
    protocol,
    0,
    0,
    ...addressBytes(saddr),
    ...addressBytes(daddr),
    ...options,
  ];
  first.splice(10, 2, ...u16(checksum(first)));
  return [...first, ...payload];
}

export type Layer3 = { readonly bytes: readonly number[] };

export interface UdpOptions extends Ip {
  readonly sport: number;
  readonly dport: number;
  readonly payload?: readonly number[];
  /** none: 0; partial: as CHECKSUM_PARTIAL leaves it. */
  readonly checksum?: 'good' | 'none' | 'partial';
}
export function udp(o: UdpOptions): Layer3 {
  const payload = o.payload ?? [1, 2, 3, 4];
  const length = 8 + payload.length;
  const segment = [...u16(o.sport), ...u16(o.dport), ...u16(length), 0, 0, ...payload];
  const start = pseudo(o.saddr, o.daddr, 17, length);
  const good = checksum(segment, start) || 0xffff;
  const value = { good, none: 0, partial: start }[o.checksum ?? 'good'];
  segment.splice(6, 2, ...u16(value));
  return { bytes: ip(o, 17, segment) };
}

export interface TcpOptions extends Ip {
  readonly sport: number;
  readonly dport: number;
  readonly flags: string; // of SAFRP
  readonly seq?: number;
  readonly ack?: number;
  readonly payload?: readonly number[];
  /** Raw bytes, a multiple of 4. */
  readonly tcpOptions?: readonly number[];
  readonly offset?: number;
}
const TCP_BITS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16 };
export function tcp(o: TcpOptions): Layer3 {
  const flags = [...o.flags].reduce((bits, flag) => bits | (TCP_BITS[flag] ?? 0), 0);
  const payload = o.payload ?? [];
  const segment = [
    ...u16(o.sport),
    ...u16(o.dport),
    ...u32(o.seq ?? 1000),
    ...u32(o.ack ?? 0),
    (o.offset ?? 5 + (o.tcpOptions ?? []).length / 4) << 4,
    flags,
    ...u16(65535),
    0,
    0,
    0,
    0,
    ...(o.tcpOptions ?? []),
    ...payload,
  ];
  segment.splice(16, 2, ...u16(checksum(segment, pseudo(o.saddr, o.daddr, 6, segment.length))));
  return { bytes: ip(o, 6, segment) };
}

export interface IcmpOptions extends Ip {
  readonly type: number;
  readonly code?: number;
  readonly id?: number;
  /** What follows the eight bytes: a quoted packet for errors. */
  readonly payload?: readonly number[];
  readonly wrongSum?: boolean;
}
export function icmp(o: IcmpOptions): Layer3 {
  const message = [o.type, o.code ?? 0, 0, 0, ...u16(o.id ?? 0), 0, 1, ...(o.payload ?? [])];
  if (o.id === undefined) message.splice(6, 2, 0, 0);
  message.splice(2, 2, ...u16(checksum(message) ^ (o.wrongSum ? 0x0101 : 0)));
  return { bytes: ip(o, 1, message) };
}
export function other(o: Ip & { readonly protocol: number; readonly payload?: readonly number[] }): Layer3 {
  return { bytes: ip(o, o.protocol, o.payload ?? [0, 0, 8, 0]) };
}

/** The first bytes of a packet, as an ICMP error quotes them. */
export const quote = ({ bytes }: Layer3, size = 28): number[] => bytes.slice(0, size);

/** @param to the address of the interface that it is sent to */
export function ethernet({ bytes }: Layer3, to: string, type = 0x0800): Uint8Array {
  const header = [...bytesOf(to, ':', 16), ...bytesOf(SENDER, ':', 16), ...u16(type)];
  const frame = [...header, ...bytes];
  while (frame.length < 60) frame.push(0);
  return Uint8Array.from(frame);
}

export interface Parsed {
  readonly dmac: string;
  readonly smac: string;
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
  readonly checksum: number;
  /** IP, and TCP, UDP (0 is right) or ICMP. */
  readonly sumsAreRight: boolean;
  /** Of an ICMP error: the quoted packet; its own IP checksum must be right too, its L4 one only where it is whole. */
  readonly quoted: Parsed | null;
  readonly length: number;
}

const hex = (bytes: ArrayLike<number>): string => Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join(':');

/** @param frame with Ethernet header */
export function parsePacket(frame: Uint8Array): Parsed {
  return parseIp(frame.subarray(14), hex(frame.subarray(0, 6)), hex(frame.subarray(6, 12)), false);
}

function parseIp(bytes: Uint8Array, dmac: string, smac: string, isQuote: boolean): Parsed {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = ((bytes[0] ?? 0) & 15) * 4;
  const length = view.getUint16(2);
  const protocol = view.getUint8(9);
  const saddr = bytes.subarray(12, 16).join('.');
  const daddr = bytes.subarray(16, 20).join('.');
  const l4 = bytes.subarray(size, Math.min(length, bytes.length));
  const at = (offset: number): number => ((l4[offset] ?? 0) << 8) | (l4[offset + 1] ?? 0);
  const whole = bytes.length >= length;
  const start = protocol === 1 ? 0 : pseudo(saddr, daddr, protocol, length - size);
  const field = protocol === 1 ? at(2) : protocol === 17 ? at(6) : at(16);
  const none = protocol === 17 && field === 0;
  const l4Right = ![1, 6, 17].includes(protocol) || none || (isQuote && !whole) || sum16(l4, start) === 0xffff;
  const isError = protocol === 1 && [3, 11, 12].includes(l4[0] ?? 0) && !isQuote;
  const bits = protocol === 6 ? (l4[13] ?? 0) : 0;
  return {
    dmac,
    smac,
    saddr,
    daddr,
    protocol,
    length,
    ttl: view.getUint8(8),
    sport: protocol === 1 ? 0 : at(0),
    dport: protocol === 1 ? 0 : at(2),
    flags: [...'SAFRP'].filter((flag) => bits & (TCP_BITS[flag] ?? 0)).join(''),
    seq: ((at(4) << 16) | at(6)) >>> 0,
    ack: ((at(8) << 16) | at(10)) >>> 0,
    type: protocol === 1 ? (l4[0] ?? 0) : -1,
    code: protocol === 1 ? (l4[1] ?? 0) : -1,
    id: protocol === 1 ? at(4) : -1,
    checksum: field,
    sumsAreRight: sum16(bytes.subarray(0, size)) === 0xffff && l4Right,
    quoted: isError ? parseIp(l4.subarray(8), '', '', true) : null,
  };
}
