/** What an Ethernet frame says of itself, in either address family (family4.ts, family6.ts read it). */
import { ETH, etherType, get16, hasPorts, isLikeUdp, set16, sum, TCP, UDP } from './bytes.ts';
import type { Family } from './family.ts';

export interface Frame {
  readonly bytes: Uint8Array;
  readonly family: Family;
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
  /** Offset of the identification; -1: it has none that translation may change. */
  readonly idAt: number;
  /** Where the bytes begin that `offset` counts. */
  readonly start: number;
  readonly offset: number;
  readonly more: boolean;
  readonly saddr: string;
  readonly daddr: string;
  /** 0 where there are none. ICMP: the type and code are in `type`. */
  readonly sport: number;
  readonly dport: number;
  readonly type: number;
  readonly tcp: number;
  /** What is wrong with the headers between the fixed one and `l4`, or null. */
  readonly problem: string | null;
}
/** Where the headers of the network layer end. */
export type Network = Pick<
  Frame,
  'l4' | 'length' | 'ttl' | 'protocol' | 'fragment' | 'id' | 'idAt' | 'start' | 'offset' | 'more' | 'problem'
>;

/** A packet that starts at `l3`; null where it is too short to say, or is none of this family. */
export function readIp(family: Family, bytes: Uint8Array, l3: number, quoted = false): Frame | null {
  const network = family.readNetwork(bytes, l3, quoted);
  if (network === null) return null;
  const { l4, length, protocol, offset } = network;
  const type = offset === 0 && protocol === family.icmp ? (bytes[l4] ?? -1) : -1;
  const ports = offset === 0 && hasPorts(protocol);
  const echo = get16(bytes, l4 + 4);
  return {
    ...network,
    bytes,
    family,
    l3,
    type,
    end: Math.min(bytes.length, l3 + length),
    saddr: family.addressAt(bytes, l3 + family.saddr),
    daddr: family.addressAt(bytes, l3 + family.daddr),
    sport: ports ? get16(bytes, l4) : family.isRequest(type) ? echo : 0,
    dport: ports ? get16(bytes, l4 + 2) : family.isReply(type) ? echo : 0,
    tcp: offset === 0 && protocol === TCP ? (bytes[l4 + 13] ?? 0) : 0,
  };
}

export const readFrame = (family: Family, bytes: Uint8Array): Frame | null =>
  etherType(bytes) === family.etherType ? readIp(family, bytes, ETH) : null;

/** The packet that the ICMP error `f` quotes. What its header says of its length is not believed: some stacks change it. */
export function readQuote(f: Frame, bytes = f.bytes): Frame | null {
  const cut = bytes.subarray(0, f.end);
  const quoted = readIp(f.family, cut, f.l4 + 8, true);
  return quoted === null || quoted.problem !== null ? null : { ...quoted, end: cut.length };
}

export const saddrOf = (f: Frame): Uint8Array => {
  const at = f.l3 + f.family.saddr;
  return f.bytes.subarray(at, at + f.family.width);
};
export const daddrOf = (f: Frame): Uint8Array => {
  const at = f.l3 + f.family.daddr;
  return f.bytes.subarray(at, at + f.family.width);
};

/** Offset of the L4 checksum, or -1. */
export function checksumAt(f: Frame): number {
  const { protocol } = f;
  const offset =
    protocol === TCP ? 16 : protocol === UDP || isLikeUdp(protocol) ? 6 : protocol === f.family.icmp ? 2 : -1;
  return offset < 0 || f.offset > 0 || f.l4 + offset + 2 > f.end ? -1 : f.l4 + offset;
}

const zeroIsZero = (value: number): number => (value === 0xffff ? 0 : value);

/** 0: right. Anything else: how wrong, which a translation must not change. */
export const ipResidue = (f: Frame): number => (f.family.hasHeaderSum ? zeroIsZero(sum(f.bytes, f.l3, f.l4)) : 0);
/** The same of L4, over what is there of it. */
export const l4Residue = (f: Frame): number => (checksumAt(f) < 0 ? 0 : zeroIsZero(sumL4(f)));

function sumL4(f: Frame): number {
  const at = f.l3 + f.family.saddr;
  const pseudo = f.family.coversAddresses(f.protocol)
    ? sum(f.bytes, at, at + 2 * f.family.width, f.protocol + f.length - (f.l4 - f.l3))
    : 0;
  return sum(f.bytes, f.l4, f.end, pseudo);
}

/** Writes right checksums into a frame whose headers were changed. */
export function mendChecksums(family: Family, bytes: Uint8Array): void {
  const f = readFrame(family, bytes);
  if (f === null || f.l4 > bytes.length) return;
  if (family.hasHeaderSum) {
    set16(bytes, f.l3 + 10, 0);
    set16(bytes, f.l3 + 10, ~sum(bytes, f.l3, f.l4));
  }
  const at = checksumAt(f);
  if (at < 0) return;
  set16(bytes, at, 0);
  const right = 0xffff & ~sumL4(f);
  set16(bytes, at, right === 0 && f.protocol === UDP ? 0xffff : right);
}
