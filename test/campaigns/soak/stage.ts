/**
 * Where the soak runs, with both families:
 *
 *   han 192.168.1.10 … .13 ─── eth0 [ gw ] wan0 ─── out 203.0.113.2, servers 192.0.2.80 … .82
 *       2001:db8:1::10 … ::12        fd00:1::10 … ::12 (masqueraded)        2001:db8:80::80 … ::82
 *
 * 192.0.2.90 and 2001:db8:80::90 take everything and answer nothing.
 */
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { Lab } from '../../lab/lab.ts';
import { pinsOf } from '../../lab/masqc.ts';
import type { Namespace } from '../../lab/namespace.ts';
import type { Program } from '../../lab/program.ts';
import type { Task } from './traffic.ts';

export const NAME = 'soak';
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const range = (prefix: string, first: number, count: number): [string, ...string[]] =>
  Array.from({ length: count }, (_, i) => `${prefix}${first + i}`) as [string, ...string[]];

const HOSTS = range('192.168.1.', 10, 4);
const HOSTS6 = [...range('2001:db8:1::', 10, 3), ...range('fd00:1::', 10, 3)] as [string, ...string[]];
const SERVERS = range('192.0.2.', 80, 3);
const SERVERS6 = range('2001:db8:80::', 80, 3);
const PORTS = { tcp: 80, udp: 7, closed: 9 };
/** Of han's servers, which redirects lead to. */
const INNER = { tcp: 8080, udp: 7 };

/** The file; `other` is the one that takes turns with it. It decides the same about what the soak sends. */
export const writeFile = (other: boolean): string => `
gateway ${NAME} {
  default deny
  flows   8192
  timeout tcp 4s, tcp-syn 2s, tcp-fin 1s, udp 2s, icmp 1s, other 1s
  ${other ? 'deny to 198.51.100.0/24' : ''}
}
interface wan = wan0
interface lan = eth0
network home = 192.168.1.0/24, 2001:db8:1::/64, fd00:1::/64 on lan
host han  = 192.168.1.10
host han6 = 2001:db8:1::10
policy out from lan to wan {
  ${other ? 'deny tcp 25' : ''}
  allow icmp limit 4000 flows
  allow tcp 1-65535, udp 1-65535 from home limit 4000 flows per source
  default deny
}
policy mine from any to self {
  allow icmp echo-request
  allow tcp 9, udp 9 from home
  default deny
}
masquerade hidden {
  from      192.168.1.0/24
  interface wan
  ports     20000-29999
}
masquerade hidden6 {
  from      fd00:1::/64
  interface wan
  family    ipv6
  ports     20000-29999
}
redirect www {
  interface wan
  listen    tcp 80 to han:${INNER.tcp}
  listen    udp 70 to han:${INNER.udp}
  allow     from any
}
redirect www6 {
  interface wan
  listen    tcp 80 to han6:${INNER.tcp}
  listen    udp 70 to han6:${INNER.udp}
  allow     from any
}
`;

export class Stage {
  readonly #lab = new Lab();
  #servers: Program[] = [];

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

  get gateway(): Namespace {
    return this.#lab.at('gw');
  }
  get pins(): string {
    return pinsOf(this.gateway, NAME);
  }

  async #build(): Promise<void> {
    await this.#lab.addDual('gw', 'han', 'out');
    const [gw, han, out] = ['gw', 'han', 'out'].map((name) => this.#lab.at(name)) as [Namespace, Namespace, Namespace];
    await this.#lab.connect(gw, 'eth0', han, 'eth0');
    await this.#lab.connect(gw, 'wan0', out, 'wan0');
    await gw.ip(
      'addr add 192.168.1.1/24 dev eth0',
      ...['2001:db8:1::1', 'fd00:1::1'].map((address) => `addr add ${address}/64 dev eth0 nodad`),
      'addr add 203.0.113.1/24 dev wan0',
      'addr add 2001:db8:2::1/64 dev wan0 nodad',
      'route add default via 203.0.113.2',
      'route add default via 2001:db8:2::2',
    );
    await han.ip(
      ...HOSTS.map((address) => `addr add ${address}/24 dev eth0`),
      ...HOSTS6.map((address) => `addr add ${address}/64 dev eth0 nodad`),
      'route add default via 192.168.1.1',
      'route add default via 2001:db8:1::1',
    );
    await out.ip(
      'addr add 203.0.113.2/24 dev wan0',
      'addr add 2001:db8:2::2/64 dev wan0 nodad',
      ...SERVERS.map((address) => `addr add ${address}/32 dev lo`),
      ...SERVERS6.map((address) => `addr add ${address}/128 dev lo nodad`),
      'route add blackhole 192.0.2.90/32',
      'route add blackhole 2001:db8:80::90/128',
      'route add 2001:db8:1::/64 via 2001:db8:2::1',
    );
    await gw.set({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
    for (const end of [han, out])
      await end.set({ 'net.ipv4.tcp_tw_reuse': 1, 'net.ipv4.ip_local_port_range': '10000 60999' });
    this.#servers = [han, out].map((end) => {
      const { tcp, udp } = end === han ? INNER : PORTS;
      const addresses = end === han ? [HOSTS[0], HOSTS6[0]] : [SERVERS[0], SERVERS6[0]];
      return end.start(process.execPath, file('serve.ts'), String(tcp), String(udp), ...addresses);
    });
    await Promise.all(this.#servers.map((server) => server.says(/^ready$/m, 30_000)));
  }

  /** Flows from inside, from outside, and of the gateway's own. */
  async startTraffic(): Promise<Program[]> {
    const start = (name: string, task: Task): Program =>
      this.#lab.at(name).start(process.execPath, file('traffic.ts'), JSON.stringify(task));
    const outward: Task['to'] = [
      [SERVERS[0], '192.0.2.90'],
      [SERVERS6[0], '2001:db8:80::90'],
    ];
    const inward: Task['to'] = [
      ['203.0.113.1', '203.0.113.1'],
      ['2001:db8:2::1', '2001:db8:2::1'],
    ];
    const programs = [
      start('han', { from: [HOSTS, HOSTS6], to: outward, ...PORTS, ping: true, rate: 30 }),
      start('out', { from: [SERVERS, SERVERS6], to: inward, ...PORTS, udp: 70, ping: true, rate: 12 }),
      start('gw', { from: null, to: outward, ...PORTS, ping: true, rate: 6 }),
    ];
    await Promise.all(programs.map((program) => program.says(/^ready$/m, 30_000)));
    return programs;
  }

  /** Processes of the gateway's. */
  async listProcesses(): Promise<string[]> {
    const { stdout } = await execa('ip', ['netns', 'pids', this.gateway.id]);
    return stdout.split('\n').filter((pid) => pid !== '');
  }

  close(): void {
    this.#lab.close();
  }
}
