/** Packets by composition, IPv4 and IPv6: IP packets without a link header, in network byte order, with checksums. */
import { familyOf, toBytes } from './addresses.ts';
import { checksum, pseudo, sum16 } from './sums.ts';

export const ICMP = 1;
export const TCP = 6;
export const UDP = 17;
export const ICMP6 = 58;

export interface Ip {
  readonly src: string;
  readonly dst: string;
  /** Time to live or hop limit; 64. */
  readonly ttl?: number;
  readonly id?: number;
  /** Don't fragment. */
  readonly df?: boolean;
  /** More fragments. */
  readonly mf?: boolean;
  /** Fragment offset in bytes. */
  readonly offset?: number;
  /** IPv4 options, a multiple of 4 bytes. */
  readonly options?: readonly number[];
  /** IPv6 extension headers, first to last: [type, body from the byte after `next header` on]. */
  readonly extensions?: readonly (readonly [type: number, body: readonly number[]])[];
}

let ids = 0;
const nextId = (): number => {
  ids = (ids + 1) & 0xffff;
  return ids;
};

const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];

export function ip(fields: Ip, protocol: number, payload: ArrayLike<number>): Uint8Array {
  return familyOf(fields.src) === 4 ? ip4(fields, protocol, payload) : ip6(fields, protocol, payload);
}

function ip4(fields: Ip, protocol: number, payload: ArrayLike<number>): Uint8Array {
  const { src, dst, ttl = 64, id = nextId(), df = false, mf = false, offset = 0, options = [] } = fields;
  const size = 20 + options.length;
  const bits = (df ? 0x4000 : 0) | (mf ? 0x2000 : 0) | (offset >> 3);
  const header = Uint8Array.from([
    ...[0x40 | (size / 4), 0, ...u16(size + payload.length), ...u16(id), ...u16(bits), ttl, protocol, 0, 0],
    ...[...toBytes(src), ...toBytes(dst), ...options],
  ]);
  header.set(u16(checksum(header)), 10);
  return join(header, payload);
}

function ip6({ src, dst, ttl = 64, extensions = [] }: Ip, protocol: number, payload: ArrayLike<number>): Uint8Array {
  const types = [...extensions.map(([type]) => type), protocol];
  const between = extensions.flatMap(([, body], i) => [types[i + 1] ?? 59, ...body]);
  const length = between.length + payload.length;
  const header = [0x60, 0, 0, 0, ...u16(length), types[0] ?? 59, ttl, ...toBytes(src), ...toBytes(dst), ...between];
  return join(header, payload);
}

export function join(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `size` bytes that differ from each other, from other seeds' and, shifted, from themselves. */
export function fill(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = (seed * 2654435761) >>> 0 || 1;
  for (let i = 0; i < size; i++) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    bytes[i] = state & 255;
  }
  return bytes;
}

export interface Udp extends Ip {
  readonly sport: number;
  readonly dport: number;
  readonly payload?: ArrayLike<number>;
  /** good; none: 0; partial: the pseudo-header's sum, as CHECKSUM_PARTIAL leaves it; wrong. */
  readonly sum?: 'good' | 'none' | 'partial' | 'wrong';
}

export function udp(fields: Udp): Uint8Array {
  const payload = fields.payload ?? fill(12, fields.sport);
  const segment = join([...u16(fields.sport), ...u16(fields.dport), ...u16(8 + payload.length), 0, 0], payload);
  const start = pseudo(fields.src, fields.dst, UDP, segment.length);
  const good = checksum(segment, start) || 0xffff;
  segment.set(u16({ good, none: 0, partial: start, wrong: good ^ 0x0ff0 }[fields.sum ?? 'good']), 6);
  return ip(fields, UDP, segment);
}

/** F S R P A, and their bits. */
export const TCP_FLAGS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32 };

export interface Tcp extends Ip {
  readonly sport: number;
  readonly dport: number;
  /** Letters of TCP_FLAGS. */
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  /** Option bytes, a multiple of 4. */
  readonly tcpOptions?: readonly number[];
  readonly payload?: ArrayLike<number>;
  readonly sum?: 'good' | 'partial' | 'wrong';
}

export function tcp(fields: Tcp): Uint8Array {
  const { sport, dport, seq = 1000, ack = 0, window = 65535, tcpOptions = [], payload = [] } = fields;
  const bits = [...fields.flags].reduce((all, flag) => all | (TCP_FLAGS[flag] ?? 0), 0);
  const header = [...u16(sport), ...u16(dport), ...u32(seq), ...u32(ack), (5 + tcpOptions.length / 4) << 4, bits];
  const segment = join([...header, ...u16(window), 0, 0, 0, 0, ...tcpOptions], payload);
  const start = pseudo(fields.src, fields.dst, TCP, segment.length);
  const good = checksum(segment, start);
  segment.set(u16({ good, partial: start, wrong: good ^ 0x0ff0 }[fields.sum ?? 'good']), 16);
  return ip(fields, TCP, segment);
}

export interface Icmp extends Ip {
  readonly type: number;
  readonly code?: number;
  /** The second word: identifier and sequence, MTU, pointer or unused. */
  readonly word?: number;
  readonly payload?: ArrayLike<number>;
  readonly sum?: 'good' | 'wrong';
}

/** ICMP, or ICMPv6 where the addresses are IPv6. */
export function icmp(fields: Icmp): Uint8Array {
  const six = familyOf(fields.src) === 6;
  const message = join([fields.type, fields.code ?? 0, 0, 0, ...u32(fields.word ?? 0)], fields.payload ?? []);
  const start = six ? pseudo(fields.src, fields.dst, ICMP6, message.length) : 0;
  const good = checksum(message, start);
  message.set(u16(fields.sum === 'wrong' ? good ^ 0x0ff0 : good), 2);
  return ip(fields, six ? ICMP6 : ICMP, message);
}

/** An echo request (or a reply): id and sequence number. */
export function echo(
  fields: Ip & { id2: number; seq?: number; reply?: boolean; payload?: ArrayLike<number> },
): Uint8Array {
  const [request, reply] = familyOf(fields.src) === 4 ? [8, 0] : [128, 129];
  const word = ((fields.id2 << 16) | (fields.seq ?? 1)) >>> 0;
  return icmp({ payload: fill(16, fields.id2), ...fields, type: fields.reply ? reply : request, word });
}

/** The payload whose checksum as UDP from here to there comes to 0 (sent as 0xFFFF, RFC 768). */
export function payloadThatSumsToZero(fields: Udp): Uint8Array {
  const payload = fill(12, fields.sport);
  payload.set([0, 0], 0);
  const length = 8 + payload.length;
  const segment = join([...u16(fields.sport), ...u16(fields.dport), ...u16(length), 0, 0], payload);
  payload.set(u16(0xffff - sum16(segment, pseudo(fields.src, fields.dst, UDP, length))), 0);
  return payload;
}
