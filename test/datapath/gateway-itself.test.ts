/** What is for the gateway, from the gateway, and never subject to rules. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { Network } from './network.ts';
import { ethernet, icmp, type Layer3, other, parsePacket, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const TC_PASS = -1;
const TC_DROP = 2;
const TC_REDIRECT = 7;
const HAN = '192.168.1.10';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';
const LAN = '192.168.1.1';
const FORWARDED = 2; // any ifindex

const test = suite('the gateway itself');
let network: Network;
let before: Record<string, number> = {};

const mac = (device: string): string => network.macs.get(device) ?? '';
const arrive = async (device: string, packet: Layer3, to = mac(device)) => {
  const { verdict, frame } = await network.run('tc_ingress', device, ethernet(packet, to));
  return { verdict: verdict | 0, out: parsePacket(frame) };
};
const leave = async (device: string, packet: Layer3, from = 0) => {
  const { verdict, frame } = await network.run('tc_egress', device, ethernet(packet, '02:00:00:00:00:bb'), from);
  return { verdict: verdict | 0, out: parsePacket(frame) };
};
const ifindexOf = async (device: string): Promise<number> =>
  Number(await network.lab.at('gw').ask('cat', `/sys/class/net/${device}/ifindex`));
const drops = async (): Promise<Record<string, number>> => {
  const now = await network.drops();
  const entries = Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
};

test.before(async () => {
  network = await Network.open({
    wan: 'ethernet',
    xdp: true,
    cables: 'wire',
    policy: { target: 0xc0a80101, target_port: 8000 }, // the redirect leads to the gateway
  });
  await network.lab
    .at('gw')
    .ip(
      `neigh replace ${HAN} lladdr 02:00:00:00:00:aa nud permanent dev eth0`,
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
});
test.before.each(async () => {
  before = await network.drops();
});
test.after(() => network?.close());

test('what the policy allows is handed to the stack as it came, and its answer goes out', async () => {
  const { verdict, out } = await arrive('eth0', udp({ saddr: HAN, daddr: LAN, sport: 3000, dport: 53 }));
  assert.equal([verdict, out.saddr, out.daddr, out.ttl], [TC_PASS, HAN, LAN, 64]);
  const answer = await leave('eth0', udp({ saddr: LAN, daddr: HAN, sport: 53, dport: 3000 }));
  assert.equal([answer.verdict, answer.out.saddr], [TC_PASS, LAN]);
  const flows = (await network.flows()).filter((flow) => [flow.sport, flow.dport].includes(3000));
  assert.equal(
    flows.map((flow) => flow.packets),
    [1, 1],
  );
});
test('what it denies is dropped', async () => {
  assert.is((await arrive('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 3001, dport: 53 }))).verdict, TC_DROP);
  assert.equal(await drops(), { denied: 1 });
});
test('what looks like an answer to the gateway is not forwarded', async () => {
  await leave('wan0', udp({ saddr: WAN, daddr: SERVER, sport: 40001, dport: 53 }));
  const { verdict } = await leave(
    'wan0',
    udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: 40001 }),
    await ifindexOf('eth0'),
  );
  assert.equal([verdict, await drops()], [TC_DROP, { untranslated: 1 }]);
});
test('answers to what the gateway asks come in, nothing else does', async () => {
  await leave('wan0', udp({ saddr: WAN, daddr: SERVER, sport: 40000, dport: 53 }));
  assert.is((await arrive('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: 40000 }))).verdict, TC_PASS);
  assert.is((await arrive('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 54, dport: 40000 }))).verdict, TC_DROP);
});
test('nobody else may send packets of a flow that the gateway has', async () => {
  await leave('wan0', udp({ saddr: WAN, daddr: SERVER, sport: 40010, dport: 53 }));
  const forged = udp({ saddr: WAN, daddr: SERVER, sport: 40010, dport: 53 });
  assert.is((await arrive('wan0', forged)).verdict, TC_DROP);
  assert.is((await network.run('xdp_ingress', 'wan0', ethernet(forged, mac('wan0')))).verdict, 2);
  assert.equal(await drops(), { forged: 1 });
});
test('the gateway does not show the address of an inner interface, or of a host, outside', async () => {
  assert.is((await leave('wan0', udp({ saddr: LAN, daddr: SERVER, sport: 40011, dport: 53 }))).verdict, TC_DROP);
  await arrive('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 7200, dport: 53 }));
  assert.is((await leave('wan0', udp({ saddr: HAN, daddr: SERVER, sport: 7200, dport: 53 }))).verdict, TC_DROP);
  assert.equal(await drops(), { untranslated: 2 });
});
test('what is for many is never forwarded, a default route or not', async () => {
  for (const daddr of ['255.255.255.255', '224.0.0.251', '239.1.2.3']) {
    const { verdict } = await network.run(
      'xdp_ingress',
      'eth0',
      ethernet(udp({ saddr: HAN, daddr, sport: 7300, dport: 9 }), mac('eth0')),
    );
    assert.is(verdict, 2, daddr);
  }
  assert.is((await arrive('eth0', udp({ saddr: HAN, daddr: '127.0.0.1', sport: 7300, dport: 9 }))).verdict, TC_DROP);
  assert.equal(await drops(), { malformed: 1 });
});
test('a header that is longer than its packet is malformed, on both hooks', async () => {
  const short = udp({ saddr: HAN, daddr: SERVER, sport: 7400, dport: 53, length: 27 });
  assert.is((await arrive('eth0', short)).verdict, TC_DROP);
  assert.is((await network.run('xdp_ingress', 'eth0', ethernet(short, mac('eth0')))).verdict, 1);
  assert.equal(await drops(), { malformed: 2 });
});
test('a known flow does not carry truncated packets', async () => {
  await arrive('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 7500, dport: 53 }));
  const short = udp({ saddr: HAN, daddr: SERVER, sport: 7500, dport: 53, length: 400 });
  assert.is((await network.run('xdp_ingress', 'eth0', ethernet(short, mac('eth0')))).verdict, 1);
  assert.equal(await drops(), { malformed: 1 });
});
test("the gateway's own deny lines hold for what it sends", async () => {
  assert.is((await leave('wan0', udp({ saddr: WAN, daddr: '192.0.2.66', sport: 40001, dport: 53 }))).verdict, TC_DROP);
  assert.equal(await drops(), { denied: 1 });
});
test('a masqueraded flow keeps away from a port that the gateway uses towards the same peer', async () => {
  await leave('wan0', udp({ saddr: WAN, daddr: SERVER, sport: 5000, dport: 53 }));
  const { out } = await arrive('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 5000, dport: 53 }));
  assert.is(out.saddr, WAN);
  assert.is.not(out.sport, 5000);
});
test('the gateway may not send from a port that a masqueraded flow has', async () => {
  const { out } = await arrive('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 5002, dport: 53 }));
  assert.is(out.sport, 5002);
  const refused = await leave('wan0', udp({ saddr: WAN, daddr: SERVER, sport: 5002, dport: 53 }));
  assert.equal([refused.verdict, refused.out.daddr, refused.out.type, refused.out.code], [TC_REDIRECT, WAN, 3, 13]);
  assert.equal(await drops(), { 'port-taken': 1 });
});
test('a redirect may lead to the gateway', async () => {
  const { verdict, out } = await arrive('wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 6000, dport: 80, flags: 'S' }));
  assert.equal([verdict, out.daddr, out.dport], [TC_PASS, LAN, 8000]);
  assert.ok(out.sumsAreRight);
  const answer = await leave(
    'wan0',
    tcp({ saddr: LAN, daddr: SERVER, sport: 8000, dport: 6000, flags: 'SA', ack: 1001 }),
  );
  assert.equal([answer.verdict, answer.out.saddr, answer.out.sport], [TC_PASS, WAN, 80]);
  assert.ok(answer.out.sumsAreRight);
});
test('an error about the gateway’s own packet reaches its stack', async () => {
  await leave('wan0', udp({ saddr: WAN, daddr: SERVER, sport: 40003, dport: 53 }));
  const sent = udp({ saddr: WAN, daddr: SERVER, sport: 40003, dport: 53 });
  const error = icmp({ saddr: SERVER, daddr: WAN, type: 3, code: 3, payload: sent.bytes });
  assert.is((await arrive('wan0', error)).verdict, TC_PASS);
});
test('DHCP is never subject to rules, in both roles', async () => {
  const broadcast = 'ff:ff:ff:ff:ff:ff';
  const cases: [string, Layer3, string][] = [
    ['wan0', udp({ saddr: '203.0.113.2', daddr: '255.255.255.255', sport: 67, dport: 68 }), broadcast],
    ['wan0', udp({ saddr: '203.0.113.2', daddr: '203.0.113.77', sport: 67, dport: 68 }), mac('wan0')],
    ['wan0', udp({ saddr: '203.0.113.2', daddr: WAN, sport: 67, dport: 68 }), mac('wan0')],
    ['wan0', udp({ saddr: '0.0.0.0', daddr: '255.255.255.255', sport: 68, dport: 67 }), broadcast],
    ['wan0', udp({ saddr: '203.0.113.2', daddr: WAN, sport: 68, dport: 67 }), mac('wan0')],
  ];
  for (const [device, packet, to] of cases) assert.is((await arrive(device, packet, to)).verdict, TC_PASS);
  const ask = udp({ saddr: '0.0.0.0', daddr: '255.255.255.255', sport: 68, dport: 67 });
  assert.is((await leave('wan0', ask)).verdict, TC_PASS);
  for (const [device, packet, to] of cases) {
    const { verdict } = await network.run('xdp_ingress', device, ethernet(packet, to));
    assert.is(verdict, 2);
  }
});
test('multicast membership passes, other multicast is the policy’s business', async () => {
  const igmp = other({ saddr: SERVER, daddr: '224.0.0.22', protocol: 2, ttl: 1 });
  assert.is((await arrive('wan0', igmp, '01:00:5e:00:00:16')).verdict, TC_PASS);
  const mdns = udp({ saddr: SERVER, daddr: '224.0.0.251', sport: 5353, dport: 5353 });
  assert.is((await arrive('wan0', mdns, '01:00:5e:00:00:fb')).verdict, TC_DROP);
  const inside = udp({ saddr: HAN, daddr: '224.0.0.251', sport: 5353, dport: 5353 });
  assert.is((await arrive('eth0', inside, '01:00:5e:00:00:fb')).verdict, TC_PASS);
});
test('the stack forwards nothing that has no flow, its own errors and pieces leave', async () => {
  const stray = icmp({
    saddr: HAN,
    daddr: SERVER,
    type: 3,
    payload: udp({ saddr: SERVER, daddr: HAN, sport: 1, dport: 2 }).bytes,
  });
  assert.is((await leave('wan0', stray, FORWARDED)).verdict, TC_DROP);
  assert.is(
    (await leave('wan0', tcp({ saddr: HAN, daddr: SERVER, sport: 7000, dport: 80, flags: 'R' }), FORWARDED)).verdict,
    TC_DROP,
  );
  assert.is(
    (await leave('wan0', udp({ saddr: HAN, daddr: SERVER, sport: 7000, dport: 80, fragment: 0x10 }), FORWARDED))
      .verdict,
    TC_DROP,
  );
  assert.equal(await drops(), { untranslated: 2, fragment: 1 });
  assert.is(
    (await leave('wan0', udp({ saddr: WAN, daddr: SERVER, sport: 7000, dport: 80, fragment: 0x10 }))).verdict,
    TC_PASS,
  );
});
test('pieces that the stack made follow their head with its address', async () => {
  await arrive('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 7100, dport: 53 }));
  const payload = [1, 2, 3, 4, 5, 6, 7, 8]; // all but the last piece hold a multiple of eight bytes
  const head = await leave(
    'wan0',
    udp({ saddr: HAN, daddr: SERVER, sport: 7100, dport: 53, payload, fragment: 0x2000 }),
    FORWARDED,
  );
  assert.equal([head.verdict, head.out.saddr], [TC_PASS, WAN]);
  const tail = await leave('wan0', udp({ saddr: HAN, daddr: SERVER, sport: 1, dport: 2, fragment: 0x10 }), FORWARDED);
  assert.equal([tail.verdict, tail.out.saddr, tail.out.sport], [TC_PASS, WAN, 1]);
  const foreign = await leave(
    'wan0',
    udp({ saddr: '192.168.1.11', daddr: SERVER, sport: 1, dport: 2, fragment: 0x10 }),
    FORWARDED,
  );
  assert.is(foreign.verdict, TC_DROP);
});
test('an answer of the gateway in pieces leaves with the redirect’s address', async () => {
  await arrive('wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 6100, dport: 80, flags: 'S' }));
  const answer = { saddr: LAN, daddr: SERVER, sport: 8000, dport: 6100 };
  const head = await leave('wan0', tcp({ ...answer, flags: 'SA', ack: 1001, payload: [1, 2, 3, 4], fragment: 0x2000 }));
  assert.equal([head.verdict, head.out.saddr, head.out.sport], [TC_PASS, WAN, 80]);
  const tail = await leave('wan0', tcp({ ...answer, flags: 'SA', fragment: 0x10 }));
  assert.equal([tail.verdict, tail.out.saddr, tail.out.sport], [TC_PASS, WAN, 8000]);
});
test('a flow may begin with a datagram in pieces of the gateway’s own', async () => {
  const head = { saddr: WAN, daddr: SERVER, sport: 40100, dport: 53, fragment: 0x2000 };
  await leave('wan0', udp({ ...head, payload: [1, 2, 3, 4, 5, 6, 7, 8] }));
  assert.is((await arrive('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: 40100 }))).verdict, TC_PASS);
});
test('protocols without ports are tracked by their addresses, one host at a time', async () => {
  const esp = (saddr: string, daddr: string) => other({ saddr, daddr, protocol: 50 });
  const first = await arrive('eth0', esp(HAN, SERVER));
  assert.equal([first.verdict, first.out.saddr], [TC_REDIRECT, WAN]);
  const back = await arrive('wan0', esp(SERVER, WAN));
  assert.equal([back.verdict, back.out.daddr], [TC_REDIRECT, HAN]);
  const { verdict, out } = await arrive('eth0', esp('192.168.1.11', SERVER));
  assert.equal([verdict, out.type, out.code], [TC_REDIRECT, 3, 13]);
});
test('SCTP keeps its port or is refused: its checksum covers the ports', async () => {
  const sctp = (saddr: string) =>
    other({ saddr, daddr: SERVER, protocol: 132, payload: [0x20, 0, 0, 80, 0, 0, 0, 0, 9, 9, 9, 9] });
  const first = await arrive('eth0', sctp(HAN));
  assert.equal([first.verdict, first.out.saddr, first.out.sport], [TC_REDIRECT, WAN, 0x2000]);
  const second = await arrive('eth0', sctp('192.168.1.11'));
  assert.equal([second.verdict, second.out.type, second.out.code], [TC_REDIRECT, 3, 13]);
});
test('IPv6 that nobody asked for is dropped and counted, neighbour discovery is not', async () => {
  const ip6 = (next: number, payload: readonly number[]): Layer3 => ({
    bytes: [
      ...[0x60, 0, 0, 0, 0, payload.length, next, 64],
      ...[0xfe, 0x80, ...new Array(13).fill(0), 2, 0xff, 2, ...new Array(13).fill(0), 1],
      ...payload,
    ],
  });
  const run = async (packet: Layer3): Promise<number> => {
    const frame = ethernet(packet, mac('wan0'), 0x86dd);
    return (await network.run('tc_ingress', 'wan0', frame)).verdict | 0;
  };
  assert.is(await run(ip6(58, [135, 0, 0, 0, 0, 0, 0, 0])), TC_PASS);
  assert.is(await run(ip6(58, [134, 0, 0, 0, 0, 0, 0, 0])), TC_PASS);
  assert.is(await run(ip6(17, [2, 35, 2, 34, 0, 8, 0, 0])), TC_PASS); // DHCPv6 to the client
  assert.is(await run(ip6(17, [0, 1, 0, 53, 0, 8, 0, 0])), TC_DROP);
  assert.is(await run(ip6(58, [128, 0, 0, 0, 0, 0, 0, 0])), TC_DROP);
  assert.equal(await drops(), { ipv6: 2 });
});

test.run();
