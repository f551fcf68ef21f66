/** What stands on the wire, taken apart, with a verdict on every checksum. Takes packets as they are, truncated ones too. */
import { fromBytes } from './addresses.ts';
import { ICMP, ICMP6, TCP, TCP_FLAGS, UDP } from './compose.ts';
import { pseudo, sum16 } from './sums.ts';

export interface Packet {
  readonly family: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly ttl: number;
  /** Of what follows IP and its extension headers. */
  readonly protocol: number;
  readonly id: number;
  readonly df: boolean;
  readonly mf: boolean;
  /** Bytes. */
  readonly offset: number;
  /** A fragment, first or later. */
  readonly piece: boolean;
  /** Bytes of IPv4 options, or types of IPv6 extension headers. */
  readonly options: readonly number[];
  /** TCP and UDP; 0 for others and for later fragments. */
  readonly sport: number;
  readonly dport: number;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly tcpOptions: Uint8Array;
  /** ICMP; -1 for others. */
  readonly type: number;
  readonly code: number;
  readonly word: number;
  /** The identifier of an ICMP query. */
  readonly query: number;
  /** Of an ICMP error. */
  readonly quoted: Packet | null;
  /** The L4 checksum as it stands. */
  readonly sum: number;
  /** IP and L4 checksums are right; L4 is not judged for pieces, and for quotes only where they are whole. */
  readonly sumsAreRight: boolean;
  readonly ipSumIsRight: boolean;
  /** After the header of TCP, UDP or ICMP (of a later piece: all of it). */
  readonly payload: Uint8Array;
  /** The IP packet as it came. */
  readonly bytes: Uint8Array;
}

const isError = (protocol: number, type: number): boolean =>
  protocol === ICMP ? [3, 4, 5, 11, 12].includes(type) : protocol === ICMP6 && type < 128;

interface Outer {
  readonly family: 4 | 6;
  readonly src: string;
  readonly dst: string;
  readonly ttl: number;
  readonly protocol: number;
  readonly id: number;
  readonly df: boolean;
  readonly mf: boolean;
  readonly offset: number;
  readonly options: readonly number[];
  readonly header: number;
  readonly length: number;
  readonly ipSumIsRight: boolean;
}

function parse4(bytes: Uint8Array, view: DataView): Outer {
  const header = ((bytes[0] ?? 0) & 15) * 4;
  const bits = view.getUint16(6);
  return {
    family: 4,
    src: fromBytes(bytes.subarray(12, 16)),
    dst: fromBytes(bytes.subarray(16, 20)),
    ttl: view.getUint8(8),
    protocol: view.getUint8(9),
    id: view.getUint16(4),
    df: (bits & 0x4000) !== 0,
    mf: (bits & 0x2000) !== 0,
    offset: (bits & 0x1fff) * 8,
    options: [...bytes.subarray(20, header)],
    header,
    length: view.getUint16(2),
    ipSumIsRight: sum16(bytes.subarray(0, header)) === 0xffff,
  };
}

function parse6(bytes: Uint8Array, view: DataView): Outer {
  let [protocol, header] = [view.getUint8(6), 40];
  let [id, mf, offset] = [0, false, 0];
  const options: number[] = [];
  while ([0, 43, 44, 51, 60].includes(protocol) && header + 8 <= bytes.length && offset === 0) {
    options.push(protocol);
    if (protocol === 44) {
      const bits = view.getUint16(header + 2);
      [id, mf, offset] = [view.getUint32(header + 4), (bits & 1) !== 0, bits & 0xfff8];
    }
    const units = view.getUint8(header + 1);
    const size = protocol === 44 ? 8 : protocol === 51 ? (units + 2) * 4 : (units + 1) * 8;
    protocol = view.getUint8(header);
    header += size;
  }
  return {
    ...{ family: 6, src: fromBytes(bytes.subarray(8, 24)), dst: fromBytes(bytes.subarray(24, 40)) },
    ...{ ttl: view.getUint8(7), protocol, id, df: false, mf, offset, options, header },
    length: view.getUint16(4) + 40,
    ipSumIsRight: true,
  };
}

/** @param partial the sender left the checksum to hardware: it is taken for right */
export function parse(frame: Uint8Array, partial = false, isQuote = false): Packet | null {
  const first = (frame[0] ?? 0) >> 4;
  if ((first !== 4 && first !== 6) || frame.length < (first === 4 ? 20 : 40)) return null;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const { header, length, ...outer } = first === 4 ? parse4(frame, view) : parse6(frame, view);
  const bytes = frame.subarray(0, Math.min(length, frame.length));
  const l4 = bytes.subarray(header);
  const at16 = (offset: number): number => ((l4[offset] ?? 0) << 8) | (l4[offset + 1] ?? 0);
  const at32 = (offset: number): number => ((at16(offset) << 16) | at16(offset + 2)) >>> 0;
  const { protocol, offset, mf, src, dst } = outer;
  const later = offset > 0;
  const piece = mf || later;
  const ports = !later && (protocol === TCP || protocol === UDP);
  const message = !later && (protocol === ICMP || protocol === ICMP6);
  const start = protocol === ICMP ? 0 : pseudo(src, dst, protocol, l4.length);
  const sum = protocol === TCP ? at16(16) : protocol === UDP ? at16(6) : message ? at16(2) : 0;
  const whole = frame.length >= length && !piece;
  const unsummed = protocol === UDP && sum === 0 && outer.family === 4;
  const judged = (ports || message) && (isQuote ? whole && length <= frame.length : whole) && !unsummed && !partial;
  const bits = ports && protocol === TCP ? (l4[13] ?? 0) : 0;
  const tcpHeader = ((l4[12] ?? 0) >> 4) * 4;
  const start4 = later ? 0 : protocol === TCP ? tcpHeader : ports || message ? 8 : 0;
  return {
    ...outer,
    piece,
    sport: ports ? at16(0) : 0,
    dport: ports ? at16(2) : 0,
    flags: Object.keys(TCP_FLAGS)
      .filter((flag) => bits & (TCP_FLAGS[flag] ?? 0))
      .join(''),
    seq: at32(4),
    ack: at32(8),
    tcpOptions: protocol === TCP && !later ? l4.subarray(20, tcpHeader) : new Uint8Array(),
    type: message ? (l4[0] ?? 0) : -1,
    code: message ? (l4[1] ?? 0) : -1,
    word: message ? at32(4) : 0,
    query: message ? at16(4) : 0,
    quoted: message && !isQuote && isError(protocol, l4[0] ?? 0) ? parse(l4.subarray(8), false, true) : null,
    sum,
    sumsAreRight: outer.ipSumIsRight && (!judged || sum16(l4, start) === 0xffff),
    payload: l4.subarray(start4),
    bytes,
  };
}

/** For messages: `udp 203.0.113.7:4000 > 192.0.2.1:53`. */
export function describe(packet: Packet): string {
  const { src, dst, protocol, sport, dport } = packet;
  const pieces = packet.piece
    ? ` piece ${packet.offset}+${packet.payload.length}${packet.mf ? '+' : ''} of ${packet.id}`
    : '';
  const sums = packet.sumsAreRight ? '' : ' (checksum wrong)';
  const quoted = packet.quoted === null ? '' : ` quoting [${describe(packet.quoted)}]`;
  if (protocol === TCP || protocol === UDP) {
    const name = protocol === TCP ? `tcp ${packet.flags}` : 'udp';
    return `${name} ${src}:${sport} > ${dst}:${dport}${pieces}${sums}`;
  }
  const name = packet.type >= 0 ? `icmp ${packet.type}/${packet.code} id ${packet.query}` : `protocol ${protocol}`;
  return `${name} ${src} > ${dst}${pieces}${quoted}${sums}`;
}
