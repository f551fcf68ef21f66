/** The tests of `limit NUM ports per source` of a masquerade: outside ports that a source holds (held.h), by test run. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BpfMap } from '../../native/lib/libbpf.ts';
import { until } from '../lab/until.ts';
import type { LineSetup } from './datapath.ts';
import { Network, type Options } from './network.ts';
import { ethernet, icmp, type Layer3, other, tcp, udp } from './packets.ts';
import { echo6, other6, tcp6, udp6 } from './packets6.ts';

const NAT = 8; // of stub-policy.bpf.c
const SENT = { xdp_ingress: 4, tc_ingress: 7 } as const;
type Program = keyof typeof SENT;
const GRE = 47;
const [PAIRED, INDEPENDENT] = [0, 2]; // enum masqc_dependence

/** `limit MOST ports per source` of the masquerade, under this number. */
const limit = (most: number, number = 77): LineSetup => ({ rule: NAT, tally: 80, meter: 80, ports: { most, number } });
const NO_LIMIT: LineSetup = { rule: NAT, tally: 80, meter: 0 };

/** The same words for both families. `to` ends an address of the servers. */
const families = {
  4: {
    han: '192.168.1.10',
    yoda: '192.168.1.20',
    type: 0x0800,
    udp: (saddr: string, sport: number, to = '80') => udp({ saddr, daddr: `192.0.2.${to}`, sport, dport: 53 }),
    tcp: (saddr: string, sport: number) => tcp({ saddr, daddr: '192.0.2.80', sport, dport: 80, flags: 'S' }),
    echo: (saddr: string, id: number) => icmp({ saddr, daddr: '192.0.2.80', type: 8, id }),
    gre: (saddr: string) => other({ saddr, daddr: '192.0.2.80', protocol: GRE }),
    door: (dport: number) => udp({ saddr: '192.0.2.90', daddr: '203.0.113.1', sport: 7, dport }),
  },
  6: {
    han: '2001:db8:1::10',
    yoda: 'fd00:1::20', // another /64
    type: 0x86dd,
    udp: (saddr: string, sport: number, to = '80') => udp6({ saddr, daddr: `2001:db8:80::${to}`, sport, dport: 53 }),
    tcp: (saddr: string, sport: number) => tcp6({ saddr, daddr: '2001:db8:80::80', sport, dport: 80, flags: 'S' }),
    echo: (saddr: string, id: number) => echo6({ saddr, daddr: '2001:db8:80::80', id }),
    gre: (saddr: string) => other6({ saddr, daddr: '2001:db8:80::80', protocol: GRE }),
    door: (dport: number) => udp6({ saddr: '2001:db8:80::90', daddr: '2001:db8:2::1', sport: 7, dport }),
  },
} as const;

export function testPortLimits(family: 4 | 6): void {
  const words = families[family];
  const { han, yoda } = words;
  const test = suite(`limits of ports, IPv${family}`);
  let open: Network[] = [];
  test.after.each(() => {
    for (const network of open) network.close();
    open = [];
  });

  async function start(lines: readonly LineSetup[], options: Partial<Options> = {}) {
    const network = await Network.open({
      wan: 'ethernet',
      xdp: true,
      cables: 'wire',
      lines,
      ipv6: family === 6,
      timeouts: { udp: 1, icmp: 1, other: 1, tcpSyn: 1 },
      ...options,
      policy: { nat6: 1, mapping: INDEPENDENT, filtering: INDEPENDENT, ...options.policy },
    });
    open.push(network);
    const neighbours =
      family === 4
        ? ['192.168.1.10 dev eth0', '192.168.1.11 dev eth0', '192.168.1.20 dev eth0', '203.0.113.2 dev wan0']
        : ['2001:db8:1::10 dev eth0', '2001:db8:1::11 dev eth0', 'fd00:1::20 dev eth0', '2001:db8:2::2 dev wan0'];
    const gw = network.lab.at('gw');
    await gw.ip(...neighbours.map((one) => `neigh replace ${one} lladdr 02:00:00:00:00:aa nud permanent`));
    const send = async (packet: Layer3, program: Program = 'xdp_ingress', device = 'eth0'): Promise<boolean> => {
      const frame = ethernet(packet, network.macs.get(device) ?? '', words.type);
      return (await network.run(program, device, frame)).verdict === SENT[program];
    };
    /** How many of the packets get through. */
    const count = async (packets: readonly Layer3[], program: Program = 'xdp_ingress') => {
      let passed = 0;
      for (const packet of packets) if (await send(packet, program)) passed++;
      return passed;
    };
    /** Ports that sources are counted for, by number of the limit; what the crowd has as `crowd`. */
    const held = async (): Promise<Record<string, number>> => {
      const sums: Record<string, number> = {};
      const add = (name: string, more: number) => {
        if (more > 0) sums[name] = (sums[name] ?? 0) + more;
      };
      using sources = BpfMap.openPinned(`${network.bpffs}/sources`);
      for await (const [, value] of sources.entries()) {
        const { ways } = sources.codec().value.decode(value) as { ways: { meter: number; flows: number }[] };
        for (const { meter, flows } of ways) add(String(meter), flows);
      }
      using meters = BpfMap.openPinned(`${network.bpffs}/meters`);
      for await (const [, value] of meters.entries())
        add('crowd', Number((meters.codec().value.decode(value) as { crowd_flows: number }).crowd_flows));
      return sums;
    };
    const ended = () =>
      until(
        'all has ended',
        async () => (await (family === 4 ? network.flows() : network.flows6())).length === 0,
        20_000,
      );
    return { network, send, count, held, ended };
  }
  const udps = (from: string, first: number, count: number, to?: string) =>
    Array.from({ length: count }, (_, i) => words.udp(from, first + i, to));

  for (const program of ['xdp_ingress', 'tc_ingress'] as const) {
    test(`a source has so many ports, of whatever protocol; its flows by them go on (${program})`, async () => {
      const { network, send, count, held, ended } = await start([limit(4)]);
      assert.is(await count(udps(han, 2000, 2), program), 2);
      assert.is(await count([words.tcp(han, 2000), words.echo(han, 7)], program), 2);
      assert.is(await count([...udps(han, 3000, 3), words.tcp(han, 3000), words.echo(han, 8)], program), 0);
      assert.equal(await network.drops(), { limited: 5 });
      const { refused, limited } = await network.tally(80);
      assert.equal([refused, limited], [5, 5], 'counted for the masquerade');
      assert.is(
        await count(udps(han, 2000, 2, '66').concat(udps(han, 2000, 2)), program),
        2,
        '.66 is denied by a rule',
      );
      assert.ok(await send(words.gre(han), program), 'what has no port needs none');
      assert.is(await count(udps(yoda, 2000, 6), program), 4, 'each source has its own');
      assert.equal(await held(), { 77: 8 });
      await ended();
      assert.equal(await held(), {}, 'all is given back');
      assert.is(await count(udps(han, 5000, 6), program), 4);
    });
  }

  test('a mapping is one port, whomever it talks to, and counts until its last flow has ended', async () => {
    const { network, send, count, held, ended } = await start([limit(1)]);
    const destinations = ['80', '81', '82', '83'].map((to) => words.udp(han, 2000, to));
    assert.is(await count(destinations), 4);
    assert.equal(await held(), { 77: 1 });
    assert.ok(await send(words.door(2000), 'xdp_ingress', 'wan0'));
    await ended();
    assert.equal(await held(), {});
    assert.is(await count(destinations), 4, 'its resting port is its own');
    assert.is(await count(udps(han, 3000, 2)), 0);
    assert.equal(await network.drops(), { limited: 2 });
  });

  test('a resting port is counted like a new one', async () => {
    const { count, held, ended } = await start([limit(3)]);
    assert.is(await count(udps(han, 2000, 3)), 3);
    await ended();
    assert.is(await count(udps(han, 3000, 2)), 2);
    assert.is(await count(udps(han, 2000, 3)), 1, 'one of the three that rest');
    assert.equal(await held(), { 77: 3 });
    await ended();
    assert.equal(await held(), {});
  });

  test('a refused packet takes nobody’s port, and gives nothing back twice', async () => {
    const pool = { pool_first: 5000, pool_last: 5004 };
    const { network, count, held, ended } = await start([limit(2)], { policy: pool });
    assert.is(await count(udps(han, 2000, 20)), 2);
    assert.equal([await count(udps(yoda, 2000, 20))], [2]);
    assert.equal(await held(), { 77: 4 });
    assert.is((await network.drops()).limited, 36);
    await ended();
    assert.equal(await held(), {});
  });

  test('where ports run out, what was asked for goes back', async () => {
    const pool = { pool_first: 5000, pool_last: 5001 };
    const { count, held, ended } = await start([limit(9)], { policy: pool });
    await count(udps(han, 2000, 12), 'tc_ingress');
    await count(udps(yoda, 2000, 12), 'tc_ingress');
    assert.equal(await held(), { 77: 2 });
    await ended();
    assert.equal(await held(), {});
    await count(udps(yoda, 2000, 12), 'tc_ingress'); // takes over ports that rest
    assert.equal(await held(), { 77: 2 });
    await ended();
    assert.equal(await held(), {});
  });

  test('without mappings each flow is a port', async () => {
    const { count, held, ended } = await start([limit(3)], { policy: { mapping: PAIRED, filtering: PAIRED } });
    assert.is(await count(['80', '81', '82', '83', '84'].map((to) => words.udp(han, 2000, to))), 3);
    assert.is(await count(udps(yoda, 2000, 9)), 3);
    assert.equal(await held(), { 77: 6 });
    await ended();
    assert.equal(await held(), {});
  });

  test('sources without a place in `sources` have one allowance together', async () => {
    const { count, held, ended } = await start([limit(2)], { sourceSets: 1 });
    const hosts = Array.from({ length: 30 }, (_, i) => (family === 4 ? `192.168.1.${30 + i}` : `fd00:1::${30 + i}`));
    const all = hosts.flatMap((host, i) => udps(family === 4 ? host : host, 2000 + 10 * i, 3));
    const passed = await count(all);
    if (family === 4) {
      assert.is(passed, 10 * 2 + 2);
      assert.equal(await held(), { 77: 20, crowd: 2 });
    } else assert.is(passed, 2, 'they are one /64');
    await ended();
    assert.equal(await held(), {});
  });

  test('a new file: live ports count for its limit, beyond it, too; without a limit they are forgotten when they end', async () => {
    const { network, count, held, ended } = await start([NO_LIMIT], { timeouts: { udp: 6, icmp: 6 } });
    let epoch = 1;
    const use = (line: LineSetup) => network.change({ epoch: ++epoch, policy: {}, lines: [line] });
    // Loaded before anything lives: from now on a change takes no time.
    for (const line of [limit(2, 78), limit(6, 79), NO_LIMIT]) await use(line);
    const live = [...udps(han, 2000, 3), words.echo(han, 7)];
    assert.is(await count(live), 4);
    assert.equal(await held(), {});
    await use(limit(2, 78));
    assert.is(await count(live), 4, 'they go on');
    assert.equal(await held(), { 78: 4 });
    assert.is(await count(udps(han, 4000, 2)), 0);
    await use(limit(6, 79));
    assert.is(await count(live), 4);
    assert.equal(await held(), { 79: 4 }, 'for the new line, and no longer for the old one');
    assert.is(await count(udps(han, 4000, 3)), 2);
    await use(NO_LIMIT);
    assert.is(await count([...live, ...udps(han, 5000, 3)]), 7);
    await ended();
    assert.equal(await held(), {});
  });

  test('packets of a source on two CPUs at once get no further port, and leave nothing behind', async () => {
    const { network, held, ended } = await start([limit(20)]);
    const frames = (packets: readonly Layer3[]) =>
      packets.map((packet) => ethernet(packet, network.macs.get('eth0') ?? '', words.type));
    await network.race('eth0', frames(udps(han, 2000, 100)));
    assert.equal(await held(), { 77: 20 });
    for (let i = 0; i < 3; i++)
      await network.race('eth0', frames(['80', '81', '82', '83'].flatMap((to) => udps(han, 2000, 20, to))));
    assert.equal(await held(), { 77: 20 });
    await ended();
    assert.equal(await held(), {});
  });

  test.run();
}
