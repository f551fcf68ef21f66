/** Packets that mean something to the gateway of world.ts, and what mutation makes of them. */
import { ethernet, icmp, type Layer3, other, quote, tcp, udp } from '../packets.ts';
import { addressAt, ETH, get16, mendChecksums, put, readFrame, set16 } from './bytes.ts';
import { type Entry, oppositeKey } from './flows.ts';
import type { Random } from './random.ts';
import { DEVICES, type Device, HOSTS, MAC, OWN } from './world.ts';

export interface Sent {
  readonly device: Device;
  readonly frame: Uint8Array;
}
/** A flow that has been seen, as the side that sends on it knows it. */
export interface Known {
  readonly key: Uint8Array;
  readonly entry: Entry;
}

const ODD_ADDRESSES = [
  '0.0.0.0', '255.255.255.255', '127.0.0.1', '224.0.0.1', '224.0.0.251', '240.0.0.1', '169.254.1.1', '10.0.0.1',
  '192.168.1.255', '192.168.2.255', '203.0.113.255', '192.168.1.0', '100.64.0.1', '192.168.3.3',
] as const; // biome-ignore format: a table
const FLAGS = ['S', 'S', 'SA', 'A', 'A', 'PA', 'FA', 'R', 'RA', 'F', 'SF', 'SR', '', 'SAFRP'] as const;
/** Flags and offsets of pieces that may fit together. */
const PIECES = [
  0x2000, 0x2000, 0x2000, 0x2003, 0x2005, 0x2006, 0x0003, 0x0006, 0x0009, 0x2009, 0x00b7, 0x2001,
] as const;
const OPTIONS = [
  [1, 1, 1, 0], [131, 7, 4, 1, 2, 3, 4, 0], [7, 11, 8, 192, 168, 1, 10, 0, 0, 0, 0, 0], [148, 4, 0, 0],
  [1, 68, 12, 13, 1, 192, 168, 1, 10, 1, 2, 3, 4, 1, 1, 1],
] as const; // biome-ignore format: a table
const IPV6_NEXT = [0, 6, 17, 43, 44, 50, 58, 59, 60] as const;

interface Tuple {
  readonly saddr: string;
  readonly daddr: string;
  readonly sport: number;
  readonly dport: number;
}

export class Generator {
  readonly #random: Random;
  readonly #known: Known[] = [];
  readonly #names: ReadonlyMap<number, Device>;

  /** @param names of devices by their ifindex */
  constructor(random: Random, names: ReadonlyMap<number, Device>) {
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
    const device = r.pick(DEVICES);
    const flow = r.chance(0.7) && this.#known.length > 0 ? r.pick(this.#known) : null;
    const tuple: Tuple =
      flow === null
        ? { saddr: r.pick([OWN[device], OWN[device], ...HOSTS.eth0]), daddr: r.pick(HOSTS[device]), ...this.#ports() }
        : tupleOf(r.chance(0.5) ? flow.key : oppositeKey(flow.key, flow.entry));
    const packet = r.chance(0.15)
      ? icmp({
          saddr: OWN[device],
          daddr: tuple.daddr,
          type: r.pick([3, 11]),
          payload: this.#quote(this.#packet(tuple)),
        })
      : this.#packet(tuple, flow?.key[12] ?? r.pick([1, 6, 17]));
    const sent = { device, frame: ethernet(packet, '02:00:00:00:00:99') };
    return r.chance(0.3) ? this.#mutate(sent) : sent;
  }

  #ports(): { sport: number; dport: number } {
    const r = this.#random;
    return {
      sport: r.chance(0.9) ? r.between(2000, 2080) : r.below(65536),
      dport: r.pick([1, 7, 22, 23, 25, 53, 70, 80, 81, 80, 53, 443, 8080, r.below(65536)]),
    };
  }

  #packet(t: Tuple, protocol: number = this.#random.pick([6, 6, 17, 17, 1, 132, 47, 33, 136])): Layer3 {
    const r = this.#random;
    const piece = r.chance(0.1);
    const base = {
      ...t,
      ttl: r.chance(0.05) ? r.below(3) : r.between(2, 255),
      fragment: piece ? r.pick(PIECES) : r.chance(0.02) ? r.below(65536) : r.pick([0, 0x4000]),
      datagram: r.between(1, 4),
      options: r.chance(0.06) ? r.pick([...OPTIONS, r.bytes(4 * r.below(11))]) : [],
    };
    // pieces of 24 and 48 bytes of TCP, UDP and ICMP, mostly
    const payload = piece
      ? r.bytes(r.pick([4, 16, 16, 16, 20, 28, 40, 1440, r.below(40)]))
      : r.bytes(r.chance(0.03) ? r.between(1400, 1500) : r.below(40));
    if (protocol === 6) {
      return tcp({ ...base, payload, flags: r.pick(FLAGS), seq: this.#number(), ack: this.#number() });
    }
    if (protocol === 17)
      return udp({ ...base, payload, checksum: r.pick(['good', 'good', 'good', 'none', 'partial']) });
    if (protocol !== 1)
      return other({ ...base, protocol, payload: [...new Array(4).fill(0).map(() => r.below(256)), ...payload] });
    const id = r.chance(0.1) ? 0 : t.sport || t.dport;
    const type = t.sport === 0 && t.dport !== 0 ? 0 : 8;
    return icmp({
      ...base,
      type: r.chance(0.9) ? type : r.below(20),
      code: r.chance(0.9) ? 0 : r.below(16),
      id,
      payload,
    });
  }
  #number(): number {
    return this.#random.chance(0.7) ? this.#random.between(1000, 1010) : this.#random.next();
  }

  #ofFlow(known: Known): Sent {
    const reply = this.#random.chance(0.5);
    const key = reply ? oppositeKey(known.key, known.entry) : known.key;
    const device = this.#names.get(reply ? known.entry.out || known.entry.in : known.entry.in) ?? 'wan0';
    return this.#onWire(device, this.#packet(tupleOf(key), key[12]));
  }

  #fresh(): Sent {
    const r = this.#random;
    const device = r.pick(['eth0', 'eth0', 'eth0', 'eth1', 'wan0'] as const);
    const saddr = r.chance(0.93)
      ? r.pick(HOSTS[device])
      : r.chance(0.5)
        ? r.pick(ODD_ADDRESSES)
        : r.pick(Object.values(OWN));
    const target = r.pick(DEVICES);
    const daddr = r.chance(0.6) ? r.pick(HOSTS[target]) : r.chance(0.8) ? OWN[target] : r.pick(ODD_ADDRESSES);
    return this.#onWire(device, this.#packet({ saddr, daddr, ...this.#ports() }));
  }

  /** An ICMP error about a packet of the flow, as it was when it left, or as it arrived. */
  #error(known: Known): Sent {
    const r = this.#random;
    const opposite = oppositeKey(known.key, known.entry);
    const answers = r.chance(0.5);
    // who gets `key`'s packets quotes them as they left: the reverse of the opposite key
    const quoted = reverse(tupleOf(answers ? opposite : known.key));
    const device = this.#names.get(answers ? known.entry.out || known.entry.in : known.entry.in) ?? 'wan0';
    const saddr = r.chance(0.5) ? quoted.daddr : r.pick(HOSTS[device]);
    const packet = this.#packet(quoted, known.key[12]);
    const error = icmp({
      saddr,
      daddr: quoted.saddr,
      type: r.pick([3, 3, 4, 11, 12]),
      code: r.below(14),
      ttl: r.chance(0.05) ? 1 : 60,
      payload: this.#quote(packet),
    });
    return this.#onWire(device, error);
  }
  #quote(packet: Layer3): number[] {
    return quote(packet, this.#random.pick([20, 24, 27, 28, 28, 28, 36, 40, 48, 200]));
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
  #ipv6(device: Device): Sent {
    const r = this.#random;
    const packet = [0x60, 0, 0, 0, 0, 40, r.pick(IPV6_NEXT), 64, ...r.bytes(32)];
    const next = [r.pick([58, 17, 6, 44, r.below(256)]), r.pick([0, 0, 1, 255]), ...r.bytes(6)];
    const payload = r.pick([
      next,
      [r.pick([1, 128, 129, 133, 134, 135, 136, 137, 143]), 0, ...r.bytes(30)],
      [0, 9, 2, 34, 0, 8, 0, 0],
    ]);
    return { device, frame: ethernet({ bytes: [...packet, ...payload, ...r.bytes(20)] }, MAC[device], 0x86dd) };
  }

  #onWire(device: Device, packet: Layer3): Sent {
    return { device, frame: ethernet(packet, MAC[device]) };
  }

  #mutate({ device, frame }: Sent): Sent {
    const r = this.#random;
    let bytes = Uint8Array.from(frame);
    for (let n = r.between(1, 3); n > 0; n--) {
      const way = r.below(9);
      if (way < 3) bytes[r.between(ETH, Math.min(bytes.length, ETH + 70) - 1)] = r.below(256);
      else if (way === 3) set16(bytes, ETH + 2, r.pick([0, 19, 20, 27, 28, 40, 0xffff, bytes.length, r.below(1600)]));
      else if (way === 4) bytes = bytes.subarray(0, r.between(15, bytes.length));
      else if (way === 5) bytes = Uint8Array.from([...bytes, ...r.bytes(r.between(1, 60))]);
      else if (way === 6) bytes[ETH] = 0x40 | r.below(16);
      else if (way === 7) bytes[ETH + 9] = r.pick([1, 2, 6, 17, 33, 41, 47, 50, 132, 136, 255]);
      else if (readFrame(bytes) !== null) bytes[ETH + 20 + r.below(20)] = r.below(256);
    }
    if (r.chance(0.6)) mendChecksums(bytes);
    return { device: r.chance(0.05) ? r.pick(DEVICES) : device, frame: bytes };
  }
}

const tupleOf = (key: Uint8Array): Tuple => ({
  saddr: addressAt(key, 0),
  daddr: addressAt(key, 4),
  sport: get16(key, 8),
  dport: get16(key, 10),
});
const reverse = (t: Tuple): Tuple => ({ saddr: t.daddr, daddr: t.saddr, sport: t.dport, dport: t.sport });
