/**
 * Where the gateways are measured: lan (lan0) - (lan1) gw (wan1) - (wan0) wan. Everything runs on CPU 0 in lock step:
 * the generator's frames enter the gateway as a native XDP driver's would, the sink in `wan` takes them out, and
 * nothing is lost; so the CPU time of the generating process, less that of a gateway that only drops, is the gateway's.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { BpfMap } from '../../native/lib/libbpf.ts';
import { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { buildTalk } from './connections.ts';
import { HOSTS, stepOf } from './flows.ts';
import type { Answer, Order } from './order.ts';

const ROOT = join(import.meta.dirname, '../..');
const WORKER = join(import.meta.dirname, 'worker.ts');
const OUTSIDE = 0xcb007101; // 203.0.113.1
/** The kernel's limits on tracked connections are the machine's, not a namespace's; put back at the end. */
const CONNTRACK = {
  max: '/proc/sys/net/netfilter/nf_conntrack_max',
  buckets: '/sys/module/nf_conntrack/parameters/hashsize',
};

export class Stage {
  readonly #lab = new Lab();
  readonly pins = mkdtempSync(join(tmpdir(), 'masqc-bench-'));
  readonly #before = new Map<string, string>();

  get lan(): Namespace {
    return this.#lab.at('lan');
  }
  get gateway(): Namespace {
    return this.#lab.at('gw');
  }
  get wan(): Namespace {
    return this.#lab.at('wan');
  }

  static async open(): Promise<Stage> {
    const stage = new Stage();
    try {
      await stage.#build();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  async #build(): Promise<void> {
    await buildTraffic();
    await buildTalk();
    await execa('mount', ['-t', 'bpf', 'bpf', this.pins]);
    await this.#lab.add('lan', 'gw', 'wan');
    const [lan, gw, wan] = ['lan', 'gw', 'wan'].map((name) => this.#lab.at(name)) as [Namespace, Namespace, Namespace];
    await this.#lab.connect(lan, 'lan0', gw, 'lan1');
    await this.#lab.connect(gw, 'wan1', wan, 'wan0');
    await lan.ip('addr add 192.168.1.2/24 dev lan0', 'route add default via 192.168.1.1');
    await gw.ip('addr add 192.168.1.1/24 dev lan1', 'addr add 203.0.113.1/24 dev wan1');
    await wan.ip('addr add 203.0.113.2/24 dev wan0');
    const ends = { lan0: lan, lan1: gw, wan1: gw, wan0: wan };
    const macs = new Map<string, string>();
    for (const [device, namespace] of Object.entries(ends)) {
      await namespace.ask('ethtool', '-K', device, 'gro', 'on'); // NAPI, so that XDP frames are taken
      macs.set(device, (await namespace.ask('cat', `/sys/class/net/${device}/address`)).trim());
    }
    for (const namespace of [lan, gw, wan]) await namespace.set({ 'net.ipv4.conf.all.rp_filter': 0 });
    await gw.set({ 'net.ipv4.ip_forward': 1, 'net.ipv4.conf.all.send_redirects': 0 });
    const neighbours = Array.from({ length: HOSTS }, (_, i) => [
      `neigh add 192.168.1.${10 + i} lladdr ${macs.get('lan0')} nud permanent dev lan1`,
      `neigh add 203.0.113.${10 + i} lladdr ${macs.get('wan0')} nud permanent dev wan1`,
    ]).flat();
    await gw.ip(...neighbours);
    await this.#worker(lan, 'load');
    await this.#worker(wan, 'attach', 'sink_outer', 'wan0');
    await this.#worker(lan, 'attach', 'sink_inner', 'lan0');
    const settings = BpfMap.openPinned(join(this.pins, 'settings'));
    const bytes = (device: string) =>
      Uint8Array.from(macs.get(device)!.split(':'), (part) => Number.parseInt(part, 16));
    settings.set(
      0,
      settings.codec().value.encode({
        outside: OUTSIDE,
        wan_ifindex: Number(await gw.ask('cat', '/sys/class/net/wan1/ifindex')),
        lan_ifindex: Number(await gw.ask('cat', '/sys/class/net/lan1/ifindex')),
        gateway_mac: bytes('lan1'),
        lan_mac: bytes('lan0'),
        next_hop: Uint8Array.of(...bytes('wan0'), ...bytes('wan1')),
      }),
    );
    settings.close();
    await gw.ask('nft', 'list', 'ruleset'); // loads nf_tables before anything is measured
    for (const [path, value] of [
      [CONNTRACK.max, '4000000'],
      [CONNTRACK.buckets, '262144'],
    ] as const) {
      this.#before.set(path, readFileSync(path, 'utf8'));
      writeFileSync(path, value);
    }
  }

  async #worker(where: Namespace, verb: string, ...args: string[]): Promise<string> {
    const argv = ['taskset', '-c', '0', process.execPath, WORKER, verb, this.pins, ...args];
    const { code, out, err } = await where.run(argv, { limit: 180_000 });
    if (code !== 0) throw new Error(`bench worker ${verb} ${args.join(' ')} ended with ${code}\n${out}${err}`);
    return out;
  }

  /** A program of traffic.bpf.c in front of the gateway. */
  async bare(program: string, flows: number): Promise<void> {
    await this.#worker(this.gateway, 'bare', program, 'lan1', String(flows));
  }
  async dropAll(): Promise<void> {
    await this.#worker(this.gateway, 'attach', 'drop', 'lan1');
  }
  async detach(device: 'lan1' | 'wan1' = 'lan1'): Promise<void> {
    await this.#worker(this.gateway, 'detach', device);
  }
  /** Frames go from side to side, by XDP, and nothing else happens. */
  async cable(): Promise<void> {
    for (const device of ['lan1', 'wan1']) await this.#worker(this.gateway, 'attach', 'bare_cable', device);
  }
  /** For a gateway that does not translate: the way back. */
  async route(on: boolean): Promise<void> {
    await this.#lab.at('wan').ip(`route ${on ? 'add' : 'del'} 192.168.1.0/24 via 203.0.113.1`);
  }

  /** `interval`: ns between packets, whose way is timed then; 0: as fast as they go. `partial`: their checksums are not made. */
  async drive(flows: number, packets: number, reflect: boolean, interval = 0, partial = false): Promise<Answer> {
    const [reflects, partials] = [reflect ? 1 : 0, partial ? 1 : 0] as const;
    const order: Order = {
      packets,
      flows,
      next: 0,
      step: stepOf(flows),
      reflect: reflects,
      interval,
      partial: partials,
    };
    return JSON.parse(await this.#worker(this.#lab.at('lan'), 'run', 'lan0', JSON.stringify(order))) as Answer;
  }

  async close(): Promise<void> {
    for (const [path, value] of this.#before) writeFileSync(path, value.trim());
    this.#lab.close();
    await execa('umount', [this.pins], { reject: false });
    try {
      rmdirSync(this.pins);
    } catch {
      rmSync(this.pins, { force: true, recursive: false });
    }
  }
}

async function buildTraffic(): Promise<void> {
  mkdirSync(join(ROOT, 'build/bench'), { recursive: true });
  const { stdout: triple } = await execa('gcc', ['-print-multiarch']);
  await execa('clang', [
    ...['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror', `-I/usr/include/${triple}`],
    ...['-c', join(import.meta.dirname, 'traffic.bpf.c'), '-o', join(ROOT, 'build/bench/traffic.bpf.o')],
  ]);
}
