/** Frames as bytes, read and written by a second implementation that shares nothing with the datapath. */

export const ETH = 14;
export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
/** DCCP and UDP-Lite: ports and checksum where UDP has them. */
export const isLikeUdp = (protocol: number): boolean => protocol === 33 || protocol === 136;

export const get16 = (b: Uint8Array, at: number): number => ((b[at] ?? 0) << 8) | (b[at + 1] ?? 0);
export function set16(b: Uint8Array, at: number, value: number): void {
  if (at + 1 >= b.length) return;
  b[at] = (value >> 8) & 255;
  b[at + 1] = value & 255;
}
export function put(b: Uint8Array, at: number, bytes: Uint8Array | readonly number[]): void {
  for (let i = 0; i < bytes.length && at + i < b.length; i++) b[at + i] = bytes[i] ?? 0;
}

/** Ones' complement sum of the bytes from `from` to `to`, folded; an odd end is padded with 0. */
export function sum(b: Uint8Array, from: number, to: number, start = 0): number {
  let total = start;
  for (let at = from; at < to; at += 2) total += ((b[at] ?? 0) << 8) | (at + 1 < to ? (b[at + 1] ?? 0) : 0);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

/** What an Ethernet frame says of itself; `l4` and everything behind is only there for IPv4. */
export interface Frame {
  readonly bytes: Uint8Array;
  readonly l3: number;
  readonly l4: number;
  /** End of the IP packet, or of the frame where that is nearer. */
  readonly end: number;
  readonly length: number;
  readonly ttl: number;
  readonly protocol: number;
  /** A piece of a datagram: identification, offset in units of eight bytes, whether more follow. */
  readonly fragment: boolean;
  readonly id: number;
  readonly offset: number;
  readonly more: boolean;
  readonly saddr: string;
  readonly daddr: string;
  /** 0 where there are none. ICMP: the type and code are in `type`. */
  readonly sport: number;
  readonly dport: number;
  readonly type: number;
  readonly tcp: number;
}

export const addressAt = (b: Uint8Array, at: number): string => b.subarray(at, at + 4).join('.');
export const isEcho = (type: number): boolean => type === 8 || type === 13;
export const isEchoReply = (type: number): boolean => type === 0 || type === 14;
export const isIcmpError = (type: number): boolean => type === 3 || type === 11 || type === 12;

/** An IPv4 packet that starts at `l3`; null where it is too short to say, or is none. */
export function readIp(bytes: Uint8Array, l3: number): Frame | null {
  if (bytes.length < l3 + 20 || (bytes[l3] ?? 0) >> 4 !== 4) return null;
  const size = ((bytes[l3] ?? 0) & 15) * 4;
  if (size < 20) return null;
  const l4 = l3 + size;
  const length = get16(bytes, l3 + 2);
  const protocol = bytes[l3 + 9] ?? 0;
  const word = get16(bytes, l3 + 6);
  const head = (word & 0x1fff) === 0;
  const type = head && protocol === ICMP ? (bytes[l4] ?? -1) : -1;
  const hasPorts = head && (protocol === TCP || protocol === UDP || protocol === 132 || isLikeUdp(protocol));
  const echo = get16(bytes, l4 + 4);
  return {
    bytes,
    l3,
    l4,
    length,
    end: Math.min(bytes.length, l3 + length),
    ttl: bytes[l3 + 8] ?? 0,
    protocol,
    type,
    fragment: (word & 0x3fff) !== 0,
    id: get16(bytes, l3 + 4),
    offset: word & 0x1fff,
    more: (word & 0x2000) !== 0,
    saddr: addressAt(bytes, l3 + 12),
    daddr: addressAt(bytes, l3 + 16),
    sport: hasPorts ? get16(bytes, l4) : isEcho(type) ? echo : 0,
    dport: hasPorts ? get16(bytes, l4 + 2) : isEchoReply(type) ? echo : 0,
    tcp: head && protocol === TCP ? (bytes[l4 + 13] ?? 0) : 0,
  };
}

/** The packet that an ICMP error quotes. What its header says of its length is not believed: some stacks change it. */
export function readQuote(bytes: Uint8Array, l3: number): Frame | null {
  const quoted = readIp(bytes, l3);
  return quoted === null ? null : { ...quoted, end: bytes.length };
}

export const etherType = (b: Uint8Array): number => get16(b, 12);
export const readFrame = (bytes: Uint8Array): Frame | null => (etherType(bytes) === 0x0800 ? readIp(bytes, ETH) : null);

/** Offset of the L4 checksum, or -1. */
export function checksumAt(f: Frame): number {
  const offset =
    f.protocol === TCP ? 16 : f.protocol === UDP || isLikeUdp(f.protocol) ? 6 : f.protocol === ICMP ? 2 : -1;
  return offset < 0 || f.offset > 0 || f.l4 + offset + 2 > f.end ? -1 : f.l4 + offset;
}

const zeroIsZero = (value: number): number => (value === 0xffff ? 0 : value);

/** 0: right. Anything else: how wrong, which a translation must not change. */
export const ipResidue = (f: Frame): number => zeroIsZero(sum(f.bytes, f.l3, f.l4));
/** The same of L4, over what is there of it. */
export function l4Residue(f: Frame): number {
  if (checksumAt(f) < 0) return 0;
  const pseudo = f.protocol === ICMP ? 0 : sum(f.bytes, f.l3 + 12, f.l3 + 20, f.protocol + f.length - (f.l4 - f.l3));
  return zeroIsZero(sum(f.bytes, f.l4, f.end, pseudo));
}

/** Writes right checksums into a frame whose headers were changed. */
export function mendChecksums(bytes: Uint8Array): void {
  const f = readFrame(bytes);
  if (f === null || f.l4 > bytes.length) return;
  set16(bytes, f.l3 + 10, 0);
  set16(bytes, f.l3 + 10, ~sum(bytes, f.l3, f.l4));
  const at = checksumAt(f);
  if (at < 0) return;
  set16(bytes, at, 0);
  const right = 0xffff & ~l4Sum(f);
  set16(bytes, at, right === 0 && f.protocol === UDP ? 0xffff : right);
}
function l4Sum(f: Frame): number {
  const pseudo = f.protocol === ICMP ? 0 : sum(f.bytes, f.l3 + 12, f.l3 + 20, f.protocol + f.length - (f.l4 - f.l3));
  return sum(f.bytes, f.l4, f.end, pseudo);
}
