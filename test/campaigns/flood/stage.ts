/**
 * Where the campaigns run:
 *
 *   hosts 192.168.1.10 … .17 ─┐
 *   mallory 192.168.1.66 ─────┴─ switch ─── eth0 [ gw ] wan0 ─── internet 203.0.113.2, and 198.18.0.0/15
 *
 * All run on one CPU, so that a queue between two of them is emptied before it overflows: what is lost, the gateway has lost.
 * Mallory floods; what gets through to 198.18.0.0/15 is counted and thrown away before the internet's own stack has it.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { Lab } from '../../lab/lab.ts';
import { pinsOf, root } from '../../lab/masqc.ts';
import type { Namespace } from '../../lab/namespace.ts';
import type { Program } from '../../lab/program.ts';
import type { Report } from './report.ts';

/** What the other hosts have seen, and all segments with data of their established connections, both ways, as they were sent and arrived. */
export interface Seen {
  readonly report: Report;
  readonly segments: { readonly sent: number; readonly arrived: number };
}

export const SERVER = '203.0.113.2';
export const MALLORY = '192.168.1.66';
export const HOSTS: readonly string[] = Array.from({ length: 8 }, (_, i) => `192.168.1.${10 + i}`);
export const ECHO = 7;

const here = (file: string): string => join(import.meta.dirname, file);
/** A program of the stage's, on its CPU. */
const program = (file: string, ...args: string[]): string[] => [
  'taskset',
  '-c',
  '0',
  process.execPath,
  here(file),
  ...args,
];
const names = ['gw', 'switch', 'hosts', 'mallory', 'internet'] as const;

export class Stage {
  readonly #lab = new Lab();
  #flooder!: Program;
  #sink!: Program;
  #runs = 0;

  static async open(): Promise<Stage> {
    const stage = new Stage();
    try {
      await stage.#build();
      return stage;
    } catch (error) {
      stage.close();
      throw error;
    }
  }

  at(name: (typeof names)[number]): Namespace {
    return this.#lab.at(name);
  }
  get gateway(): Namespace {
    return this.at('gw');
  }

  async #build(): Promise<void> {
    const lab = this.#lab;
    await lab.add(...names);
    const [gw, bridge, hosts, mallory, internet] = names.map((name) => lab.at(name)) as [
      Namespace,
      Namespace,
      Namespace,
      Namespace,
      Namespace,
    ];
    await bridge.ip('link add br0 type bridge', 'link set br0 up');
    await lab.connect(gw, 'eth0', bridge, 'p0');
    await lab.connect(hosts, 'eth0', bridge, 'p1');
    await lab.connect(mallory, 'eth0', bridge, 'p2');
    await lab.connect(gw, 'wan0', internet, 'eth0');
    await bridge.ip(...[0, 1, 2].map((port) => `link set p${port} master br0`));
    await gw.ip(
      'addr add 192.168.1.1/24 dev eth0',
      'addr add 203.0.113.1/24 dev wan0',
      `route add default via ${SERVER}`,
    );
    await gw.set({ 'net.ipv4.ip_forward': 1, 'net.ipv4.conf.all.rp_filter': 0 });
    await hosts.ip(...HOSTS.map((host) => `addr add ${host}/24 dev eth0`), 'route add default via 192.168.1.1');
    await mallory.ip(`addr add ${MALLORY}/24 dev eth0`, 'route add default via 192.168.1.1');
    await internet.ip(`addr add ${SERVER}/24 dev eth0`);
    for (const [where, device] of [
      [gw, 'eth0'],
      [gw, 'wan0'],
      [hosts, 'eth0'],
      [mallory, 'eth0'],
      [internet, 'eth0'],
      [bridge, 'p0'],
      [bridge, 'p2'],
    ] as const) {
      const plain = where === hosts || where === internet ? ['tx', 'off', 'tso', 'off', 'gso', 'off'] : [];
      await where.ask('ethtool', '-K', device, 'gro', 'on', ...plain); // NAPI, so that XDP frames are taken
    }
    const object = await buildTraffic();
    const mac = async (where: Namespace) => (await where.ask('cat', '/sys/class/net/eth0/address')).trim();
    const settings = { source: MALLORY, gateway: await mac(gw), mac: await mac(mallory) };
    await gw.ip(`neigh replace ${MALLORY} lladdr ${settings.mac} nud permanent dev eth0`);
    this.#sink = internet.start(...program('worker.ts', object, 'sink', 'eth0'));
    this.#flooder = mallory.start('nice', ...program('worker.ts', object, 'flood', 'eth0', JSON.stringify(settings)));
    for (const program of [this.#sink, this.#flooder]) await program.says(/^ready$/m, 30_000);
    await this.start('internet', 'server.ts', String(ECHO));
  }

  /** Starts a program of this directory on the stage's CPU; it has said `ready`. */
  async start(where: (typeof names)[number], file: string, ...args: string[]): Promise<Program> {
    const started = this.at(where).start(...program(file, ...args));
    await started.says(/^ready$/m, 30_000);
    return started;
  }

  /** Mallory sends so many SYNs; ms that it took. */
  async flood(packets: number): Promise<number> {
    const said = this.#flooder.output.length;
    this.#flooder.write(String(packets));
    await this.#flooder.says(new RegExp(`^[^]{${said}}took (\\d+)\\n`), 3_600_000);
    return Number(/took (\d+)\n$/.exec(this.#flooder.output)?.[1]);
  }
  /** Packets of the flood that have left the gateway. */
  async countArrived(): Promise<number> {
    this.#runs += 1;
    this.#sink.write('');
    const pattern = new RegExp(`(?:arrived \\d+\\n[^]*){${this.#runs - 1}}arrived (\\d+)\\n`);
    return Number((await this.#sink.says(pattern))[1]);
  }

  /** The other hosts begin; `end` says what they have seen. ms between the packets of a flow, and between new connections. */
  async startHosts(every: number, fresh: number): Promise<{ end(): Promise<Seen> }> {
    const hosts = await this.start('hosts', 'hosts.ts', SERVER, String(ECHO), String(every), String(fresh), ...HOSTS);
    return {
      end: async () => {
        hosts.write('');
        const report = JSON.parse((await hosts.says(/^\{.*\}$/m, 30_000))[0]) as Report;
        const [inside, outside] = await Promise.all([
          this.#countSegments('hosts', `dport = :${ECHO}`),
          this.#countSegments('internet', `sport = :${ECHO}`),
        ]);
        await hosts.stop();
        return { report, segments: { sent: inside.out + outside.out, arrived: inside.in + outside.in } };
      },
    };
  }

  /** Segments of the established TCP connections there, as the kernel has counted them. */
  async #countSegments(where: 'hosts' | 'internet', which: string): Promise<{ in: number; out: number }> {
    const shown = await this.at(where).ask('ss', '-tinH', 'state', 'established', which);
    const sum = (name: string) =>
      [...shown.matchAll(new RegExp(`\\b${name}:(\\d+)`, 'g'))].reduce((n, [, found]) => n + Number(found), 0);
    return { in: sum('data_segs_in'), out: sum('data_segs_out') };
  }

  /** Bytes of the kernel's in all maps of the gateway. */
  async measureMaps(name: string): Promise<number> {
    const directory = pinsOf(this.gateway, name);
    let bytes = 0;
    for (const pin of (await execa('ls', [directory])).stdout.split('\n')) {
      const { stdout, failed } = await execa('bpftool', ['-j', 'map', 'show', 'pinned', join(directory, pin)], {
        reject: false,
      });
      if (!failed) bytes += Number((JSON.parse(stdout) as { bytes_memlock?: number }).bytes_memlock ?? 0);
    }
    return bytes;
  }

  close(): void {
    this.#lab.close();
  }
}

async function buildTraffic(): Promise<string> {
  const folder = join(root, 'build/campaigns');
  const object = join(folder, `syn.${process.pid}.bpf.o`);
  mkdirSync(folder, { recursive: true });
  const { stdout: triple } = await execa('gcc', ['-print-multiarch']);
  await execa('clang', [
    ...['-O2', '-g', '-target', 'bpf', '-mcpu=v3', '-Wall', '-Werror', `-I/usr/include/${triple}`],
    ...['-c', here('syn.bpf.c'), '-o', object],
  ]);
  return object;
}
