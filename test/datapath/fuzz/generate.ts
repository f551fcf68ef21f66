/** Packets of a family that mean something to the gateway of world.ts, and what mutation makes of them. */
import { ethernet, type Layer3, quote } from '../packets.ts';
import { parseIpv6 } from '../packets6.ts';
import { ETH, put, set16, TCP, UDP } from './bytes.ts';
import type { Family, Tuple } from './family.ts';
import { type Entry, oppositeKey, protocolOf, tupleOf } from './flows.ts';
import { mendChecksums, readFrame } from './frame.ts';
import type { Random } from './random.ts';
import { DEVICES, type Device, MAC } from './world.ts';

export interface Sent {
  readonly device: Device;
  readonly frame: Uint8Array;
}
/** A flow that has been seen, as the side that sends on it knows it. */
export interface Known {
  readonly key: Uint8Array;
  readonly entry: Entry;
}

const IPV6_NEXT = [0, 6, 17, 43, 44, 50, 58, 59, 60] as const;
const FLAGS = ['S', 'S', 'SA', 'A', 'A', 'PA', 'FA', 'R', 'RA', 'F', 'SF', 'SR', '', 'SAFRP'] as const;
/** Flags and offsets of pieces that may fit together. */
const PIECES = [
  0x2000, 0x2000, 0x2000, 0x2003, 0x2005, 0x2006, 0x0003, 0x0006, 0x0009, 0x2009, 0x00b7, 0x2001,
] as const;
export class Generator {
  readonly #family: Family;
  readonly #random: Random;
  readonly #known: Known[] = [];
  readonly #names: ReadonlyMap<number, Device>;

  /** @param names of devices by their ifindex */
  constructor(family: Family, random: Random, names: ReadonlyMap<number, Device>) {
    this.#family = family;
    this.#random = random;
    this.#names = names;
  }

  learn(known: Known): void {
    if (this.#known.length < 512) this.#known.push(known);
    else this.#known[this.#random.below(512)] = known;
  }
  forget(): void {
    this.#known.length = 0;
  }

  /** What arrives. */
  arriving(): Sent {
    const r = this.#random;
    const way = r.below(100);
    const sent =
      way < 45 && this.#known.length > 0
        ? this.#ofFlow(r.pick(this.#known))
        : way < 60 && this.#known.length > 0
          ? this.#error(r.pick(this.#known))
          : way < 93
            ? this.#fresh()
            : this.#strange();
    return r.chance(0.45) ? this.#mutate(sent) : sent;
  }

  /** What the stack hands to TC egress. */
  leaving(): Sent {
    const r = this.#random;
    const { own, hosts } = this.#family.world;
    const device = r.pick(DEVICES);
    const flow = r.chance(0.7) && this.#known.length > 0 ? r.pick(this.#known) : null;
    const tuple: Tuple =
      flow === null
        ? { saddr: r.pick([own[device], own[device], ...hosts.eth0]), daddr: r.pick(hosts[device]), ...this.#ports() }
        : tupleOf(this.#family, r.chance(0.5) ? flow.key : oppositeKey(flow.key, flow.entry));
    const packet = r.chance(0.15)
      ? this.#family.makeIcmp({
          saddr: own[device],
          daddr: tuple.daddr,
          type: r.pick(this.#family.errors),
          code: r.below(2),
          payload: this.#quote(this.#packet(tuple)),
        })
      : this.#packet(tuple, flow === null ? r.pick([this.#family.icmp, TCP, UDP]) : protocolOf(flow.key));
    const sent = { device, frame: this.#frame(packet, '02:00:00:00:00:99') };
    return r.chance(0.3) ? this.#mutate(sent) : sent;
  }

  #ports(): { sport: number; dport: number } {
    const r = this.#random;
    return {
      sport: r.chance(0.9) ? r.between(2000, 2080) : r.below(65536),
      dport: r.pick([1, 7, 22, 23, 25, 53, 70, 80, 81, 80, 53, 443, 8080, r.below(65536)]),
    };
  }

  #packet(t: Tuple, protocol = this.#random.pick([6, 6, 17, 17, this.#family.icmp, 132, 47, 33, 136])): Layer3 {
    const r = this.#random;
    const family = this.#family;
    const piece = r.chance(0.15);
    const base = {
      ...t,
      ttl: r.chance(0.05) ? r.below(3) : r.between(2, 255),
      ...family.makeRest(r, piece ? r.pick(PIECES) : 0, r.between(1, 4)),
    };
    const payload = piece
      ? r.bytes(this.#pieceSize(protocol))
      : r.bytes(r.chance(0.03) ? r.between(1380, 1500) : r.below(40));
    if (protocol === TCP)
      return family.tcp({ ...base, payload, flags: r.pick(FLAGS), seq: this.#number(), ack: this.#number() });
    if (protocol === UDP)
      return family.udp({ ...base, payload, checksum: r.pick(['good', 'good', 'good', 'none', 'partial'] as const) });
    if (protocol !== family.icmp) return family.other({ ...base, protocol, payload: [...r.bytes(4), ...payload] });
    const type = t.sport === 0 && t.dport !== 0 ? family.echoReply : family.echo;
    return family.makeIcmp({
      ...base,
      type: r.chance(0.9) ? type : r.pick(family.oddTypes),
      code: r.chance(0.9) ? 0 : r.below(16),
      id: r.chance(0.1) ? 0 : t.sport || t.dport,
      payload,
    });
  }
  /** Mostly so that the piece is a multiple of eight bytes, of 24 to 48; `other` writes four bytes in front. */
  #pieceSize(protocol: number): number {
    const r = this.#random;
    if (r.chance(0.2)) return r.pick([4, 1420, 1440, r.below(40)]);
    const header = protocol === TCP ? 20 : protocol === UDP || protocol === this.#family.icmp ? 8 : 4;
    return r.pick([24, 24, 24, 32, 40, 48]) - header;
  }
  #number(): number {
    return this.#random.chance(0.7) ? this.#random.between(1000, 1010) : this.#random.next();
  }

  #ofFlow(known: Known): Sent {
    const reply = this.#random.chance(0.5);
    const key = reply ? oppositeKey(known.key, known.entry) : known.key;
    const device = this.#names.get(reply ? known.entry.out || known.entry.in : known.entry.in) ?? 'wan0';
    return this.#onWire(device, this.#packet(tupleOf(this.#family, key), protocolOf(key)));
  }

  #fresh(): Sent {
    const r = this.#random;
    const { oddAddresses, world } = this.#family;
    const { own, hosts, mapped } = world;
    const device = r.pick(['eth0', 'eth0', 'eth0', 'eth1', 'wan0'] as const);
    const saddr = r.chance(0.93)
      ? r.pick(hosts[device])
      : r.chance(0.5)
        ? r.pick(oddAddresses)
        : r.pick(Object.values(own));
    const target = r.pick(DEVICES);
    const others = mapped.length > 0 && r.chance(0.3) ? mapped : hosts[target];
    const daddr = r.chance(0.6) ? r.pick(others) : r.chance(0.8) ? own[target] : r.pick(oddAddresses);
    return this.#onWire(device, this.#packet({ saddr, daddr, ...this.#ports() }));
  }

  /** An ICMP error about a packet of the flow, as it was when it left, or as it arrived. */
  #error(known: Known): Sent {
    const r = this.#random;
    const opposite = oppositeKey(known.key, known.entry);
    const answers = r.chance(0.5);
    // who gets `key`'s packets quotes them as they left: the reverse of the opposite key
    const quoted = reverse(tupleOf(this.#family, answers ? opposite : known.key));
    const device = this.#names.get(answers ? known.entry.out || known.entry.in : known.entry.in) ?? 'wan0';
    const saddr = r.chance(0.5) ? quoted.daddr : r.pick(this.#family.world.hosts[device]);
    const packet = this.#packet(quoted, protocolOf(known.key));
    const error = this.#family.makeIcmp({
      saddr,
      daddr: quoted.saddr,
      type: r.pick(this.#family.errors),
      code: r.below(14),
      ttl: r.chance(0.05) ? 1 : 60,
      payload: this.#quote(packet),
    });
    return this.#onWire(device, error);
  }
  #quote(packet: Layer3): number[] {
    return quote(packet, this.#random.pick(this.#family.quoteSizes));
  }

  #strange(): Sent {
    const r = this.#random;
    const device = r.pick(DEVICES);
    const way = r.below(4);
    if (way === 0) return { device, frame: Uint8Array.from(r.bytes(r.between(15, 200))) };
    if (way === 1) return this.#ipv6(device);
    const { frame } = this.#fresh();
    if (way === 2) set16(frame, 12, r.pick([0x0806, 0x8100, 0x88a8, 0x8864, 0x0004, 0x9000]));
    else put(frame, 0, r.pick([r.bytes(6), [255, 255, 255, 255, 255, 255], [1, 0, 94, 0, 0, 251]]));
    return { device, frame };
  }
  /** Random behind a good header: for the family that is not let in, or as what a multicast brings. */
  #ipv6(device: Device): Sent {
    const r = this.#random;
    const packet = [0x60, 0, 0, 0, 0, 40, r.pick(IPV6_NEXT), r.pick([64, 255, 1]), ...this.#ends(device)];
    const next = [r.pick([58, 17, 6, 44, r.below(256)]), r.pick([0, 0, 1, 255]), ...r.bytes(6)];
    const payload = r.pick([
      next,
      [r.pick([1, 128, 129, 133, 134, 135, 136, 137, 143]), 0, ...r.bytes(30)],
      [0, 9, 2, 34, 0, 8, 0, 0],
    ]);
    const frame = ethernet({ bytes: [...packet, ...payload, ...r.bytes(20)] }, MAC[device], 0x86dd);
    if (r.chance(0.5)) mendChecksums(this.#family, frame);
    return { device, frame };
  }
  #ends(device: Device): number[] {
    const r = this.#random;
    if (this.#family.number === 4 || r.chance(0.3)) return r.bytes(32);
    const from = [0xfe, 0x80, ...new Array(13).fill(0), 0x99];
    const to = r.pick(['ff02::1', 'ff02::16', 'ff02::2', 'ff02::1:2', this.#family.world.own[device], 'fe80::1']);
    return [...(r.chance(0.1) ? new Array(16).fill(0) : from), ...parseIpv6(to)];
  }

  #onWire(device: Device, packet: Layer3): Sent {
    return { device, frame: this.#frame(packet, MAC[device]) };
  }
  #frame(packet: Layer3, to: string): Uint8Array {
    return ethernet(packet, to, this.#family.etherType);
  }

  #mutate({ device, frame }: Sent): Sent {
    const r = this.#random;
    let bytes = Uint8Array.from(frame);
    const family = this.#family;
    for (let n = r.between(1, 3); n > 0; n--) {
      const way = r.below(9);
      if (way < 3) bytes[r.between(ETH, Math.min(bytes.length, ETH + 50 + family.header) - 1)] = r.below(256);
      else if (way < 6) family.spoil(r, bytes);
      else if (way === 6) bytes = bytes.subarray(0, r.between(15, bytes.length));
      else if (way === 7) bytes = Uint8Array.from([...bytes, ...r.bytes(r.between(1, 60))]);
      else if (readFrame(family, bytes) !== null) bytes[ETH + family.header + r.below(20)] = r.below(256);
    }
    if (r.chance(0.6)) mendChecksums(family, bytes);
    return { device: r.chance(0.05) ? r.pick(DEVICES) : device, frame: bytes };
  }
}

const reverse = (t: Tuple): Tuple => ({ saddr: t.daddr, daddr: t.saddr, sport: t.dport, dport: t.sport });
