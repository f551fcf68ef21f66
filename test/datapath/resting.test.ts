/** More sockets in the time of a rest than `mappings` has room for (rest.h): none is refused for those that rest, by test run. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BpfMap } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import { Network } from './network.ts';
import { ethernet, parsePacket, udp } from './packets.ts';
import { parsePacket6, udp6 } from './packets6.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath6.bpf.o');

const FLOWS = 256;
const ROUNDS = 7;
const HALF = 80; // of a round: what is left of the table must be more than one source has
const REST = 30;
const SENT = { xdp_ingress: 4, tc_ingress: 7 } as const;

const families = {
  4: {
    hosts: ['192.168.1.10', '192.168.1.20'],
    type: 0x0800,
    udp: (saddr: string, sport: number) => udp({ saddr, daddr: '192.0.2.80', sport, dport: 53 }),
    portOf: (frame: Uint8Array) => parsePacket(frame).sport,
  },
  6: {
    hosts: ['2001:db8:1::10', 'fd00:1::20'], // another /64
    type: 0x86dd,
    udp: (saddr: string, sport: number) => udp6({ saddr, daddr: '2001:db8:80::80', sport, dport: 53 }),
    portOf: (frame: Uint8Array) => parsePacket6(frame).sport,
  },
} as const;

/** Entries of `mappings`. */
async function count(network: Network, family: 4 | 6): Promise<number> {
  using map = BpfMap.openPinned(`${network.bpffs}/mappings${family}`, { readOnly: true });
  let entries = 0;
  for await (const _ of map.entries()) entries++;
  return entries;
}

async function churn(family: 4 | 6, program: keyof typeof SENT, random: boolean): Promise<void> {
  const words = families[family];
  const network = await Network.open({
    ...{ wan: 'ethernet', xdp: true, cables: 'wire', ipv6: family === 6, flows: FLOWS, rest: REST },
    timeouts: { udp: 0.2 },
    policy: { nat6: 1, mapping: 2, filtering: 1, habits: random ? 1 : 0 },
  });
  try {
    await network.lab
      .at('gw')
      .ip(
        ...words.hosts.map((host) => `neigh replace ${host} lladdr 02:00:00:00:00:aa nud permanent dev eth0`),
        `neigh replace ${family === 4 ? '203.0.113.2' : '2001:db8:2::2'} lladdr 02:00:00:00:00:bb nud permanent dev wan0`,
      );
    const frameOf = (host: number, sport: number) =>
      ethernet(words.udp(words.hosts[host] ?? '', sport), network.macs.get('eth0') ?? '', words.type);
    const ended = () =>
      until('connections end', async () => (await network[family === 4 ? 'flows' : 'flows6']()).length === 0);
    const started = Date.now();
    for (let round = 0; round < ROUNDS; round++) {
      const first = 2000 + round * 2 * HALF;
      const frames = Array.from({ length: 2 * HALF }, (_, i) => frameOf(i % 2, first + i));
      const verdicts = await network.burst(program, 'eth0', frames);
      const sent = verdicts.filter((verdict) => (verdict | 0) === SENT[program]).length;
      assert.is(sent, 2 * HALF, `round ${round}: ${JSON.stringify(await network.drops())}`);
      await ended();
    }
    const took = (Date.now() - started) / 1000;
    assert.ok(took < REST, `${ROUNDS * 2 * HALF} sockets in ${took} s`);

    const one = async () => {
      const { verdict, frame } = await network.run(program, 'eth0', frameOf(0, 31_000));
      assert.is(verdict | 0, SENT[program]);
      return words.portOf(frame);
    };
    const port = await one();
    await ended();
    assert.ok((await count(network, family)) > 0, 'ports rest');
    assert.is(await one(), port, 'and come back to their socket');
    await ended();

    for (let waited = 0; (await count(network, family)) > 0; waited++) {
      assert.ok(waited < REST + 10, `${await count(network, family)} entries are left`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    using progress = BpfMap.openPinned(`${network.bpffs}/progress${family}`, { readOnly: true });
    const { resting, moved } = progress.codec().value.decode(progress.get(new Uint8Array(4)) ?? new Uint8Array(0)) as {
      resting: number;
      moved: number;
    };
    assert.equal({ resting, moved }, { resting: 0, moved: 0 });
  } finally {
    network.close();
  }
}

const test = suite('more sockets than ports may rest');
for (const random of [false, true])
  test(random ? 'ports random' : 'ports that are preferred', async () => {
    const all = ([4, 6] as const).flatMap((family) =>
      (['xdp_ingress', 'tc_ingress'] as const).map((program) => churn(family, program, random)),
    );
    const failed = (await Promise.allSettled(all)).flatMap((each) => (each.status === 'rejected' ? [each.reason] : []));
    if (failed.length > 0) throw failed[0];
  });
test.run();
