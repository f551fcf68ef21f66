/**
 * A small network for the datapath alone, with the policy by hand:
 *
 *   han  .10 ─┐                 lan        wan
 *   yoda .20 ─┴─ switch ─── eth0 [ gw ] wan0 ─── out 203.0.113.2 (also 192.0.2.80, 192.0.2.66, 192.0.2.67)
 *
 * lan 192.168.1.0/24, the gateway is .1; wan 203.0.113.0/24, the gateway is .1. `out` has no route to the LAN but for the
 * hidden test, and the wan is a veth or a tun (without Ethernet header).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import type { Program } from '../lab/program.ts';
import { buildStub } from './build-stub.ts';
import { type Change, ETHERNET, type Flow, type Flow6, HIDES, type Setup, type Tally, XDP } from './datapath.ts';

const worker = fileURLToPath(new URL('gateway-worker.ts', import.meta.url));

export interface Options {
  readonly wan: 'ethernet' | 'tun';
  /** false: TC only. */
  readonly xdp: boolean;
  /** wire: frames of at most the MTU with complete checksums; offload: as containers are joined. */
  readonly cables: 'offload' | 'wire';
  readonly timeouts?: Partial<Setup['timeouts']>;
  readonly policy?: Setup['policy'];
  /** A policy object in place of the one by hand (compiled-policy.ts); interfaces: 1 eth0, 2 wan0. */
  readonly object?: string;
  /** Size of the flow table; 4096. */
  readonly flows?: number;
  readonly probeEvery?: number;
  /** Of the wan; 1500. */
  readonly mtu?: number;
  /** Most that SYNs by a device may ask for (mss.h). */
  readonly mss?: { readonly eth0?: number; readonly wan0?: number };
  /** Seconds that a port rests. */
  readonly rest?: number;
  /** IPv6, too: lan 2001:db8:1::/64 and fd00:1::/64, wan 2001:db8:2::/64, servers 2001:db8:80::80, ::66, ::67. */
  readonly ipv6?: boolean;
  readonly lines?: Setup['lines'];
  readonly accounted?: Setup['accounted'];
  readonly sourceSets?: number;
  /** `ETHERNET | XDP | HIDES | HIDES6` of the wan, where the policy is a file's. */
  readonly wanFlags?: number;
  /** What happens before the datapath is there. */
  readonly prepare?: (lab: Lab) => Promise<void>;
}

export interface Ran {
  readonly verdict: number;
  readonly frame: Uint8Array;
}

/** What became of a frame; `reason`: as `readDrops` names it. */
export interface Passed {
  readonly fate: 'sent' | 'stack' | 'dropped';
  readonly reason: string | null;
  readonly frame: Uint8Array;
}

/** A bpffs of one's own; `close` unmounts it. */
export function mountBpffs(): { readonly path: string; close(): void } {
  const path = mkdtempSync(join(tmpdir(), 'masqc-bpffs-'));
  execFileSync('mount', ['-t', 'bpf', 'bpf', path]);
  return {
    path,
    close() {
      execFileSync('umount', ['-l', path]);
      rmdirSync(path);
    },
  };
}

async function connect6(gw: Namespace, han: Namespace, yoda: Namespace, out: Namespace): Promise<void> {
  await gw.ip(
    ...['2001:db8:1::1/64', 'fd00:1::1/64'].map((address) => `addr add ${address} dev eth0 nodad`),
    'addr add 2001:db8:2::1/64 dev wan0 nodad',
    'route add 2001:db8:80::/64 via 2001:db8:2::2',
    'route add default via 2001:db8:2::2',
  );
  await gw.set({ 'net.ipv6.conf.all.forwarding': 1 });
  for (const [host, id] of [
    [han, 10],
    [yoda, 20],
  ] as const) {
    await host.ip(
      `addr add 2001:db8:1::${id}/64 dev eth0 nodad`,
      `addr add fd00:1::${id}/64 dev eth0 nodad`,
      'route add default via 2001:db8:1::1',
    );
  }
  await out.ip(
    'addr add 2001:db8:2::2/64 dev wan0 nodad',
    ...['80', '66', '67'].map((id) => `addr add 2001:db8:80::${id}/128 dev lo`),
    'route add 2001:db8:1::/64 via 2001:db8:2::1',
    'route add fd00:1::/64 via 2001:db8:2::1', // a hidden host must be unreachable even so
  );
  await out.set({ 'net.ipv6.icmp.ratelimit': 0 });
}

export class Network {
  readonly lab = new Lab();
  readonly #bpffs = mountBpffs();
  #gateway: Program | null = null;
  #heard = 0;
  /** Addresses of the gateway's devices. */
  readonly macs = new Map<string, string>();

  static async open(options: Options): Promise<Network> {
    const network = new Network();
    try {
      await network.#connect(options);
      await options.prepare?.(network.lab);
      await network.#load(options);
      return network;
    } catch (error) {
      network.close();
      throw error;
    }
  }

  async #connect({ wan, cables, mtu = 1500, ipv6 }: Options): Promise<void> {
    const { lab } = this;
    if (ipv6 === true) await lab.addDual('gw', 'switch', 'han', 'yoda', 'out');
    else await lab.add('gw', 'switch', 'han', 'yoda', 'out');
    const [gw, bridge, han, yoda, out] = ['gw', 'switch', 'han', 'yoda', 'out'].map((name) => lab.at(name));
    if (!gw || !bridge || !han || !yoda || !out) throw new Error('no lab');
    await bridge.ip('link add br0 type bridge', 'link set br0 up');
    await lab.connect(gw, 'eth0', bridge, 'p0');
    await lab.connect(han, 'eth0', bridge, 'p1');
    await lab.connect(yoda, 'eth0', bridge, 'p2');
    await bridge.ip(...[0, 1, 2].map((port) => `link set p${port} master br0`));
    if (wan === 'tun') await lab.connectTun(gw, 'wan0', out, 'wan0');
    else await lab.connect(gw, 'wan0', out, 'wan0');
    await Promise.all([gw, out].map((end) => end.ip(`link set wan0 mtu ${mtu} up`)));
    await gw.ip(
      'addr add 192.168.1.1/24 dev eth0',
      wan === 'tun' ? 'addr add 203.0.113.1 peer 203.0.113.2 dev wan0' : 'addr add 203.0.113.1/24 dev wan0',
      'route add default via 203.0.113.2',
    );
    if (ipv6 === true) await connect6(gw, han, yoda, out);
    await gw.set({ 'net.ipv4.ip_forward': 1, 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.default.rp_filter': 0 });
    await out.set({ 'net.ipv4.icmp_ratelimit': 0 });
    await han.ip(
      'addr add 192.168.1.10/24 dev eth0',
      'addr add 192.168.1.11/24 dev eth0',
      'route add default via 192.168.1.1',
    );
    await yoda.ip('addr add 192.168.1.20/24 dev eth0', 'route add default via 192.168.1.1');
    await out.ip(
      wan === 'tun' ? 'addr add 203.0.113.2 peer 203.0.113.1 dev wan0' : 'addr add 203.0.113.2/24 dev wan0',
      ...['192.0.2.80', '192.0.2.66', '192.0.2.67'].map((address) => `addr add ${address}/32 dev lo`),
      'route add 192.168.1.0/24 via 203.0.113.1', // a hidden host must be unreachable even so
    );
    const ends = [['han', 'eth0'], ['yoda', 'eth0'], ...(wan === 'tun' ? [] : [['out', 'wan0']])] as const;
    for (const [name, device] of ends) {
      const flags = cables === 'wire' ? ['tx', 'off', 'tso', 'off', 'gso', 'off'] : [];
      await lab.at(name ?? '').ask('ethtool', '-K', device ?? '', 'gro', 'on', ...flags);
    }
    await bridge.ask('ethtool', '-K', 'p0', 'gro', 'on');
  }

  async #load(options: Options): Promise<void> {
    const { wan, xdp, timeouts, policy, object, mss = {}, ipv6 = false } = options;
    const { flows = 4096, probeEvery = 0, rest = 120, mtu = 1500 } = options;
    const { lines = [], accounted = [], sourceSets } = options;
    const gw = this.lab.at('gw');
    const mac = async (device: string): Promise<string> =>
      (await gw.ask('cat', `/sys/class/net/${device}/address`)).trim();
    this.macs.set('eth0', await mac('eth0'));
    this.macs.set('wan0', wan === 'tun' ? '00:00:00:00:00:00' : await mac('wan0'));
    const wanFlags = options.wanFlags ?? (wan === 'tun' ? HIDES : ETHERNET | HIDES | (xdp ? XDP : 0));
    const setup: Setup & { xdp: boolean } = {
      pin: this.#bpffs.path,
      stub: object ?? (await buildStub()),
      interfaces: [
        {
          device: 'eth0',
          id: 1,
          flags: ETHERNET | (xdp ? XDP : 0),
          mtu: 1500,
          mss: mss.eth0 ?? 0,
          mac: this.macs.get('eth0') ?? '',
          probe: '192.168.1.10',
          probe6: '2001:db8:1::10',
          addresses: ipv6 ? ['192.168.1.1', '2001:db8:1::1', 'fd00:1::1'] : ['192.168.1.1'],
        },
        {
          device: 'wan0',
          id: 2,
          flags: wanFlags,
          mtu,
          mss: mss.wan0 ?? 0,
          mac: this.macs.get('wan0') ?? '',
          probe: '203.0.113.2',
          probe6: '2001:db8:2::2',
          addresses: [],
          pool: [policy?.pool_first ?? 1024, policy?.pool_last ?? 32767],
        },
      ],
      policy: policy ?? {},
      flows,
      probeEvery,
      timeouts: { tcp: 7440, tcpSyn: 240, tcpFin: 240, udp: 300, icmp: 60, other: 600, ...timeouts },
      rest,
      ipv6,
      lines,
      accounted,
      ...(sourceSets === undefined ? {} : { sourceSets }),
      sweep: true,
      xdp,
    };
    this.#gateway = gw.start(process.execPath, worker, JSON.stringify(setup));
    await this.#gateway.says(/^ready$/m, 90_000);
    this.#heard = this.#gateway.output.length;
  }

  async #ask<T>(question: string): Promise<T> {
    const gateway = this.#gateway;
    if (gateway === null) throw new Error('the gateway has ended');
    gateway.write(question);
    const from = this.#heard;
    const end = await gateway.hears(
      `an answer to ${question.slice(0, 100)}`,
      (output) => {
        const found = output.indexOf('\n', from);
        return found < 0 ? null : found;
      },
      60_000,
    );
    this.#heard = end + 1;
    return JSON.parse(gateway.output.slice(from, end)) as T;
  }

  async flows(): Promise<Flow[]> {
    return this.#ask('flows');
  }
  async flows6(): Promise<Flow6[]> {
    return this.#ask('flows6');
  }
  async drops(): Promise<Record<string, number>> {
    return this.#ask('drops');
  }

  /** Errors that the programs have sent, and those that they held back. */
  async answers(): Promise<{ readonly sent: number; readonly withheld: number }> {
    return this.#ask('answers');
  }
  async tally(id: number): Promise<Tally> {
    return this.#ask(`tally ${id}`);
  }
  /** What was logged since the last time. */
  async events(): Promise<Record<string, unknown>[]> {
    return this.#ask('events');
  }
  async accounts(): Promise<Record<string, Record<string, number>>> {
    return this.#ask('accounts');
  }

  /** Another policy decides from now on. */
  async change(change: Change): Promise<void> {
    await this.#ask(`change ${JSON.stringify(change)}`);
  }
  /** What the datapath is told of an interface: `ETHERNET | XDP | HIDES`, for connections that are there, too. */
  async setFlags(device: 'eth0' | 'wan0', flags: number): Promise<void> {
    await this.#ask(`flags ${device === 'eth0' ? 1 : 2} ${flags}`);
  }
  /** Flows of the epochs first..last count as decided long ago; with first 0 all but those of `last` end. */
  async restamp(first: number, last: number): Promise<void> {
    await this.#ask(`restamp ${first} ${last}`);
  }

  /** Ends the process that loaded the datapath, at once. The maps and the timer stay. */
  async kill(): Promise<void> {
    await this.#gateway?.stop('SIGKILL');
  }
  get bpffs(): string {
    return this.#bpffs.path;
  }

  /** A test run inside the gateway. `from`: the ifindex that TC egress sees as the way in (0: the gateway's own). */
  async run(program: string, device: string, frame: Uint8Array, from = 0): Promise<Ran> {
    const hex = Buffer.from(frame).toString('hex');
    const answer = await this.#ask<{ retval: number; data: string; error?: string }>(
      `run ${program} ${device} ${from} ${hex}`,
    );
    if (answer.error !== undefined) throw new Error(answer.error);
    return { verdict: answer.retval, frame: Uint8Array.from(Buffer.from(answer.data, 'hex')) };
  }

  /** A frame as it comes in, `byXdp` first; TC takes what that lets pass. */
  async pass(device: string, frame: Uint8Array, byXdp: boolean): Promise<Passed> {
    const hex = Buffer.from(frame).toString('hex');
    const { fate, reason, data } = await this.#ask<Omit<Passed, 'frame'> & { readonly data: string }>(
      `pass ${device} ${byXdp ? 'xdp' : 'tc'} ${hex}`,
    );
    return { fate, reason, frame: Uint8Array.from(Buffer.from(data, 'hex')) };
  }

  /** One after the other; the verdicts. */
  async burst(program: string, device: string, frames: readonly Uint8Array[]): Promise<number[]> {
    const verdicts: number[] = [];
    for (let at = 0; at < frames.length; at += 200) {
      const hex = frames.slice(at, at + 200).map((frame) => Buffer.from(frame).toString('hex'));
      verdicts.push(...(await this.#ask<number[]>(`burst ${program} ${device} ${hex.join(' ')}`)));
    }
    return verdicts;
  }

  /** Each frame twice at the same time, through XDP; the verdicts. */
  async race(device: string, frames: readonly Uint8Array[]): Promise<number[]> {
    const verdicts: number[] = [];
    for (let at = 0; at < frames.length; at += 50) {
      const hex = frames.slice(at, at + 50).map((frame) => Buffer.from(frame).toString('hex'));
      verdicts.push(...(await this.#ask<number[]>(`race ${device} ${hex.join(' ')}`)));
    }
    return verdicts;
  }

  close(): void {
    this.lab.close();
    this.#bpffs.close();
  }
}
