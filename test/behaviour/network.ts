/**
 * The network in which gateways are judged:
 *
 *   raw hosts 192.168.1.0/24 … ─┐ lan              wan                     ┌─ raw servers 198.18.0.0/15
 *   han 192.168.99.100 ─────────┴─ eth0 [ gw ] wan0 ──── line0 [ isp ] ────┴─ internet 198.51.100.10, .11
 *                        192.168.0.1          203.0.113.7   203.0.113.1
 *
 * Raw hosts and servers have no IP stack: what they send and hear are whole packets at `lan0` and `line0`, so that a
 * check sees exactly what the gateway sent. `han` and `internet` are ordinary machines, for real programs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { Host, type Side } from './host.ts';
import type { Setting } from './setting.ts';
import { familyOf, toBytes } from './wire/addresses.ts';
import { fill, icmp, udp } from './wire/compose.ts';
import { type Packet, parse } from './wire/parse.ts';
import { type Frame, Wire } from './wire/wire.ts';

export const addresses = {
  gateway: '192.168.0.1',
  wan: '203.0.113.7',
  isp: '203.0.113.1',
  han: '192.168.99.100',
  internet: '198.51.100.10',
  internet2: '198.51.100.11',
  gateway6: '2001:db8:1::1',
  wan6: '2001:db8:ffff::7',
  isp6: '2001:db8:ffff::1',
  internet6: '2001:db8:5::10',
  han6: '2001:db8:1::9900',
} as const;

/** Where an obstruction meets a packet. */
export interface Place {
  readonly side: Side;
  /** By a host, on its way to the gateway; else by the gateway. */
  readonly sent: boolean;
  /** Puts a packet onto a cable behind the gateway's back. */
  readonly emit: (side: Side, packet: Uint8Array) => void;
}

/** What stands between the gateway and its cables; takes a packet and returns what becomes of it. */
export type Obstruction = (packet: Uint8Array, place: Place) => Uint8Array[];

export interface Line {
  readonly wan: 'ethernet' | 'tun';
}

const ETHERNET = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, vlan: 0x8100 } as const;
const macBytes = (text: string): number[] => text.split(':').map((part) => Number.parseInt(part, 16));

export class BehaviourNetwork {
  readonly lab = new Lab();
  readonly line: Line;
  #wire!: Wire;
  #hosts = new Map<string, Host>();
  #macs = { inside: [0, 0, 0, 0, 0, 0], outside: [0, 0, 0, 0, 0, 0], isp: [0, 0, 0, 0, 0, 0] };
  #made = { inside: 0, outside: 0 };
  #fences = 0;
  #fence: { inside: Host; outside: Host } | null = null;
  /** Everything that the gateway has sent by a side since the last forget(). */
  readonly sent: { inside: Packet[]; outside: Packet[] } = { inside: [], outside: [] };
  obstruction: Obstruction | null = null;
  /** When a check sent its last packet, by performance.now(). */
  lastSent = 0;

  private constructor(line: Line) {
    this.line = line;
  }

  get gateway(): Namespace {
    return this.lab.at('gw');
  }
  at(name: 'gw' | 'inside' | 'isp' | 'internet'): Namespace {
    return this.lab.at(name);
  }

  static async open(line: Line): Promise<BehaviourNetwork> {
    const network = new BehaviourNetwork(line);
    try {
      await network.#build();
      return network;
    } catch (error) {
      network.close();
      throw error;
    }
  }

  close(): void {
    this.lab.close();
  }

  async #build(): Promise<void> {
    const { lab, line } = this;
    await lab.add('gw', 'inside', 'isp', 'internet');
    const [gw, inside, isp, internet] = [lab.at('gw'), lab.at('inside'), lab.at('isp'), lab.at('internet')];
    for (const place of [gw, inside, isp, internet]) {
      await place.set({
        'net.ipv6.conf.all.disable_ipv6': 0,
        'net.ipv6.conf.default.disable_ipv6': 0,
        'net.ipv6.conf.default.accept_dad': 0,
        'net.ipv6.conf.all.accept_dad': 0,
        'net.ipv6.conf.default.router_solicitations': 0,
        'net.ipv4.icmp_ratelimit': 0,
        'net.ipv6.icmp.ratelimit': 0,
      });
    }
    await lab.connect(gw, 'eth0', inside, 'lan0');
    if (line.wan === 'ethernet') await lab.connect(gw, 'wan0', isp, 'line0');
    else await lab.connectTun(gw, 'wan0', isp, 'line0');
    await lab.connect(isp, 'net0', internet, 'eth0');
    const tun = line.wan === 'tun';
    await gw.ip(
      'link set wan0 up',
      `addr add ${addresses.gateway}/16 dev eth0`,
      `addr add ${addresses.wan}${tun ? ` peer ${addresses.isp}/32` : '/24'} dev wan0`,
    );
    await isp.ip(
      'link set line0 up',
      `addr add ${addresses.isp}/24 dev line0`,
      'addr add 198.51.100.1/24 dev net0',
      'route add blackhole default',
    );
    await gw.ip(`route add default via ${addresses.isp} dev wan0`);
    await internet.ip(
      `addr add ${addresses.internet}/24 dev eth0`,
      `addr add ${addresses.internet2}/24 dev eth0`,
      'route add default via 198.51.100.1',
    );
    await inside.ip(`addr add ${addresses.han}/16 dev lan0`, `route add default via ${addresses.gateway}`);
    await this.#buildIpv6();
    await gw.set({ 'net.ipv4.conf.all.rp_filter': 1, 'net.ipv4.conf.default.rp_filter': 1 });
    await isp.set({
      'net.ipv4.ip_forward': 1,
      'net.ipv4.conf.all.send_redirects': 0,
      'net.ipv4.conf.all.rp_filter': 0,
    });
    for (const [place, device] of [
      [inside, 'lan0'],
      [gw, 'eth0'],
      ...(tun
        ? []
        : ([
            [isp, 'line0'],
            [gw, 'wan0'],
          ] as const)),
    ] as const) {
      await place.ask('ethtool', '-K', device, 'gro', 'on');
    }
    await this.#listen();
  }

  async #buildIpv6(): Promise<void> {
    const [gw, inside, isp, internet] = [this.at('gw'), this.at('inside'), this.at('isp'), this.at('internet')];
    const six = (place: Namespace, ...args: string[]) => place.ask('ip', '-6', ...args);
    await six(gw, 'addr', 'replace', `${addresses.gateway6}/64`, 'dev', 'eth0', 'nodad');
    await six(gw, 'addr', 'replace', `${addresses.wan6}/64`, 'dev', 'wan0', 'nodad');
    await six(
      gw,
      'route',
      'replace',
      'default',
      ...(this.line.wan === 'tun' ? [] : ['via', addresses.isp6]),
      'dev',
      'wan0',
    );
    await six(isp, 'addr', 'add', `${addresses.isp6}/64`, 'dev', 'line0', 'nodad');
    await six(isp, 'addr', 'add', '2001:db8:5::1/64', 'dev', 'net0', 'nodad');
    await six(isp, 'route', 'add', 'blackhole', '2001:db8:2::/48');
    const back = this.line.wan === 'tun' ? [] : ['via', addresses.wan6];
    await six(isp, 'route', 'add', '2001:db8:1::/64', ...back, 'dev', 'line0');
    await six(internet, 'addr', 'add', `${addresses.internet6}/64`, 'dev', 'eth0', 'nodad');
    await six(internet, 'route', 'add', 'default', 'via', '2001:db8:5::1');
    await six(inside, 'addr', 'add', `${addresses.han6}/64`, 'dev', 'lan0', 'nodad');
    await six(inside, 'route', 'add', 'default', 'via', addresses.gateway6);
    for (const place of [gw, isp]) await place.set({ 'net.ipv6.conf.all.forwarding': 1 });
  }

  async #listen(): Promise<void> {
    const mac = async (place: Namespace, device: string) =>
      macBytes((await place.ask('cat', `/sys/class/net/${device}/address`)).trim());
    this.#macs.inside = await mac(this.gateway, 'eth0');
    if (this.line.wan === 'ethernet') {
      this.#macs.outside = await mac(this.gateway, 'wan0');
      this.#macs.isp = await mac(this.at('isp'), 'line0');
    }
    this.#wire = await Wire.open(
      this.lab,
      [
        { name: 'inside', place: 'inside', device: 'lan0' },
        { name: 'outside', place: 'isp', device: 'line0' },
      ],
      (frame) => this.#receive(frame),
    );
  }

  /** A host or a server that nobody has seen yet. */
  host(side: Side, family: 4 | 6 = 4): Host {
    this.#made[side] += 1;
    const n = this.#made[side];
    const low = 1 + (n % 250);
    const high = Math.floor(n / 250);
    const address =
      family === 4
        ? side === 'inside'
          ? `192.168.${1 + high}.${low}`
          : `198.18.${high}.${low}`
        : side === 'inside'
          ? `2001:db8:1::${(n + 0x1000).toString(16)}`
          : `2001:db8:2::${(n + 0x1000).toString(16)}`;
    return this.hostAt(side, address);
  }

  /** One with an address of one's choice. */
  hostAt(side: Side, address: string): Host {
    const host = new Host(this, side, address);
    this.#hosts.set(`${side} ${address}`, host);
    return host;
  }

  #link(side: Side, from: Host): Uint8Array | null {
    if (side === 'outside' && this.line.wan === 'tun') return null;
    const type = from.family === 4 ? ETHERNET.ipv4 : ETHERNET.ipv6;
    const source = side === 'inside' ? from.mac : this.#macs.isp;
    return Uint8Array.from([...this.#macs[side], ...source, type >> 8, type & 255]);
  }

  send(from: Host, packet: Uint8Array, plain = false): void {
    if (!plain) this.lastSent = performance.now();
    const packets = plain ? [packet] : this.#obstruct(packet, from.side, true);
    for (const bytes of packets) {
      const link = this.#link(from.side, from);
      this.#wire.send(from.side, link === null ? bytes : Uint8Array.from([...link, ...bytes]));
    }
  }

  /** A frame as it is, from an inside host's cable. */
  sendFrame(side: Side, frame: Uint8Array): void {
    for (const bytes of this.#obstruct(frame, side, true)) this.#wire.send(side, bytes);
  }

  /** With a struct virtio_net_hdr, whose csum_start counts from the IP header's first byte. */
  sendOffloaded(
    from: Host,
    packet: Uint8Array,
    offload: { gsoType: number; gsoSize: number; header: number; start: number; offset: number },
  ): void {
    const link = this.#link(from.side, from) ?? new Uint8Array();
    const header = Buffer.alloc(10);
    header.writeUInt8(1, 0); // VIRTIO_NET_HDR_F_NEEDS_CSUM
    header.writeUInt8(offload.gsoType, 1);
    header.writeUInt16LE(link.length + offload.header, 2);
    header.writeUInt16LE(offload.gsoSize, 4);
    header.writeUInt16LE(link.length + offload.start, 6);
    header.writeUInt16LE(offload.offset, 8);
    this.#wire.sendOffloaded(from.side, header, Uint8Array.from([...link, ...packet]));
  }

  #receive(frame: Frame): void {
    const side = frame.end as Side;
    const plain = side === 'outside' && this.line.wan === 'tun';
    const type = plain ? 0 : ((frame.bytes[12] ?? 0) << 8) | (frame.bytes[13] ?? 0);
    const body = plain ? frame.bytes : frame.bytes.subarray(14);
    if (type === ETHERNET.arp) this.#answerArp(side, body);
    if (!plain && type !== ETHERNET.ipv4 && type !== ETHERNET.ipv6) return;
    const first = parse(body, frame.partial);
    if (first === null) return;
    if (first.type === 135 && side === 'inside') this.#answerNeighbour(first);
    const dmac = plain ? '' : Buffer.from(frame.bytes.subarray(0, 6)).toString('hex');
    const isFence =
      this.#fence !== null &&
      [this.#fence.inside.address, this.#fence.outside.address].some((a) => a === first.dst || a === first.src);
    const mine = (host: Host) => plain || side === 'outside' || dmac === Buffer.from(host.mac).toString('hex');
    for (const bytes of isFence ? [first.bytes] : this.#obstruct(first.bytes, side, false)) {
      this.#deliver(side, bytes, { at: frame.at, partial: frame.partial, isFence }, mine);
    }
  }

  #obstruct(packet: Uint8Array, side: Side, sent: boolean): Uint8Array[] {
    if (this.obstruction === null) return [packet];
    const emit = (to: Side, bytes: Uint8Array) =>
      this.#deliver(to, bytes, { at: 0, partial: false, isFence: false }, () => true);
    return this.obstruction(packet, { side, sent, emit });
  }

  #deliver(
    side: Side,
    bytes: Uint8Array,
    about: { at: number; partial: boolean; isFence: boolean },
    isFor: (host: Host) => boolean,
  ): void {
    const packet = parse(bytes, about.partial);
    if (packet === null) return;
    if (!about.isFence) this.sent[side].push(packet);
    const host = this.#hosts.get(`${side} ${packet.dst}`);
    if (host !== undefined && isFor(host)) host.receive(packet, about.at);
  }

  #answerArp(side: Side, body: Uint8Array): void {
    if (side !== 'inside' || body[7] !== 1) return;
    const host = this.#hosts.get(`inside ${body.subarray(24, 28).join('.')}`);
    if (host === undefined) return;
    const [asker, askerMac] = [body.subarray(14, 18), body.subarray(8, 14)];
    const reply = [0, 1, 8, 0, 6, 4, 0, 2, ...host.mac, ...toBytes(host.address), ...askerMac, ...asker];
    this.#wire.send('inside', Uint8Array.from([...askerMac, ...host.mac, 8, 6, ...reply]));
  }

  /** RFC 4861 section 4.4. */
  #answerNeighbour(question: Packet): void {
    const target = question.bytes.subarray(48, 64);
    const host = [...this.#hosts.values()].find(
      ({ side, address, family }) =>
        side === 'inside' && family === 6 && Buffer.from(toBytes(address)).equals(Buffer.from(target)),
    );
    if (host === undefined || question.src === '::') return;
    const payload = [...target, 2, 1, ...host.mac];
    this.send(
      host,
      icmp({ src: host.address, dst: question.src, ttl: 255, type: 136, word: 0x60000000, payload }),
      true,
    );
  }

  /** What a setting asks of the machine rather than of the gateway: addresses, and the MTU of the wan. */
  async prepare({ outside = [], wanMtu }: Setting): Promise<void> {
    const { gateway } = this;
    await gateway.ip(...outside.map((address) => `addr add ${address}/32 dev wan0`));
    if (wanMtu !== undefined) await gateway.ip(`link set wan0 mtu ${wanMtu}`);
  }
  async unprepare({ outside = [], wanMtu }: Setting): Promise<void> {
    await this.gateway.ip(...outside.map((address) => `addr del ${address}/32 dev wan0`));
    if (wanMtu !== undefined) await this.gateway.ip('link set wan0 mtu 1500');
  }

  forget(): void {
    this.sent.inside.length = 0;
    this.sent.outside.length = 0;
    for (const host of this.#hosts.values()) host.heard.length = 0;
  }

  /** Drops every host, as they will not be asked again. */
  forgetHosts(): void {
    this.#hosts.clear();
    this.#fence = null;
    this.forget();
  }

  /**
   * Returns when the gateway has done with what was sent before: packets that follow, both ways, have come through it.
   * Where it lets none through (its table is full), after a fifth of a second.
   */
  async settle(): Promise<void> {
    this.#fence ??= { inside: this.hostAt('inside', '192.168.98.1'), outside: this.hostAt('outside', '198.19.255.1') };
    const { inside, outside } = this.#fence;
    this.#fences += 1;
    const payload = fill(8, this.#fences);
    const same = (packet: Packet) => Buffer.from(packet.payload).equals(Buffer.from(payload));
    const there = { src: inside.address, dst: outside.address, sport: 9, dport: 9, payload };
    this.send(inside, udp(there), true);
    const out = await outside.finds(same, 200);
    if (out === null) return;
    this.send(outside, udp({ src: outside.address, dst: out.src, sport: 9, dport: out.sport, payload }), true);
    await inside.finds(same, 200);
    await pause(25); // what went by the stack may be behind what went by XDP
  }

  isInsideAddress(address: string): boolean {
    return familyOf(address) === 4 ? address.startsWith('192.168.') : address.startsWith('2001:db8:1:');
  }
}
