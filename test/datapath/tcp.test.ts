/** TCP of a flow: which RST and FIN count, half closed connections, tuples that are used again (RFC 5382, 7857, 5961). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import { Network } from './network.ts';
import { ethernet, type Layer3, parsePacket, type TcpOptions, tcp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const XDP_DROP = 1;
const XDP_PASS = 2;
const XDP_REDIRECT = 4;
const TC_PASS = -1;
const TC_DROP = 2;
const FIN = 1;
const RST = 4;
const HAN = '192.168.1.10';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';
const LAN = '192.168.1.1';

const test = suite('tcp');
let network: Network;
let port = 2000;
let before: Record<string, number> = {};

const run = async (program: string, device: string, packet: Layer3) => {
  const { verdict, frame } = await network.run(program, device, ethernet(packet, network.macs.get(device) ?? ''));
  return { verdict: verdict | 0, out: parsePacket(frame) };
};
type Segment = Pick<TcpOptions, 'flags' | 'seq' | 'ack' | 'payload'>;
const han = (segment: Segment) =>
  run('xdp_ingress', 'eth0', tcp({ saddr: HAN, daddr: SERVER, sport: port, dport: 80, ...segment }));
const server = (segment: Segment) =>
  run('xdp_ingress', 'wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 80, dport: port, ...segment }));
/** han 100, the server 900. */
async function open(): Promise<void> {
  assert.is((await han({ flags: 'S', seq: 100 })).out.sport, port);
  await server({ flags: 'SA', seq: 900, ack: 101 });
  await han({ flags: 'A', seq: 101, ack: 901 });
}
/** Flags that the two directions have seen: han's, the server's. */
const seen = async (): Promise<[number, number]> => {
  const flows = (await network.flows()).filter((flow) => !flow.dying);
  const one = (saddr: string, key: 'sport' | 'dport') =>
    flows.find((flow) => flow.saddr === saddr && flow[key] === port)?.tcp ?? -1;
  return [one(HAN, 'sport'), one(SERVER, 'dport')];
};
const isReset = async (): Promise<boolean> => ((await seen())[0] & RST) !== 0;
const drops = async (): Promise<Record<string, number>> => {
  const entries = Object.entries(await network.drops()).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, n]) => n > 0));
};

test.before(async () => {
  network = await Network.open({
    wan: 'ethernet',
    xdp: true,
    cables: 'wire',
    timeouts: { tcp: 60, tcpSyn: 30, tcpFin: 2 },
  });
  await network.lab
    .at('gw')
    .ip(
      `neigh replace ${HAN} lladdr 02:00:00:00:00:aa nud permanent dev eth0`,
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
});
test.before.each(async () => {
  port += 1;
  before = await network.drops();
});
test.after(() => network?.close());

test('a RST outside the window passes but counts for nothing, one inside counts', async () => {
  await open();
  for (const seq of [900, 901 + 70_000, 900_000_000, 3_000_000_000]) {
    assert.is((await server({ flags: 'R', seq })).verdict, XDP_REDIRECT);
    assert.is(await isReset(), false, String(seq));
  }
  await server({ flags: 'R', seq: 901 });
  assert.is(await isReset(), true);
});
test('a forged segment far ahead does not bring a RST there into the window', async () => {
  await open();
  await server({ flags: 'A', seq: 901 + 1_500_000_000, ack: 101, payload: [1] });
  await server({ flags: 'R', seq: 901 + 1_500_000_001 });
  await server({ flags: 'R', seq: 901 + 20_000_000 });
  assert.is(await isReset(), false);
});
test('a RST of whom has much in flight counts', async () => {
  await open();
  for (let sent = 0; sent < 300_000; sent += 1400)
    await server({ flags: 'A', seq: 901 + sent, ack: 101, payload: new Array(1400).fill(0) });
  await server({ flags: 'RA', seq: 901 + 300_000, ack: 101 });
  assert.is(await isReset(), true);
});
test('what follows a RST takes it back: a challenge, data, a keepalive', async () => {
  await open();
  const after: (() => Promise<unknown>)[] = [
    () => han({ flags: 'A', seq: 101, ack: 901 }),
    () => server({ flags: 'PA', seq: 901, ack: 101, payload: [1] }),
    () => server({ flags: 'A', seq: 900, ack: 101 }),
  ];
  for (const one of after) {
    await server({ flags: 'R', seq: 901 });
    assert.is(await isReset(), true);
    await one();
    assert.is(await isReset(), false);
  }
  await server({ flags: 'R', seq: 901 });
  await server({ flags: 'A', seq: 800_000_000, ack: 101 });
  assert.is(await isReset(), true, 'but not what is outside the window');
});
test('an answer to the SYN refuses it, also where the SYN had data', async () => {
  await han({ flags: 'S', seq: 100, payload: [1, 2, 3] });
  for (const ack of [100, 105]) {
    await server({ flags: 'RA', seq: 0, ack });
    assert.is(await isReset(), false, String(ack));
  }
  await server({ flags: 'RA', seq: 0, ack: 101 });
  assert.is(await isReset(), true);
});
test('a FIN outside the window counts for nothing', async () => {
  await open();
  await server({ flags: 'FA', seq: 901 + 900_000_000, ack: 101 });
  assert.equal((await seen())[1] & FIN, 0);
  await server({ flags: 'FA', seq: 901, ack: 101 });
  assert.equal((await seen())[1] & FIN, FIN);
});
test('a half closed connection is not cut early, whichever end has closed; one that both closed is', async () => {
  const ports: number[] = [];
  const closes = [
    [() => han({ flags: 'FA', seq: 101, ack: 901 })],
    [() => server({ flags: 'FA', seq: 901, ack: 101 })],
    [() => server({ flags: 'FA', seq: 901, ack: 101 }), () => han({ flags: 'FA', seq: 101, ack: 902 })],
  ];
  for (const steps of closes) {
    port += 1;
    ports.push(port);
    await open();
    for (const step of steps) await step();
  }
  const living = async () =>
    (await network.flows()).filter((flow) => flow.saddr === HAN && !flow.dying).map((flow) => flow.sport);
  await until('the closed one has ended', async () => !(await living()).includes(ports[2] ?? 0), 12_000);
  const left = await living();
  assert.ok(left.includes(ports[0] ?? 0) && left.includes(ports[1] ?? 0));
});

const close = async () => {
  await open();
  await han({ flags: 'FA', seq: 101, ack: 901 });
  await server({ flags: 'FA', seq: 901, ack: 102 });
  await han({ flags: 'A', seq: 102, ack: 902 });
};
test('the starter may use the tuple of a closed connection again, and it is a new one', async () => {
  await close();
  assert.is((await han({ flags: 'S', seq: 7000 })).verdict, XDP_REDIRECT);
  assert.equal(await seen(), [2, 0]);
  await server({ flags: 'SA', seq: 5, ack: 7001 });
  await han({ flags: 'A', seq: 7001, ack: 6 });
  assert.equal(await seen(), [18, 18]);
});
test('the far end may not where the policy does not let it in, nor go on with a SYN-ACK', async () => {
  await close();
  assert.is((await server({ flags: 'S', seq: 5 })).verdict, XDP_DROP);
  assert.equal(await drops(), { denied: 1 });
  assert.is((await server({ flags: 'SA', seq: 5, ack: 1 })).verdict, XDP_DROP);
  assert.equal(await drops(), { denied: 1, stray: 1 });
});
test('a tuple that is used again is decided by the rules: it gets the translation that holds now', async () => {
  await close();
  await network.lab
    .at('gw')
    .ip(
      'addr del 203.0.113.1/24 dev wan0',
      'addr add 203.0.113.77/24 dev wan0',
      'route replace default via 203.0.113.2',
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
  const { verdict, out } = await han({ flags: 'S', seq: 7000 });
  assert.equal([verdict, out.saddr], [XDP_REDIRECT, '203.0.113.77']);
  assert.equal(await drops(), {});
});
test("the gateway's own listener takes a tuple again", async () => {
  const client = { saddr: HAN, daddr: LAN, sport: port, dport: 22 };
  const gateway = { saddr: LAN, daddr: HAN, sport: 22, dport: port };
  const arrive = (segment: Segment) => run('tc_ingress', 'eth0', tcp({ ...client, ...segment }));
  const leave = (segment: Segment) => run('tc_egress', 'eth0', tcp({ ...gateway, ...segment }));
  await arrive({ flags: 'S', seq: 100 });
  await leave({ flags: 'RA', seq: 0, ack: 101 });
  assert.is((await leave({ flags: 'SA', seq: 900, ack: 101 })).verdict, TC_DROP);
  assert.is((await arrive({ flags: 'S', seq: 300 })).verdict, TC_PASS);
  assert.is((await leave({ flags: 'SA', seq: 900, ack: 301 })).verdict, TC_PASS);
});

test('what has the tuple of the gateway starts no connection in its place', async () => {
  const moved = '192.168.1.77'; // the gateway had this address, and somebody else has it now
  const gateway = { saddr: moved, daddr: HAN, sport: port, dport: 22 };
  await run('tc_egress', 'eth0', tcp({ ...gateway, flags: 'S', seq: 100 }));
  const refusal = { saddr: HAN, daddr: moved, sport: 22, dport: port, flags: 'RA', seq: 0, ack: 101 };
  await run('tc_ingress', 'eth0', tcp(refusal));
  const forged = tcp({ ...gateway, flags: 'S', seq: 900 });
  assert.is((await run('xdp_ingress', 'eth0', forged)).verdict, XDP_PASS);
  assert.is((await run('tc_ingress', 'eth0', forged)).verdict, TC_DROP);
  assert.equal(await drops(), { forged: 1 });
});

test.run();
