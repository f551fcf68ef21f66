/** A table that fills up: what each source and each side may have of it, and what makes room (shares.h, sweep.h). */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BpfMap } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import { Network, type Options } from './network.ts';
import { ethernet, icmp, type Layer3, parsePacket, tcp, udp } from './packets.ts';
import { udp6 } from './packets6.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const [XDP_DROP, XDP_PASS, XDP_REDIRECT, TC_REDIRECT] = [1, 2, 4, 7];
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';
const FLOWS = 90;
const BLOCK = 1; // enum masqc_translation

const test = suite('shares of the table');
let open: Network[] = [];

async function start(options: Partial<Options> = {}): Promise<Network> {
  const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', flows: FLOWS, ...options });
  open.push(network);
  await network.lab
    .at('gw')
    .ip(
      ...[10, 11, 12, 20].map((id) => `neigh replace 192.168.1.${id} lladdr 02:00:00:00:00:aa nud permanent dev eth0`),
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
  return network;
}
test.after.each(() => {
  for (const network of open) network.close();
  open = [];
});

async function send(network: Network, device: string, packet: Layer3, program = 'xdp_ingress') {
  const { verdict, frame } = await network.run(program, device, ethernet(packet, network.macs.get(device) ?? ''));
  return { verdict: verdict | 0, out: parsePacket(frame) };
}
const host = (id: number): string => `192.168.1.${id}`;
const ask = (id: number, sport: number) => udp({ saddr: host(id), daddr: SERVER, sport, dport: 53 });

/** How many of `count` packets, each of another flow, got through. */
async function flood(network: Network, device: string, count: number, packet: (i: number) => Layer3): Promise<number> {
  const frames = Array.from({ length: count }, (_, i) => ethernet(packet(i), network.macs.get(device) ?? ''));
  return (await network.burst('xdp_ingress', device, frames)).filter((verdict) => verdict === XDP_REDIRECT).length;
}

/** Sum of the counters: three for each flow that is counted, four for each port in use. */
async function countShares(network: Network, family: 4 | 6 = 4): Promise<number> {
  using map = BpfMap.openPinned(`${network.bpffs}/shares${family}`);
  let sum = 0;
  for await (const [, value] of map.entries()) sum += new DataView(value.buffer, value.byteOffset).getUint32(0, true);
  return sum;
}

test('one source gets half of the table, the next one half of what is left, and a modest one always more', async () => {
  const network = await start();
  assert.is(await flood(network, 'eth0', 200, (i) => ask(10, 2000 + i)), FLOWS / 2);
  assert.is(await flood(network, 'eth0', 200, (i) => ask(11, 2000 + i)), 23);
  for (const sport of [2000, 2001, 2002])
    assert.is((await send(network, 'eth0', ask(20, sport))).verdict, XDP_REDIRECT);
  assert.is(await flood(network, 'eth0', FLOWS / 2, (i) => ask(10, 2000 + i)), FLOWS / 2, 'what is there goes on');
  assert.is(await countShares(network), 3 * (45 + 23 + 3));
});

test('what is beyond it is counted, answered inside like a full table, and dropped by XDP beyond the rate', async () => {
  const network = await start();
  await flood(network, 'eth0', 45, (i) => ask(10, 2000 + i));
  const beyond: Layer3[] = [
    ask(10, 3000),
    tcp({ saddr: host(10), daddr: SERVER, sport: 3000, dport: 80, flags: 'S' }),
    icmp({ saddr: host(10), daddr: SERVER, type: 8, id: 5 }),
  ];
  for (const packet of beyond) {
    assert.is((await send(network, 'eth0', packet)).verdict, XDP_PASS, 'TC answers');
    const { verdict, out } = await send(network, 'eth0', packet, 'tc_ingress');
    assert.equal([verdict, out.protocol, out.type, out.code, out.daddr], [TC_REDIRECT, 1, 3, 13, host(10)]);
  }
  assert.equal(await network.drops(), { 'source-share': 3 });
  const more = Array.from({ length: 150 }, () => ethernet(ask(10, 4000), network.macs.get('eth0') ?? ''));
  await until('XDP drops what nobody would answer', async () => {
    const answers = await network.burst('tc_ingress', 'eth0', more);
    return (
      answers.at(-1) !== TC_REDIRECT &&
      (await network.burst('xdp_ingress', 'eth0', more.slice(0, 5))).includes(XDP_DROP)
    );
  });
});

test('a flood of forged sources from outside leaves places to the inside', async () => {
  const network = await start({ flows: 99 });
  const forged = (i: number) =>
    tcp({ saddr: `198.51.100.${1 + i}`, daddr: WAN, sport: 5000 + i, dport: 80, flags: 'S' });
  assert.is(await flood(network, 'wan0', 200, forged), 96);
  assert.is((await send(network, 'wan0', forged(201))).verdict, XDP_DROP, 'nothing of it is told outside');
  assert.is((await network.drops())['source-share'], 200 - 96 + 1);
  for (const [i, id] of [10, 11, 20].entries())
    assert.is((await send(network, 'eth0', ask(id, 2000 + i))).verdict, XDP_REDIRECT);
});

test('of a redirect the client is the source, of a door in a mapping the host behind it', async () => {
  const network = await start({ policy: { mapping: 2, filtering: 2 } });
  const client = (i: number) => tcp({ saddr: '198.51.100.7', daddr: WAN, sport: 5000 + i, dport: 80, flags: 'S' });
  assert.is(await flood(network, 'wan0', 200, client), FLOWS / 2);
  assert.is((await send(network, 'eth0', ask(20, 2000))).verdict, XDP_REDIRECT, 'the target has its own share');
  const door = (i: number) => udp({ saddr: `198.51.100.${20 + i}`, daddr: WAN, sport: 7, dport: 2000 });
  assert.is(await flood(network, 'wan0', 100, door), 22, 'with the one that it began: half of what was left');
});

test('nor does one source take all ports of a pool', async () => {
  const network = await start({ flows: 1024, policy: { mapping: 2, filtering: 2, pool_first: 5000, pool_last: 5099 } });
  assert.is(await flood(network, 'eth0', 300, (i) => ask(10, 2000 + i)), 80);
  assert.is(await flood(network, 'eth0', 300, (i) => ask(11, 2000 + i)), 16);
  const { verdict, out } = await send(network, 'eth0', ask(10, 3000), 'tc_ingress');
  assert.equal([verdict, out.type, out.code, out.daddr], [TC_REDIRECT, 3, 13, host(10)]);
  assert.is((await send(network, 'eth0', ask(20, 3000))).verdict, XDP_REDIRECT);
  const other = udp({ saddr: host(10), daddr: '192.0.2.81', sport: 2000, dport: 53 });
  assert.is((await send(network, 'eth0', other)).verdict, XDP_REDIRECT, 'a port that it has reaches anybody');
  assert.is((await network.drops())['ports-exhausted'], undefined);
});

test('of a block that is one source’s alone it gets every port', async () => {
  const policy = { mapping: 2, translation: BLOCK, pool_first: 5000, pool_last: 5019 };
  const network = await start({ flows: 1024, policy });
  assert.is(await flood(network, 'eth0', 60, (i) => ask(10, 2000 + i)), 20);
});

for (const mapping of [0, 2]) {
  test(`what has ended counts no longer, however it ended${mapping === 0 ? '' : ', nor do its ports'}`, async () => {
    const network = await start({ timeouts: { udp: 1, tcpSyn: 1 }, rest: 1, policy: { mapping } });
    const frames = Array.from({ length: 30 }, (_, i) => ethernet(ask(10, 2000 + i), network.macs.get('eth0') ?? ''));
    await network.race('eth0', frames);
    const [syn, rst] = ['S', 'R'].map((flags) =>
      tcp({ saddr: host(11), daddr: SERVER, sport: 4000, dport: 80, flags, seq: flags === 'S' ? 1 : 2 }),
    ) as [Layer3, Layer3];
    for (const packet of [syn, rst, syn]) await send(network, 'eth0', packet);
    for (const sport of [100, 101]) for (const id of [10, 11, 12]) await send(network, 'eth0', ask(id, sport)); // not their own
    assert.ok((await countShares(network)) >= 3 * 37);
    await until('all have ended', async () => (await network.flows()).length === 0, 15_000);
    assert.is(await countShares(network), 0);
    assert.is(await flood(network, 'eth0', 200, (i) => ask(10, 6000 + i)), FLOWS / 2);
    assert.is(await countShares(network), (mapping === 0 ? 3 : 7) * (FLOWS / 2));
  });
}

test('above three quarters what nobody answered ends early, and what was answered or established stays', async () => {
  const network = await start({ flows: 256, timeouts: { udp: 30 } });
  const answered = ask(10, 2000);
  await send(network, 'eth0', answered);
  await send(network, 'wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: 2000 }));
  const [from, to] = [
    { saddr: host(10), daddr: SERVER, sport: 3000, dport: 80 },
    { saddr: SERVER, daddr: WAN, sport: 80, dport: 3000 },
  ];
  await send(network, 'eth0', tcp({ ...from, flags: 'S', seq: 100 }));
  await send(network, 'wan0', tcp({ ...to, flags: 'SA', seq: 900, ack: 101 }));
  await send(network, 'eth0', tcp({ ...from, flags: 'A', seq: 101, ack: 901 }));
  await send(network, 'eth0', ask(20, 2500)); // never answered
  for (const id of [10, 11, 12]) await flood(network, 'eth0', 256, (i) => ask(id, 5000 + i));
  for (const id of [21, 22, 23, 24]) await flood(network, 'eth0', 4, (i) => ask(id, 5000 + i));
  const before = (await network.flows()).filter((flow) => !flow.dying).length / 2;
  assert.ok(before > 220, `${before} flows`);
  await pause(3000);
  assert.is((await network.flows()).filter((flow) => !flow.dying).length / 2, before, 'not at once');
  await until(
    'there is room',
    async () => (await network.flows()).filter((flow) => !flow.dying).length / 2 <= 192,
    20_000,
  );
  const left = await network.flows();
  for (const sport of [2000, 3000])
    assert.ok(
      left.some((flow) => flow.saddr === host(10) && flow.sport === sport && !flow.dying),
      `${sport}`,
    );
});

test('below three quarters nothing ends early', async () => {
  const network = await start({ flows: 64 });
  assert.is(await flood(network, 'eth0', 100, (i) => ask(10, 2000 + i)), 32);
  assert.is(await flood(network, 'eth0', 100, (i) => ask(11, 2000 + i)), 16);
  await pause(5000);
  assert.is((await network.flows()).filter((flow) => !flow.dying).length, 96);
});

test('IPv6: the /64 is the source', async () => {
  const network = await start({ ipv6: true });
  await network.lab.at('gw').ip('neigh replace 2001:db8:2::2 lladdr 02:00:00:00:00:bb nud permanent dev wan0');
  const run = async (device: string, packet: Layer3) => {
    const frame = ethernet(packet, network.macs.get(device) ?? '', 0x86dd);
    return (await network.run('xdp_ingress', device, frame)).verdict;
  };
  const from = (net: string, i: number) =>
    udp6({ saddr: `${net}::${(100 + i).toString(16)}`, daddr: '2001:db8:80::80', sport: 2000, dport: 53 });
  for (let i = 0; i < FLOWS / 2; i++) assert.is(await run('eth0', from('2001:db8:1', i)), XDP_REDIRECT);
  for (let i = 100; i < 104; i++) assert.is(await run('eth0', from('2001:db8:1', i)), XDP_PASS);
  assert.is(await run('eth0', from('fd00:1', 1)), XDP_REDIRECT, 'another /64');
  assert.is((await network.flows6()).length / 2, FLOWS / 2 + 1);
  assert.is(await countShares(network, 6), 3 * (FLOWS / 2 + 1));
});

test.run();
