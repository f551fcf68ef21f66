/**
 * A gateway that carries a ruleset, with raw ends of cables around it:
 *
 *   wan ── wan0 [ gw ] lan0 ── lan      203.0.113.7, 2001:db8:ffff::7; 192.168.1.1, 2001:db8:1::1
 *   other ─ other0 [ ] dmz0 ── dmz      172.30.0.1, 2001:db8:3::1;     10.0.0.1, 2001:db8:2::1
 *
 * Nothing behind the cables has an IP stack: what the gateway sends is heard as it is. What is let in to the gateway itself
 * is handed on to one more cable, `self`, by a table behind the ruleset, and goes no further.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { udp } from '../behaviour/wire/compose.ts';
import { type Packet, parse } from '../behaviour/wire/parse.ts';
import { type Frame, Wire } from '../behaviour/wire/wire.ts';
import { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';

export type End = 'wan' | 'lan' | 'dmz' | 'other' | 'self';
const ENDS: readonly End[] = ['wan', 'lan', 'dmz', 'other', 'self'];

/** What the gateway has on each interface. */
export const OWN: Readonly<Record<Exclude<End, 'self'>, { readonly v4: string; readonly v6: string }>> = {
  wan: { v4: '203.0.113.7', v6: '2001:db8:ffff::7' },
  lan: { v4: '192.168.1.1', v6: '2001:db8:1::1' },
  dmz: { v4: '10.0.0.1', v6: '2001:db8:2::1' },
  other: { v4: '172.30.0.1', v6: '2001:db8:3::1' },
};

/** Hands on what has come through, and keeps the gateway's own stack from answering. */
const WITNESS = ['ip', 'ip6']
  .map(
    (family) => `table ${family} witness {
  chain input {
    type filter hook input priority 1000
    iifname { "wan0", "lan0", "dmz0", "other0" } dup to ${family === 'ip' ? '198.18.255.1' : '2001:db8:fe::1'} device "self0" drop
  }
}
`,
  )
  .join('');

/** Behind `self`: what goes there from `other` is of no interface that a file names. */
const FENCE = '198.18.255.9';

const isOfLink = ({ src, dst }: Packet): boolean => src.startsWith('fe80:') || dst.startsWith('ff02:');

export interface Heard {
  readonly end: End;
  readonly packet: Packet;
}

export class Laboratory {
  readonly lab = new Lab();
  #wire!: Wire;
  #macs = new Map<End, Uint8Array>();
  #heard: Heard[] = [];
  #fences = 0;

  get gateway(): Namespace {
    return this.lab.at('gw');
  }

  static async open(): Promise<Laboratory> {
    const laboratory = new Laboratory();
    try {
      await laboratory.#build();
      return laboratory;
    } catch (error) {
      laboratory.close();
      throw error;
    }
  }
  close(): void {
    this.lab.close();
  }

  async #build(): Promise<void> {
    const { lab } = this;
    await lab.addDual('gw');
    await lab.add('world');
    const [gw, world] = [lab.at('gw'), lab.at('world')];
    await gw.set({
      'net.ipv4.ip_forward': 1,
      'net.ipv6.conf.all.forwarding': 1,
      'net.ipv4.conf.all.rp_filter': 0,
      'net.ipv4.conf.default.rp_filter': 0,
      'net.ipv4.conf.all.send_redirects': 0,
      'net.ipv4.conf.default.send_redirects': 0,
      'net.ipv4.icmp_ratelimit': 0,
      'net.ipv6.icmp.ratelimit': 0,
    });
    await gw.run(['sysctl', '-qw', 'net.ipv4.icmp_msgs_per_sec=100000', 'net.ipv4.icmp_msgs_burst=10000']);
    for (const end of ENDS) {
      await lab.connect(gw, `${end}0`, world, end);
      // No neighbour is looked for: frames go to the device's own address.
      await gw.ip(`link set ${end}0 arp off`);
      const mac = (await gw.ask('cat', `/sys/class/net/${end}0/address`)).trim();
      this.#macs.set(end, Uint8Array.from(mac.split(':').map((part) => Number.parseInt(part, 16))));
    }
    for (const [end, { v4, v6 }] of Object.entries(OWN)) {
      await gw.ip(`addr add ${v4}/24 dev ${end}0`, `addr add ${v6}/64 dev ${end}0 nodad`);
    }
    await gw
      .ip(
        'route add default dev wan0',
        'route add 198.18.255.0/24 dev self0',
        'route add 2001:db8:fe::/64 dev self0',
        'route add default dev wan0 metric 1 table main proto static',
      )
      .catch(() => undefined);
    await gw.ask('ip', '-6', 'route', 'replace', 'default', 'dev', 'wan0');
    await gw.ask('ip', '-6', 'route', 'replace', '2001:db8:fe::/64', 'dev', 'self0');
    const { code, err } = await gw.run(['nft', '-f', '-'], { input: WITNESS });
    if (code !== 0) throw new Error(err);
    const ends = ENDS.map((name) => ({ name, place: 'world', device: name }));
    this.#wire = await Wire.open(lab, ends, (frame) => this.#receive(frame));
  }

  /** @throws when nft refuses it */
  async load(ruleset: string): Promise<void> {
    const { code, err } = await this.gateway.run(['nft', '-f', '-'], { input: ruleset });
    if (code !== 0) throw new Error(err);
    await this.gateway.run(['conntrack', '-F']);
  }

  send(end: End, packet: Uint8Array): void {
    const type = (packet[0] ?? 0) >> 4 === 6 ? [0x86, 0xdd] : [8, 0];
    this.#wire.send(end, Uint8Array.from([...this.#macs.get(end)!, 2, 0, 0, 0, 0, 9, ...type, ...packet]));
  }

  #receive({ end, bytes, partial }: Frame): void {
    const packet = parse(bytes.subarray(14), partial);
    if (packet !== null) this.#heard.push({ end: end as End, packet });
  }

  /**
   * All that the gateway has sent since the last time, when it has done with what it got; but for what the kernel says to its
   * links (multicast reports, redirects of IPv6).
   */
  async settle(): Promise<readonly Heard[]> {
    // A packet before a fence may be heard after it: the ends are read one after the other.
    for (let i = 0; i < 3; i++) await this.#passFence();
    await pause(10);
    return this.#heard.splice(0).filter(({ packet }) => packet.dst !== FENCE && !isOfLink(packet));
  }

  async #passFence(): Promise<void> {
    this.#fences += 1;
    const sport = 1 + (this.#fences % 60_000);
    this.send('other', udp({ src: '172.30.0.250', dst: FENCE, sport, dport: 9 }));
    const isFence = ({ packet }: Heard) => packet.dst === FENCE && packet.sport === sport;
    for (let waited = 0; !this.#heard.some(isFence); waited++) {
      if (waited > 2000) throw new Error('the gateway forwards nothing');
      await pause(2);
    }
    await pause(5);
  }
}
