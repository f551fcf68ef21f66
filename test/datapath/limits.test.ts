/** `limit`: rates and live flows, for a line and for each source, by test run. */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import type { LineSetup } from './datapath.ts';
import { Network, type Options } from './network.ts';
import { ethernet, type Layer3, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const LUKE = '192.168.1.11';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';
const LAN_LINE = 5; // of stub-policy.bpf.c
const NAT = 8;
const REDIRECT = 2;
const SENT = { xdp_ingress: 4, tc_ingress: 7 } as const;
const DROPPED = { xdp_ingress: 1, tc_ingress: 2 } as const;
type Program = keyof typeof SENT;

const SECOND = 1e9;
/** `limit COUNT/day burst BURST`: nothing is refilled while a test runs. */
const slowly = (burst: number): readonly [number, number] => [86_400 * SECOND, (burst - 1) * 86_400 * SECOND];
const line = (more: Partial<LineSetup>): LineSetup => ({ rule: LAN_LINE, tally: 50, meter: 50, ...more });

const test = suite('limits');
let open: Network[] = [];
test.after.each(() => {
  for (const network of open) network.close();
  open = [];
});

async function start(lines: readonly LineSetup[], options: Partial<Options> = {}) {
  const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', lines, ...options });
  open.push(network);
  await network.lab
    .at('gw')
    .ip(
      ...[HAN, LUKE, YODA].map(
        (address, i) => `neigh replace ${address} lladdr 02:00:00:00:00:a${i} nud permanent dev eth0`,
      ),
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
  const send = async (device: string, packet: Layer3, program: Program = 'xdp_ingress'): Promise<boolean> => {
    const { verdict } = await network.run(program, device, ethernet(packet, network.macs.get(device) ?? ''));
    assert.ok(verdict === SENT[program] || verdict === DROPPED[program], `verdict ${verdict}`);
    return verdict === SENT[program];
  };
  /** New connections to the outside from ports on; how many get through. */
  const connect = async (saddr: string, from: number, count: number, program: Program = 'xdp_ingress') => {
    let passed = 0;
    for (let i = 0; i < count; i++)
      if (await send('eth0', udp({ saddr, daddr: SERVER, sport: from + i, dport: 53 }), program)) passed++;
    return passed;
  };
  return { network, send, connect };
}

for (const program of ['xdp_ingress', 'tc_ingress'] as const) {
  test(`a rate lets its burst through, and denies the rest; live connections go on (${program})`, async () => {
    const { network, send, connect } = await start([line({ rate: slowly(5) })]);
    assert.is(await connect(HAN, 2000, 8, program), 5);
    assert.is(await connect(LUKE, 2000, 2, program), 0, 'the line has one bucket');
    assert.is(await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53 }), program), true);
    assert.equal(await network.drops(), { limited: 5 });
    const { connections, refused, limited } = await network.tally(50);
    assert.equal([connections, refused, limited], [5, 5, 5]);
    assert.is((await network.flows()).length, 10, 'what was refused left nothing behind');
  });
}

test('tokens come back with time', async () => {
  const { connect } = await start([line({ rate: [4 * SECOND, 4 * SECOND] })]); // 15/minute burst 2
  assert.is(await connect(HAN, 2000, 2), 2);
  const began = performance.now();
  let passed = 0;
  let tries = 0;
  while (performance.now() - began < 9000) passed += await connect(HAN, 3000 + tries++, 1);
  assert.ok(passed === 2 || passed === 3, `${passed} in nine seconds`);
  await pause(9000);
  assert.is(await connect(HAN, 2200, 2), 2, 'never more than the burst');
  assert.is(await connect(HAN, 2300, 3), 0);
});

test('per source each host has a bucket of its own', async () => {
  const { connect, network } = await start([line({ sourceRate: slowly(3) })]);
  assert.equal([await connect(HAN, 2000, 5), await connect(LUKE, 2000, 5), await connect(YODA, 2000, 2)], [3, 3, 2]);
  assert.equal(await network.drops(), { limited: 4 });
});

test('a flood of sources pushes nobody out, and gets nobody past the limit', async () => {
  const { connect, network } = await start([line({ sourceRate: slowly(2) })], { sourceSets: 1 });
  assert.is(await connect(HAN, 2000, 5), 2);
  let strangers = 0;
  for (let host = 30; host < 80; host++) strangers += await connect(`192.168.1.${host}`, 2000, 3);
  // Nine more have a place; the rest shares what one source has.
  assert.is(strangers, 9 * 2 + 2);
  assert.is(await connect(HAN, 3000, 5), 0, 'HAN still has used up its own');
  assert.is(await connect('192.168.1.30', 3000, 1), 0);
  assert.is((await network.drops()).limited, 3 + 50 * 3 - 20 + 5 + 1);
});

test('a source that has nothing to answer for gives its place to another', async () => {
  const { connect } = await start([line({ sourceRate: [2 * SECOND, 2 * SECOND] })], { sourceSets: 1 });
  for (let host = 30; host < 50; host++) await connect(`192.168.1.${host}`, 2000, 3);
  await pause(4500);
  assert.is(await connect(LUKE, 2000, 1), 1);
  assert.is(await connect(YODA, 2000, 1), 1);
});

test('live flows are counted, and given back when they end', async () => {
  const { connect, network } = await start([line({ flows: 3 })], { timeouts: { udp: 1 } });
  assert.is(await connect(HAN, 2000, 5), 3);
  assert.equal(await network.drops(), { limited: 2 });
  await until('they have ended', async () => (await network.flows()).length === 0, 15_000);
  assert.is(await connect(LUKE, 2000, 5), 3);
});

test('live flows per source, of the rule and of the masquerade', async () => {
  const lines = [line({ sourceFlows: 4 }), line({ rule: NAT, tally: 80, meter: 80, sourceFlows: 2, flows: 3 })];
  const { connect, network } = await start(lines, { timeouts: { udp: 1 } });
  assert.is(await connect(HAN, 2000, 5), 2, 'the masquerade allows two');
  assert.is(await connect(LUKE, 2000, 5), 1, 'and three in all');
  assert.is((await network.tally(80)).limited, 7);
  assert.is((await network.tally(50)).limited, 0);
  await until('they have ended', async () => (await network.flows()).length === 0, 15_000);
  assert.is(await connect(LUKE, 2000, 5), 2);
  assert.is(await connect(HAN, 2000, 5), 1);
});

test('what one limit refuses takes no token of another', async () => {
  const lines = [line({ rate: slowly(3), sourceRate: slowly(3) }), line({ rule: NAT, tally: 80, meter: 80, flows: 1 })];
  const { connect, network } = await start(lines, { timeouts: { udp: 1 } });
  assert.is(await connect(HAN, 2000, 10), 1);
  await until('it has ended', async () => (await network.flows()).length === 0, 15_000);
  assert.is(await connect(HAN, 3000, 10), 1);
  await until('it has ended', async () => (await network.flows()).length === 0, 15_000);
  assert.is(await connect(HAN, 4000, 10), 1);
  await until('it has ended', async () => (await network.flows()).length === 0, 15_000);
  assert.is(await connect(HAN, 5000, 10), 0, 'now the three tokens are gone');
});

test('a connection that has no port takes no token', async () => {
  const { connect, network } = await start([line({ rate: slowly(4), flows: 4 })], {
    policy: { pool_first: 5000, pool_last: 5001 },
  });
  assert.is(await connect(HAN, 2000, 2), 2);
  const frame = (sport: number, dport: number) =>
    ethernet(udp({ saddr: HAN, daddr: SERVER, sport, dport }), network.macs.get('eth0') ?? '');
  for (let i = 0; i < 6; i++) await network.run('tc_ingress', 'eth0', frame(2100 + i, 53));
  assert.is((await network.drops())['ports-exhausted'], 6);
  for (let i = 0; i < 3; i++) await network.run('xdp_ingress', 'eth0', frame(2200 + i, 54));
  assert.is((await network.drops()).limited, 1);
});

test('a redirect is limited by who connects', async () => {
  const { send } = await start([line({ rule: REDIRECT, tally: 20, meter: 20, sourceRate: slowly(2) })]);
  const from = (saddr: string, sport: number) => send('wan0', tcp({ saddr, daddr: WAN, sport, dport: 80, flags: 'S' }));
  const passed: boolean[] = [];
  for (const [saddr, sport] of [
    ['198.51.100.9', 1],
    ['198.51.100.9', 2],
    ['198.51.100.9', 3],
    ['198.51.100.10', 1],
  ] as const)
    passed.push(await from(saddr, 1000 + sport));
  assert.equal(passed, [true, true, false, true]);
});

test('a new policy takes no token of a live connection, and counts it for its new line', async () => {
  const lines = [line({ rate: slowly(2), flows: 9 })];
  const { connect, network, send } = await start(lines);
  assert.is(await connect(HAN, 2000, 2), 2);
  await network.change({ epoch: 2, policy: {}, lines: [line({ rate: slowly(2), flows: 9 })] });
  for (let i = 0; i < 3; i++)
    assert.ok(await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53 })), 'goes on');
  assert.is(await connect(HAN, 3000, 1), 0, 'the bucket is as empty as before');
  // Another line: two live flows stand against its limit of three, though nobody asked them.
  await network.change({ epoch: 3, policy: {}, lines: [line({ tally: 51, meter: 51, flows: 3 })] });
  for (const sport of [2000, 2001]) assert.ok(await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport, dport: 53 })));
  assert.is(await connect(HAN, 4000, 5), 1);
});

test('two CPUs at once do not get more than the burst', async () => {
  const { network } = await start([line({ rate: slowly(40) })]);
  const frames = Array.from({ length: 100 }, (_, i) =>
    ethernet(udp({ saddr: HAN, daddr: SERVER, sport: 2000 + i, dport: 53 }), network.macs.get('eth0') ?? ''),
  );
  await network.race('eth0', frames);
  assert.is((await network.tally(50)).connections, 40);
});

test.run();
