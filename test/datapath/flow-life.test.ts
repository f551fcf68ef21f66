/** How flows begin, live and end: claims of ports, TCP's states, expiry, addresses that change. */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BpfMap } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import { Network, type Options } from './network.ts';
import { ethernet, type Layer3, parsePacket, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const XDP_PASS = 2;
const XDP_REDIRECT = 4;
const XDP_DROP = 1;
const TC_REDIRECT = 7;
const HAN = '192.168.1.10';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';

const test = suite('life of a flow');
let open: Network[] = [];

async function start(options: Partial<Options> = {}): Promise<Network> {
  const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', ...options });
  open.push(network);
  await network.lab
    .at('gw')
    .ip(
      `neigh replace ${HAN} lladdr 02:00:00:00:00:aa nud permanent dev eth0`,
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
const fromHan = (sport: number, dport = 53) => ({ saddr: HAN, daddr: SERVER, sport, dport });
const answerTo = (sport: number, dport: number) => ({ saddr: SERVER, daddr: WAN, sport, dport });

test('an idle flow ends by its timeout with no process alive', async () => {
  const network = await start({ timeouts: { udp: 1 } });
  await send(network, 'eth0', udp(fromHan(2000)));
  assert.is((await network.flows()).length, 2);
  const flows = BpfMap.openPinned(`${network.bpffs}/flows4`);
  const progress = BpfMap.openPinned(`${network.bpffs}/progress4`);
  await network.kill();
  await until('the flow has ended', async () => flows.nextKey(null) === null, 10_000);
  const free = () => (progress.codec().value.decode(progress.get(0) ?? new Uint8Array()) as { free: bigint }).free;
  await until('its slot is on the list', async () => BigInt.asUintN(32, BigInt(free())) === 1n);
});

test('packets of either direction keep it alive', async () => {
  const network = await start({ timeouts: { udp: 1.5 } });
  const { out } = await send(network, 'eth0', udp(fromHan(2000)));
  for (let i = 0; i < 8; i++) {
    await pause(500);
    assert.is((await send(network, 'wan0', udp(answerTo(53, out.sport)))).verdict, XDP_REDIRECT);
  }
});

test('TCP has a timeout for opening, for being open and for closing', async () => {
  const network = await start({ timeouts: { tcp: 60, tcpSyn: 1, tcpFin: 1 } });
  const openTcp = async (sport: number) => {
    const { out } = await send(network, 'eth0', tcp({ ...fromHan(sport, 80), flags: 'S', seq: 100 }));
    await send(network, 'wan0', tcp({ ...answerTo(80, out.sport), flags: 'SA', seq: 900, ack: 101 }));
    await send(network, 'eth0', tcp({ ...fromHan(sport, 80), flags: 'A', seq: 101, ack: 901 }));
    return out.sport;
  };
  await send(network, 'eth0', tcp({ ...fromHan(2001, 80), flags: 'S' }));
  await openTcp(2002);
  await openTcp(2003);
  const { out } = await send(network, 'eth0', tcp({ ...fromHan(2003, 80), flags: 'FA', seq: 101, ack: 901 }));
  await send(network, 'wan0', tcp({ ...answerTo(80, out.sport), flags: 'FA', seq: 901, ack: 102 }));
  const living = async (): Promise<number[]> =>
    (await network.flows())
      .filter((flow) => flow.saddr === HAN)
      .map((flow) => flow.sport)
      .sort();
  assert.equal(await living(), [2001, 2002, 2003]);
  await until('the others have ended', async () => (await living()).length === 1, 10_000);
  assert.equal(await living(), [2002]);
});

test('an established connection ends in its time also where that is shorter than the time for opening', async () => {
  const network = await start({ timeouts: { tcp: 1, tcpSyn: 60, tcpFin: 60 } });
  const { out } = await send(network, 'eth0', tcp({ ...fromHan(2004, 80), flags: 'S', seq: 100 }));
  await send(network, 'wan0', tcp({ ...answerTo(80, out.sport), flags: 'SA', seq: 900, ack: 101 }));
  await send(network, 'eth0', tcp({ ...fromHan(2004, 80), flags: 'A', seq: 101, ack: 901 }));
  await until('it has ended', async () => (await network.flows()).length === 0, 10_000);
});

test('a simultaneous open goes through', async () => {
  const network = await start();
  const { out } = await send(network, 'eth0', tcp({ ...fromHan(2000, 80), flags: 'S', seq: 100 }));
  const theirs = await send(network, 'wan0', tcp({ ...answerTo(80, out.sport), flags: 'S', seq: 900 }));
  assert.is(theirs.verdict, XDP_REDIRECT);
});

test('when the pool has no port left towards a server, the packet is answered, and other servers are reached', async () => {
  const network = await start({ policy: { pool_first: 5000, pool_last: 5001 } });
  const ports = new Set<number>();
  for (const sport of [2000, 2001]) ports.add((await send(network, 'eth0', udp(fromHan(sport)))).out.sport);
  assert.equal([...ports].sort(), [5000, 5001]);
  assert.is((await send(network, 'eth0', udp(fromHan(2002)))).verdict, XDP_PASS);
  const { verdict, out } = await send(network, 'eth0', udp(fromHan(2002)), 'tc_ingress');
  assert.equal([verdict, out.type, out.code, out.daddr], [TC_REDIRECT, 3, 13, HAN]);
  assert.equal(await network.drops(), { 'ports-exhausted': 1 });
  assert.is((await send(network, 'eth0', udp(fromHan(2002, 54)))).verdict, XDP_REDIRECT);
});

test('never takes a port on which the gateway listens', async () => {
  const network = await start({ policy: { pool_first: 5000, pool_last: 5001 } });
  const listener = network.lab.at('gw').start('nc', '-u', '-l', '5000');
  await until('the listener is there', async () => /:5000 /.test(await network.lab.at('gw').ask('ss', '-uln')));
  assert.is((await send(network, 'eth0', udp(fromHan(5000)))).out.sport, 5001);
  await listener.stop();
});

test('a full table refuses new flows and keeps the old ones', async () => {
  const network = await start({ flows: 2 });
  await send(network, 'eth0', udp(fromHan(2000)));
  await send(network, 'eth0', udp({ ...fromHan(2001), saddr: '192.168.1.20' }));
  assert.is((await send(network, 'eth0', udp(fromHan(2002)))).verdict, XDP_PASS);
  const { verdict, out } = await send(network, 'eth0', udp(fromHan(2002)), 'tc_ingress');
  assert.equal([verdict, out.type, out.code], [TC_REDIRECT, 3, 13]);
  assert.equal(await network.drops(), { 'table-full': 1 });
  assert.is((await send(network, 'eth0', udp(fromHan(2000)))).verdict, XDP_REDIRECT);
});

test('a flow whose outside address is gone ends, and the next packet takes the new address', async () => {
  const network = await start();
  await send(network, 'eth0', udp(fromHan(2000)));
  await network.lab
    .at('gw')
    .ip(
      'addr del 203.0.113.1/24 dev wan0',
      'addr add 203.0.113.99/24 dev wan0',
      'route replace default via 203.0.113.2',
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
  const seen = new Set<string>();
  await until('the new address is used', async () => {
    const { verdict, out } = await send(network, 'eth0', udp(fromHan(2000)));
    if (verdict === XDP_REDIRECT) seen.add(out.saddr);
    return out.saddr === '203.0.113.99';
  });
  assert.ok(seen.size <= 2);
});

test('two CPUs that make the same flow at once end with one', async () => {
  const network = await start();
  const tuples = Array.from({ length: 300 }, (_, i) => 2000 + i);
  const frames = tuples.map((sport) => ethernet(udp(fromHan(sport)), network.macs.get('eth0') ?? ''));
  const verdicts = await network.race('eth0', frames);
  assert.ok(verdicts.every((verdict) => verdict === XDP_REDIRECT || verdict === XDP_DROP));
  const flows = (await network.flows()).filter((flow) => flow.saddr === HAN && !flow.dying);
  assert.equal(
    flows.map((flow) => flow.sport).sort((a, b) => a - b),
    tuples,
  );
  assert.is(new Set(flows.map((flow) => flow.to.sport)).size, tuples.length);
  await until('what the losers left is gone', async () => (await network.flows()).length === 2 * tuples.length);
});

test('a flow finds a neighbour again that has silently moved', async () => {
  const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', probeEvery: 1 });
  open.push(network);
  const { lab } = network;
  await lab.at('gw').set({
    'net.ipv4.neigh.wan0.delay_first_probe_time': 1,
    'net.ipv4.neigh.wan0.base_reachable_time_ms': 1000,
    'net.ipv4.neigh.wan0.ucast_solicit': 1,
  });
  const ping = lab.at('han').start('ping', '-i0.2', SERVER);
  await ping.says(/icmp_seq=3 /);
  await lab.at('out').ip('link set wan0 address 02:00:00:00:00:cc');
  const lost = ping.output.split('\n').length;
  await until(
    'it answers again',
    () => [...ping.output.matchAll(/icmp_seq=(\d+)/g)].some(([, n]) => Number(n) > lost + 5),
    15_000,
  );
});

test.run();
