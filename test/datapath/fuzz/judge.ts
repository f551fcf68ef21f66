/**
 * What must hold for one packet, whatever it is: a packet that goes on is translated by its flow in every byte and in no
 * other, one that is passed is as it came (or as its flow says), no inside address leaves, nothing reaches the stack that
 * nobody allowed. Each function returns what is wrong, or null.
 */
import { ETH, etherType, get16, hasPorts, isLikeUdp, isSame, macBytes, put, set16, TCP, UDP } from './bytes.ts';
import type { Family } from './family.ts';
import { type Entry, type FlowTable, keyOf, oppositeKey, reversedKey } from './flows.ts';
import {
  checksumAt, type Frame, ipResidue, l4Residue, readFrame, readIp, readQuote, saddrOf,
} from './frame.ts'; // biome-ignore format: a list
import type { Sent } from './generate.ts';
import { Datagrams, isBrokenPiece, type Known } from './pieces.ts';
import { type Device, MAC } from './world.ts';

export const XDP = { drop: 1, pass: 2, redirect: 4 } as const;
export const TC = { pass: -1, drop: 2, redirect: 7 } as const;

export interface Outcome {
  readonly verdict: number;
  readonly frame: Uint8Array;
}
type Wrong = string | null;
type What = 'src' | 'dst' | 'both';

export class Judge {
  readonly #family: Family;
  readonly #table: FlowTable;
  readonly #indexes: Readonly<Record<Device, number>>;
  readonly #datagrams = new Datagrams();

  constructor(table: FlowTable, indexes: Readonly<Record<Device, number>>) {
    this.#family = table.family;
    this.#table = table;
    this.#indexes = indexes;
  }

  #read(bytes: Uint8Array): Frame | null {
    return readFrame(this.#family, bytes);
  }

  xdp({ device, frame }: Sent, { verdict, frame: out }: Outcome): Wrong {
    if (verdict === XDP.drop) return null;
    if (verdict === XDP.pass) return isSame(frame, out) ? null : 'XDP passes a packet that it has changed';
    if (verdict !== XDP.redirect) return `XDP verdict ${verdict}`;
    const f = this.#read(frame);
    if (f?.fragment) return 'XDP redirects a piece';
    return f === null ? 'XDP redirects what is no such packet' : this.#forwarded(device, f, out, true);
  }

  ingress({ device, frame }: Sent, { verdict, frame: out }: Outcome): Wrong {
    const f = this.#read(frame);
    if (f?.fragment) {
      const wrong = verdict === TC.drop ? null : this.#piece({ device, frame }, f, { verdict, frame: out });
      // a head that is dropped may be one that comes in again, before pieces that have waited for it
      if (f.offset > 0) return wrong;
      const head = verdict === TC.redirect && !isReject(f, out) ? this.#read(out) : null;
      this.#noteHead(device, f, head);
      return wrong ?? (head === null ? null : this.#datagrams.leave(device, f, head));
    }
    if (verdict === TC.drop) return null;
    if (verdict === TC.pass) return this.#passed(device, frame, f, out);
    if (verdict !== TC.redirect) return `TC ingress verdict ${verdict}`;
    if (f === null) return 'TC redirects what is no such packet';
    if (isReject(f, out)) return checkReject(f, out);
    return f.family.isError(f.type) ? this.#error(device, f, out) : this.#forwarded(device, f, out, false);
  }

  /** @param from the ifindex that the packet came in by, 0: the gateway's own */
  egress({ device, frame }: Sent, from: number, { verdict, frame: out }: Outcome): Wrong {
    if (verdict === TC.drop) return null;
    const f = this.#read(frame);
    if (verdict === TC.redirect && f !== null && from === 0 && isReject(f, out)) return checkReject(f, out, true);
    if (verdict !== TC.pass) return `TC egress verdict ${verdict}`;
    if (f === null) return isSame(frame, out) ? null : 'TC egress changes what is no such packet';
    const left = this.#read(out);
    const entry = this.#flowOf(f);
    if (device === 'wan0' && left !== null && f.family.isInside(left.saddr)) {
      if (entry === null || !this.#wasLetIn(keyOf(f), entry)) return 'an inside source leaves by the WAN';
    }
    if (f.family.isError(f.type)) return from === 0 ? this.#ownError(device, f, out) : 'a stray ICMP error leaves';
    const follows = entry !== null && (from !== 0 || this.#table.has(entry, 'OWN'));
    if (follows && this.#table.has(entry, 'NAT_SRC')) return this.#compare(f, out, entry, 'src', 0);
    if (f.fragment) {
      if (left === null) return 'what leaves is no such packet';
      const expected = this.#asPiece(f, left);
      if (from !== 0 && device === 'wan0' && f.offset === 0) f.family.blankWays(expected, f);
      return compareBytes(f, expected, out);
    }
    if (from !== 0 && device === 'wan0') {
      const expected = Uint8Array.from(frame);
      f.family.blankWays(expected, f);
      const wrong = compareBytes(f, expected, out);
      if (wrong !== null) return `TC egress changes a packet without translation: ${wrong}`;
    } else if (!isSame(frame, out)) return 'TC egress changes a packet without flow';
    if (from === 0 || entry !== null) return null;
    return this.#live(reversedKey(f)) === null ? 'a forwarded packet leaves without a flow' : null;
  }

  /** Before the packet runs: a whole one of a live flow (but for SYN) must not be lost. */
  isOwed({ device, frame }: Sent): 'forwarded' | 'delivered' | null {
    const f = this.#read(frame);
    if (f === null || f.fragment || isBroken(f) !== null || f.tcp & 2 || f.ttl <= 1) return null;
    if (f.protocol === f.family.icmp && !f.family.isRequest(f.type) && !f.family.isReply(f.type)) return null;
    if (f.protocol === TCP && (frame[f.l4 + 12] ?? 0) >> 4 < 5) return null;
    if (f.protocol === TCP && f.l4 + ((frame[f.l4 + 12] ?? 0) >> 4) * 4 > f.end) return null;
    if (!isSame(frame.subarray(0, 6), Uint8Array.from(macBytes(MAC[device])))) return null;
    const entry = this.#flowOf(f);
    if (entry === null || entry.in !== this.#indexes[device] || this.#table.has(entry, 'OWN')) return null;
    if (this.#table.has(entry, 'LOCAL'))
      return Object.values(f.family.world.own).includes(f.daddr) ? 'delivered' : null;
    return f.length <= entry.mtu ? 'forwarded' : null;
  }

  /** What is known of the datagram after its head, which went on as `out`. */
  #noteHead(device: Device, f: Frame, out: Frame | null): void {
    const quoted = f.family.isError(f.type) ? readQuote(f) : null;
    const id = out?.id ?? null;
    this.#datagrams.note(device, f, { key: quoted === null ? keyOf(f) : reversedKey(quoted), id });
  }

  /** A piece that goes on, or to the stack. */
  #piece({ device, frame }: Sent, f: Frame, { verdict, frame: out }: Outcome): Wrong {
    if (verdict !== TC.pass && verdict !== TC.redirect) return `TC ingress verdict ${verdict}`;
    const mac = frame.subarray(0, 6);
    const mine = isSame(mac, Uint8Array.from(macBytes(MAC[device])));
    if (verdict === TC.pass && !mine && !((mac[0] ?? 0) & 1))
      return isSame(frame, out) ? null : 'a frame for somebody else is changed';
    const broken = isBroken(f) ?? isBrokenPiece(f);
    if (broken !== null) return `a piece goes on although ${broken}`;
    if (f.offset === 0) {
      if (verdict === TC.pass) return this.#passed(device, frame, f, out);
      if (isReject(f, out)) return checkReject(f, out);
      return f.family.isError(f.type) ? this.#error(device, f, out) : this.#forwarded(device, f, out, false);
    }
    const all = this.#datagrams.get(device, f);
    let wrong: Wrong = 'a piece goes on whose head nobody has seen';
    for (const known of all) {
      wrong = this.#tail({ device, frame }, f, known, { verdict, frame: out });
      if (wrong === null) return null;
    }
    return wrong;
  }
  #tail({ device, frame }: Sent, f: Frame, known: Known, { verdict, frame: out }: Outcome): Wrong {
    const entry = this.#live(known.key);
    const left = this.#read(out);
    if (left === null) return 'what goes on is no such packet';
    if (entry === null) return verdict === TC.pass && isSame(frame, out) ? null : 'a piece goes on without a flow';
    if (entry.in !== this.#indexes[device]) return 'a piece goes on although it came in by another interface';
    const mine = isSame(frame.subarray(0, 6), Uint8Array.from(macBytes(MAC[device])));
    if (verdict === TC.pass && !mine && !this.#table.has(entry, 'LOCAL'))
      // to many: the stack forwards none of these
      return isSame(frame, out) ? null : 'a piece for many is changed';
    const expected = this.#asPiece(f, left);
    const whole = verdict === TC.redirect;
    if (whole && this.#table.has(entry, 'NAT_SRC')) put(expected, f.l3 + f.family.saddr, entry.saddr);
    else put(expected, f.l3 + f.family.saddr, saddrOf(f));
    put(expected, f.l3 + f.family.daddr, entry.daddr);
    if (whole) {
      expected[f.l3 + f.family.ttl] = f.ttl - 1;
      if (entry.out === this.#indexes.wan0) f.family.blankWays(expected, f);
      if (this.#table.has(entry, 'LOCAL')) return "a piece of the gateway's own is forwarded";
      if (f.ttl <= 1 || f.length > entry.mtu) return 'a piece is forwarded that the stack should have';
      if (known.id !== null && left.id !== known.id) return 'a piece has another identification than its head';
    }
    return (whole ? this.#link(f, out, entry) : null) ?? compareBytes(f, expected, out);
  }
  /** As it came, with the source and the identification that it has now. */
  #asPiece(f: Frame, left: Frame): Uint8Array {
    const expected = Uint8Array.from(f.bytes);
    copyId(expected, f, left.bytes);
    put(expected, f.l3 + f.family.saddr, saddrOf(left));
    return expected;
  }

  /** The live flow of a packet; a piece without ports, or an ICMP message that is neither query nor error, belongs to none. */
  #flowOf(f: Frame): Entry | null {
    const odd = f.protocol === f.family.icmp && !f.family.isRequest(f.type) && !f.family.isReply(f.type);
    return odd || f.offset > 0 ? null : this.#live(keyOf(f));
  }
  #live(key: Uint8Array): Entry | null {
    const entry = this.#table.get(key);
    return entry?.dying === 0 ? entry : null;
  }

  #forwarded(device: Device, f: Frame, out: Uint8Array, xdp: boolean): Wrong {
    const entry = this.#flowOf(f);
    if (entry === null) return 'forwarded without a flow';
    if (this.#table.has(entry, 'LOCAL') || this.#table.has(entry, 'OWN'))
      return "forwarded by one of the gateway's own flows";
    if (entry.in !== this.#indexes[device]) return 'forwarded although it came in by another interface';
    if (isBroken(f)) return `forwarded although ${isBroken(f)}`;
    if (f.ttl <= 1) return 'forwarded although its time is over';
    if (f.length > entry.mtu) return 'forwarded although it is too big';
    if (f.family.isNoUnicast(f.daddr) || f.family.isNoUnicast(f.saddr))
      return 'forwarded from or to an address that is no unicast';
    if (xdp && !this.#table.has(entry, 'NEIGHBOUR')) return 'sent by XDP without a neighbour';
    const left = this.#read(out);
    const odd = left === null ? 'what goes on is no such packet' : f.family.judgeTranslation(f, left);
    return odd ?? this.#link(f, out, entry) ?? this.#leak(f, out, entry) ?? this.#compare(f, out, entry, 'both', 1);
  }

  /** The Ethernet header, where the neighbour is known. */
  #link(f: Frame, out: Uint8Array, entry: Entry): Wrong {
    if (!this.#table.has(entry, 'NEIGHBOUR'))
      return isSame(f.bytes.subarray(0, ETH), out.subarray(0, ETH)) ? null : 'wrong Ethernet header';
    const device = (Object.keys(MAC) as Device[]).find((name) => this.#indexes[name] === entry.out);
    const header = Uint8Array.from([...entry.dmac, ...macBytes(MAC[device ?? 'wan0']), ...f.bytes.subarray(12, ETH)]);
    return isSame(header, out.subarray(0, ETH)) ? null : 'wrong Ethernet header';
  }

  #leak(f: Frame, out: Uint8Array, entry: Entry): Wrong {
    if (entry.out !== this.#indexes.wan0) return null;
    const left = this.#read(out);
    if (left === null) return 'what leaves is no such packet';
    const quoted = f.family.isError(left.type) ? readQuote(left) : null;
    const key = quoted === null ? keyOf(f) : reversedKey(readQuote(f) ?? f);
    if (this.#wasLetIn(key, entry)) return null;
    if (f.family.isInside(left.saddr)) return 'an inside source leaves by the WAN';
    return quoted !== null && f.family.isInside(quoted.daddr) ? 'an inside address leaves in a quote' : null;
  }
  /** The answers of an inside host, or of the gateway, that a policy lets the WAN reach by an inside address. */
  #wasLetIn(key: Uint8Array, entry: Entry): boolean {
    const opposite = this.#live(oppositeKey(key, entry));
    const plain = !this.#table.has(entry, 'ORIGINAL') && !this.#table.has(entry, 'NAT_SRC');
    return plain && opposite !== null && opposite.in === this.#indexes.wan0;
  }

  /** `out` must be `f` with the translation of `entry`; wrong checksums must stay as wrong as they were. */
  #compare(f: Frame, out: Uint8Array, entry: Entry, what: What, hops: number): Wrong {
    const expected = Uint8Array.from(f.bytes);
    const src = what !== 'dst';
    const dst = what !== 'src';
    if (f.fragment) copyId(expected, f, out);
    expected[f.l3 + f.family.ttl] = f.ttl - hops;
    if (entry.out === this.#indexes.wan0) f.family.blankWays(expected, f);
    if (src) put(expected, f.l3 + f.family.saddr, entry.saddr);
    if (dst) put(expected, f.l3 + f.family.daddr, entry.daddr);
    if (f.protocol === TCP || f.protocol === UDP || isLikeUdp(f.protocol)) {
      if (src) set16(expected, f.l4, entry.sport);
      if (dst) set16(expected, f.l4 + 2, entry.dport);
    }
    if (f.protocol === f.family.icmp)
      set16(expected, f.l4 + 4, (src ? entry.sport : f.sport) | (dst ? entry.dport : f.dport));
    return compareBytes(f, expected, out);
  }

  #error(device: Device, f: Frame, out: Uint8Array): Wrong {
    const quoted = readQuote(f);
    if (quoted === null) return 'an ICMP error is forwarded that quotes nothing';
    if (quoted.offset > 0) return null; // it has no ports: which flow it is of is in the datapath's memory alone
    const entry = this.#live(reversedKey(quoted));
    if (entry === null) return 'an ICMP error is forwarded without a flow';
    if (this.#table.has(entry, 'LOCAL') || this.#table.has(entry, 'OWN'))
      return "an ICMP error is forwarded by the gateway's own flow";
    if (entry.in !== this.#indexes[device]) return 'an ICMP error is forwarded from another interface';
    if (isBroken(f)) return `an ICMP error is forwarded although ${isBroken(f)}`;
    if (!f.fragment && l4Residue(f) !== 0) return 'an ICMP error with a wrong checksum is forwarded';
    if (ipResidue(quoted) !== 0) return 'an ICMP error whose quote has a wrong IP checksum is forwarded';
    const expected = Uint8Array.from(f.bytes);
    if (f.fragment) copyId(expected, f, out);
    copyId(expected, quoted, out);
    expected[f.l3 + f.family.ttl] = f.ttl - 1;
    if (this.#table.has(entry, 'NAT_SRC')) put(expected, f.l3 + f.family.saddr, entry.saddr);
    put(expected, f.l3 + f.family.daddr, entry.daddr);
    writeQuote(expected, quoted, entry);
    if (entry.out === this.#indexes.wan0) {
      f.family.blankWays(expected, f);
      f.family.blankWays(expected, quoted);
    }
    return this.#link(f, out, entry) ?? this.#leak(f, out, entry) ?? compareQuotes(f, quoted, expected, out);
  }

  #ownError(device: Device, f: Frame, out: Uint8Array): Wrong {
    const quoted = readQuote(f);
    const entry = quoted === null ? null : this.#table.get(reversedKey(quoted));
    if (quoted !== null && quoted.offset > 0) return null; // as in #error
    const left = readQuote(f, out);
    if (isSame(f.bytes, out)) {
      const leaks =
        device === 'wan0' &&
        entry !== null &&
        left !== null &&
        left.l4 + 8 <= f.end && // RFC 792, RFC 4443: less of a packet no stack quotes
        f.family.isInside(left.daddr) &&
        this.#table.has(entry, 'NAT_SRC');
      return leaks ? "an inside address leaves in the gateway's own ICMP error" : null;
    }
    if (quoted === null || entry === null) return 'an ICMP error without a flow is changed';
    const expected = Uint8Array.from(f.bytes);
    writeQuote(expected, quoted, entry);
    return compareQuotes(f, quoted, expected, out);
  }

  /** To the stack. */
  #passed(device: Device, frame: Uint8Array, f: Frame | null, out: Uint8Array): Wrong {
    const unchanged = isSame(frame, out);
    const mac = frame.subarray(0, 6);
    const mine = isSame(mac, Uint8Array.from(macBytes(MAC[device])));
    if (f === null) {
      if (!unchanged) return 'TC changes what is no such packet';
      if (!mine && !((mac[0] ?? 0) & 1)) return null;
      if (this.#family.number === 4 && etherType(frame) === 0x86dd)
        return mayPassIpv6(frame) ? null : 'IPv6 that nobody asked for reaches the stack';
      return etherType(frame) === this.#family.etherType ? 'a broken packet reaches the stack' : null;
    }
    if (!mine && !((mac[0] ?? 0) & 1)) return unchanged ? null : 'a frame for somebody else is changed';
    if (isBroken(f) && !f.family.isError(f.type)) return `reaches the stack although ${isBroken(f)}`;
    if (f.family.isError(f.type) && (readQuote(f)?.offset ?? 0) > 0) return null; // as in #error
    const entry = f.family.isError(f.type) ? this.#quoted(f) : this.#flowOf(f);
    if (entry !== null) {
      if (entry.in !== this.#indexes[device]) return 'reaches the stack although it came in by another interface';
      if (f.family.isError(f.type))
        return this.#table.has(entry, 'LOCAL') ? null : 'an ICMP error of a forwarded flow reaches the stack';
      const local = this.#table.has(entry, 'LOCAL');
      if (!local && mine && f.ttl > 1 && f.length <= entry.mtu)
        return 'a packet that could be forwarded reaches the stack';
      if (this.#table.has(entry, 'NAT_DST') && !unchanged) return this.#compare(f, out, entry, 'dst', 0);
      return unchanged ? null : 'a packet for the stack is changed';
    }
    if (!unchanged) return 'a packet without a flow is changed';
    const many = !mine || f.family.isNoUnicast(f.daddr);
    return many || f.family.isBeyondRules(f) ? null : 'a packet without a flow reaches the stack';
  }
  #quoted(f: Frame): Entry | null {
    const quoted = readQuote(f);
    return quoted === null ? null : this.#live(reversedKey(quoted));
  }
}

/** The identification that it has in `from`, where it has one. */
function copyId(expected: Uint8Array, { idAt, family }: Frame, from: Uint8Array): void {
  if (idAt >= 0) put(expected, idAt, from.subarray(idAt, idAt + (family.number === 4 ? 2 : 4)));
}

/** Why it must not go on, or null. */
export function isBroken(f: Frame): Wrong {
  const size = f.length - (f.l4 - f.l3);
  if (f.saddr === f.daddr) return 'its source is its destination';
  if (f.problem !== null) return f.problem;
  if (f.l3 + f.length > f.bytes.length) return 'it is truncated';
  const least =
    f.offset > 0 ? 1 : ({ [TCP]: 20, [UDP]: 8, [f.family.icmp]: 8, 33: 12, 132: 12, 136: 8 }[f.protocol] ?? 0);
  if (size < least) return 'its header is longer than it';
  const bare = f.family.number === 6 && f.protocol === UDP && f.offset === 0 && get16(f.bytes, f.l4 + 6) === 0;
  return bare ? 'it has no checksum' : null;
}

function mayPassIpv6(frame: Uint8Array): boolean {
  let next = frame[ETH + 6] ?? 59;
  let at = ETH + 40;
  if (next === 0) {
    next = frame[at] ?? 59;
    at += ((frame[at + 1] ?? 0) + 1) * 8;
  }
  const type = frame[at] ?? 0;
  if (next === 58) return (type >= 1 && type <= 4) || (type >= 129 && type <= 137) || type === 143;
  return next === UDP && get16(frame, at + 2) === 546;
}

/** A rejected packet has become its own answer. */
const isReject = (f: Frame, out: Uint8Array): boolean => isSame(out.subarray(0, 6), f.bytes.subarray(6, 12));
function checkReject(f: Frame, out: Uint8Array, own = false): Wrong {
  const answer = readFrame(f.family, out);
  if (answer === null || answer.daddr !== f.saddr) return 'a rejected packet is answered to somebody else';
  if (ipResidue(answer) !== 0 || l4Residue(answer) !== 0) return 'an answer of reject has a wrong checksum';
  if (!own && isBroken(f)) return `rejected although ${isBroken(f)}`;
  const refused = answer.protocol === f.family.icmp && f.family.isRefusal(answer.type, out[answer.l4 + 1] ?? 0);
  if (f.protocol === TCP ? !refused && !((answer.tcp & 4) !== 0 && answer.saddr === f.daddr) : !refused)
    return 'a rejected packet gets another answer';
  // The gateway would take an error from itself for a forged one.
  if (own) return answer.saddr === f.daddr ? null : 'an answer to the gateway itself is from another one';
  const isOwn = Object.values(f.family.world.own).includes(answer.saddr) || f.family.isOfLink(answer.saddr);
  return answer.protocol === f.family.icmp && !isOwn ? 'an error of reject has a foreign source' : null;
}

function writeQuote(expected: Uint8Array, q: Frame, entry: Entry): void {
  const inside = expected.subarray(0, q.bytes.length);
  put(inside, q.l3 + q.family.saddr, entry.daddr);
  put(inside, q.l3 + q.family.daddr, entry.saddr);
  if (hasPorts(q.protocol)) {
    set16(inside, q.l4, entry.dport);
    set16(inside, q.l4 + 2, entry.sport);
  }
  if (q.protocol === q.family.icmp) set16(inside, q.l4 + 4, entry.dport | entry.sport);
}

/** Byte by byte but for the checksums, whose residues must be the same. */
function compareBytes(f: Frame, expected: Uint8Array, out: Uint8Array, ignored: readonly number[] = []): Wrong {
  if (expected.length !== out.length) return `the length is ${out.length}, not ${expected.length}`;
  const at = checksumAt(f);
  const skip = new Set(
    [f.family.hasHeaderSum ? f.l3 + 10 : -1, at, ...ignored].filter((one) => one >= 0).flatMap((one) => [one, one + 1]),
  );
  for (let i = ETH; i < out.length; i++) {
    if (out[i] !== expected[i] && !skip.has(i)) return `byte ${i} is ${out[i]}, not ${expected[i]}`;
  }
  const left = readIp(f.family, out, f.l3);
  if (left === null) return 'what goes on is no such packet';
  if (ipResidue(left) !== ipResidue(f)) return 'the IP checksum is wrong';
  if (f.protocol === UDP && at >= 0) {
    if ((get16(f.bytes, at) === 0) !== (get16(out, at) === 0)) return 'a UDP checksum of 0 comes or goes';
    if (get16(out, at) === 0) return null;
  }
  return l4Residue(left) === l4Residue(f) ? null : 'the L4 checksum is wrong';
}

function compareQuotes(f: Frame, q: Frame, expected: Uint8Array, out: Uint8Array): Wrong {
  const at = checksumAt(q);
  const wrong = compareBytes(f, expected, out, [q.family.hasHeaderSum ? q.l3 + 10 : -1, at]);
  if (wrong !== null) return `ICMP error: ${wrong}`;
  const left = readQuote(f, out);
  if (left === null) return 'the quote is gone';
  if (ipResidue(left) !== ipResidue(q)) return 'the IP checksum of the quote is wrong';
  if (q.protocol === UDP && at >= 0 && get16(q.bytes, at) === 0)
    return get16(out, at) === 0 ? null : 'a quoted UDP checksum of 0 has gone';
  if (q.protocol === UDP && at < 0) return null;
  return l4Residue(left) === l4Residue(q) ? null : 'the L4 checksum of the quote is wrong';
}
