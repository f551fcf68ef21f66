/** ICMP through translation: queries, and errors about what was sent (RFC 5508), by test run. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { Network } from './network.ts';
import {
  ethernet,
  type IcmpOptions,
  icmp,
  type Layer3,
  other,
  parsePacket,
  quote,
  sum16,
  tcp,
  udp,
} from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const [TC_PASS, TC_DROP, TC_REDIRECT] = [-1, 2, 7];
const HAN = '192.168.1.10';
const LUKE = '192.168.1.11';
const YODA = '192.168.1.20';
const LAN = '192.168.1.1';
const SERVER = '192.0.2.80';
const ROUTER = '203.0.113.2';
const WAN = '203.0.113.1';

const test = suite('ICMP');
let network: Network;
let before: Record<string, number> = {};
let port = 3000;

const run = async (device: 'eth0' | 'wan0', packet: Layer3, program = 'tc_ingress', from = 0) => {
  const frame = ethernet(packet, network.macs.get(device) ?? '');
  const ran = await network.run(program, device, frame, from);
  return { verdict: ran.verdict | 0, out: parsePacket(ran.frame), bytes: [...ran.frame.subarray(14)] };
};
const drops = async (): Promise<Record<string, number>> => {
  const now = Object.entries(await network.drops()).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
  return Object.fromEntries(now.filter(([, n]) => n > 0));
};
/** A flow of han's to the server. @returns the packet as it left, as the server would quote it */
const send = async (packet: Layer3): Promise<Layer3> => {
  const { verdict, bytes } = await run('eth0', packet);
  assert.is(verdict, TC_REDIRECT);
  return { bytes: bytes.slice(0, ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)) };
};
const ask = (): Layer3 => udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53 });
const error = (sent: Layer3, fields: Partial<IcmpOptions> = {}, size = 28): Layer3 =>
  icmp({ saddr: ROUTER, daddr: WAN, type: 3, code: 3, payload: quote(sent, size), ...fields });
const isDropped = async (reason: string, packet: Layer3, device: 'eth0' | 'wan0' = 'wan0'): Promise<void> => {
  before = await network.drops();
  assert.is((await run(device, packet)).verdict, TC_DROP);
  assert.equal(await drops(), { [reason]: 1 });
};

test.before(async () => {
  network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', policy: { mapping: 2, filtering: 2 } });
  await network.lab
    .at('gw')
    .ip(
      ...[HAN, LUKE, YODA].map((host, i) => `neigh replace ${host} lladdr 02:00:00:00:00:a${i} nud permanent dev eth0`),
      `neigh replace ${ROUTER} lladdr 02:00:00:00:00:bb nud permanent dev wan0`,
    );
});
test.before.each(async () => {
  port += 1;
  before = await network.drops();
});
test.after(() => network?.close());

test('queries of several hosts with one identifier are told apart, echo and timestamp', async () => {
  for (const [asks, answers] of [
    [8, 0],
    [13, 14],
  ] as const) {
    const ids = new Map<string, number>();
    for (const saddr of [HAN, LUKE, YODA]) {
      const { out } = await run('eth0', icmp({ saddr, daddr: SERVER, type: asks, id: port }));
      assert.equal([out.saddr, out.type], [WAN, asks]);
      ids.set(saddr, out.id);
    }
    assert.is(new Set(ids.values()).size, 3, 'three identifiers outside');
    for (const [host, id] of ids) {
      const { out } = await run('wan0', icmp({ saddr: SERVER, daddr: WAN, type: answers, id }));
      assert.equal([out.daddr, out.id, out.type, out.sumsAreRight], [host, port, answers, true]);
    }
    port += 1;
  }
  await isDropped('stray', icmp({ saddr: SERVER, daddr: WAN, type: 0, id: 9 }));
  await isDropped('stray', icmp({ saddr: HAN, daddr: SERVER, type: 17, id: port }), 'eth0'); // address mask
});

test('errors of every type and code pass, with their parameters, and the rest does not', async () => {
  const sent = await send(ask());
  for (const [type, codes] of [
    [3, 16],
    [11, 2],
    [12, 3],
  ] as const)
    for (let code = 0; code < codes; code++) {
      const { verdict, out, bytes } = await run('wan0', error(sent, { type, code, id: 0x1234 }));
      assert.equal([verdict, out.type, out.code, out.id], [TC_REDIRECT, type, code, 0x1234]);
      assert.equal([bytes[26], bytes[27]], [0, 1], 'the second word is as it was');
      assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight);
      assert.equal([out.saddr, out.daddr, out.quoted?.saddr, out.quoted?.sport], [ROUTER, HAN, HAN, port]);
    }
  for (const type of [4, 5, 9, 10, 15, 18, 30, 255]) await isDropped('stray', error(sent, { type }));
  await isDropped('stray', icmp({ saddr: LAN, daddr: HAN, type: 5, payload: quote(ask()) }), 'eth0');
});

test('what a router says of the MTU passes as it is, be it absurd', async () => {
  const sent = await send(ask());
  for (const mtu of [0, 1, 67, 68, 1280, 1492, 65535]) {
    const packet = error(sent, { code: 4, id: 0 });
    const bytes = [...packet.bytes];
    bytes.splice(22, 2, 0, 0);
    bytes.splice(26, 2, mtu >> 8, mtu & 255);
    const check = ~sum16(bytes.slice(20)) & 0xffff;
    bytes.splice(22, 2, check >> 8, check & 255);
    const { verdict, out, bytes: left } = await run('wan0', { bytes });
    assert.equal([verdict, out.code, ((left[26] ?? 0) << 8) | (left[27] ?? 0)], [TC_REDIRECT, 4, mtu]);
    assert.ok(out.sumsAreRight);
  }
});

test('quotes of TCP with eight bytes only, of UDP, ICMP, UDP-Lite, DCCP, SCTP, GRE and ESP are translated', async () => {
  const ports = [port >> 8, port & 255, 0, 53];
  const fields = { saddr: HAN, daddr: SERVER };
  const packets: [string, Layer3, number][] = [
    ['TCP', tcp({ ...fields, sport: port, dport: 80, flags: 'S' }), 28],
    ['TCP whole', tcp({ ...fields, sport: port, dport: 81, flags: 'S' }), 40],
    ['ICMP', icmp({ ...fields, type: 8, id: port }), 28],
    ['UDP-Lite', other({ ...fields, protocol: 136, payload: [...ports, 0, 8, 0x12, 0x34, 1, 2, 3, 4] }), 28],
    ['DCCP', other({ ...fields, protocol: 33, payload: [...ports, 4, 0, 0x12, 0x34, 0, 0, 0, 0] }), 28],
    ['SCTP', other({ ...fields, protocol: 132, payload: [...ports, 9, 9, 9, 9, 0, 0, 0, 0] }), 28],
    ['GRE', other({ ...fields, protocol: 47, payload: [0, 0, 8, 0, 1, 2, 3, 4] }), 28],
    ['ESP', other({ ...fields, protocol: 50, payload: [1, 2, 3, 4, 0, 0, 0, 1] }), 28],
    ['unknown', other({ ...fields, protocol: 253, payload: [1, 2, 3, 4, 5, 6, 7, 8] }), 28],
  ];
  for (const [name, packet, size] of packets) {
    const sent = await send(packet);
    const { verdict, out, bytes } = await run('wan0', error(sent, { type: 11, code: 0 }, size));
    assert.equal([verdict, out.daddr, out.quoted?.saddr, out.quoted?.daddr], [TC_REDIRECT, HAN, HAN, SERVER], name);
    assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight, name);
    // but for the checksum of its IP header (DF, TTL 63 when it left) it is what han sent, also its L4 checksum
    const original = quote(packet, size);
    const got = bytes.slice(28, 28 + size);
    for (const at of [8, 10, 11]) got[at] = original[at] ?? 0;
    assert.equal(got, original, name);
  }
});

test('a quote may have IP options, extensions behind it (RFC 4884), and a transport checksum that is wrong', async () => {
  const plain = await send(ask());
  const asSent = parsePacket(Uint8Array.from([...new Array(14).fill(0), ...plain.bytes]));
  const options = udp({
    saddr: WAN,
    daddr: SERVER,
    sport: asSent.sport,
    dport: 53,
    options: [148, 4, 0, 0, 1, 1, 1, 1],
  });
  const first = await run('wan0', error(options, {}, 36));
  assert.equal([first.verdict, first.out.quoted?.saddr, first.out.daddr], [TC_REDIRECT, HAN, HAN]);
  assert.ok(first.out.sumsAreRight);

  const padded = [...plain.bytes, ...new Array(128 - plain.bytes.length).fill(0)];
  const extension = [0x20, 0, 0xdf, 0xff, 0, 8, 1, 1, 0, 1, 2, 3];
  const long = icmp({ saddr: ROUTER, daddr: WAN, type: 11, id: 32, payload: [...padded, ...extension] });
  const second = await run('wan0', long);
  assert.equal([second.verdict, second.out.quoted?.saddr, second.out.id], [TC_REDIRECT, HAN, 32]);
  assert.ok(second.out.sumsAreRight);
  assert.equal(second.bytes.slice(28 + 128), extension);

  const wrong = [...plain.bytes];
  wrong[27] = (wrong[27] ?? 0) ^ 1;
  assert.is((await run('wan0', error({ bytes: wrong }, {}, 32))).verdict, TC_REDIRECT);
});

test('a wrong checksum of the error, or of the IP header that it quotes, drops it', async () => {
  const sent = await send(ask());
  await isDropped('malformed', error(sent, { wrongSum: true }));
  const wrong = [...sent.bytes];
  wrong[8] = (wrong[8] ?? 0) ^ 1;
  await isDropped('malformed', error({ bytes: wrong }));
});

test('an error about an error, a quote that is too short, and one about a later piece are dropped', async () => {
  const sent = await send(ask());
  await isDropped('malformed', error(error(sent), {}, 56));
  await isDropped('malformed', error(sent, {}, 27));
  const piece = udp({ saddr: WAN, daddr: SERVER, sport: port, dport: 53, fragment: 0x10 });
  await isDropped('stray', error(piece)); // nobody knows its head
});

test('errors neither refresh a session nor end it', async () => {
  const sent = await send(tcp({ saddr: HAN, daddr: SERVER, sport: port, dport: 80, flags: 'S' }));
  const find = async () => (await network.flows()).filter((one) => [one.sport, one.dport].includes(port));
  const was = await find();
  for (const code of [0, 1, 2, 3, 9, 10, 13]) await run('wan0', error(sent, { code }, 40));
  const is = await find();
  assert.equal(is, was);
  const answer = tcp({ saddr: SERVER, daddr: WAN, sport: 80, dport: port, flags: 'SA', ack: 1001 });
  assert.is((await run('wan0', answer)).out.daddr, HAN);
});

test('errors from the inside, of the host and of a router before it, show an outside address only', async () => {
  const sent = await send(ask());
  const { sport } = parsePacket(Uint8Array.from([...new Array(14).fill(0), ...sent.bytes]));
  const answer = udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: sport });
  const { bytes } = await run('wan0', answer);
  for (const saddr of [HAN, YODA, '10.9.9.9']) {
    const { verdict, out } = await run(
      'eth0',
      icmp({ saddr, daddr: SERVER, type: 3, code: 3, payload: bytes.slice(0, 32) }),
    );
    assert.equal([verdict, out.saddr, out.daddr], [TC_REDIRECT, WAN, SERVER]);
    assert.equal([out.quoted?.saddr, out.quoted?.daddr, out.quoted?.dport], [SERVER, WAN, sport]);
    assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight);
  }
});

test('errors about a redirected connection are told to both ends in their own words', async () => {
  const client = { saddr: '198.51.100.9', sport: port };
  const { bytes } = await run('wan0', tcp({ ...client, daddr: WAN, dport: 80, flags: 'S' }));
  const out = await run(
    'eth0',
    icmp({ saddr: YODA, daddr: client.saddr, type: 3, code: 10, payload: bytes.slice(0, 40) }),
  );
  assert.equal([out.verdict, out.out.saddr, out.out.quoted?.daddr, out.out.quoted?.dport], [TC_REDIRECT, WAN, WAN, 80]);
  assert.ok(out.out.sumsAreRight && out.out.quoted?.sumsAreRight);
  const answer = tcp({ saddr: YODA, daddr: client.saddr, sport: 8080, dport: port, flags: 'SA', ack: 1001 });
  const left = await run('eth0', answer);
  const back = icmp({ saddr: ROUTER, daddr: WAN, type: 3, code: 1, payload: left.bytes.slice(0, 40) });
  const told = await run('wan0', back);
  assert.equal([told.out.daddr, told.out.quoted?.saddr, told.out.quoted?.sport], [YODA, YODA, 8080]);
  assert.ok(told.out.sumsAreRight && told.out.quoted?.sumsAreRight);
});

test('errors are hairpinned (REQ-7)', async () => {
  const han = parsePacket(Uint8Array.from([...new Array(14).fill(0), ...(await send(ask())).bytes])).sport;
  const open = await run('eth0', udp({ saddr: YODA, daddr: SERVER, sport: port, dport: 53 }));
  const yoda = open.out.sport;
  const there = await run('eth0', udp({ saddr: HAN, daddr: WAN, sport: port, dport: yoda }));
  assert.equal([there.out.saddr, there.out.sport, there.out.daddr], [WAN, han, YODA]);
  const complaint = icmp({ saddr: YODA, daddr: WAN, type: 3, code: 3, payload: there.bytes.slice(0, 32) });
  const { verdict, out } = await run('eth0', complaint);
  assert.equal([verdict, out.saddr, out.daddr], [TC_REDIRECT, WAN, HAN]);
  assert.equal([out.quoted?.saddr, out.quoted?.sport, out.quoted?.daddr, out.quoted?.dport], [HAN, port, WAN, yoda]);
  assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight);
});

test("errors about the gateway's own packets reach it, strays do not", async () => {
  const own = udp({ saddr: WAN, daddr: SERVER, sport: 40_000 + (port % 1000), dport: 53 });
  assert.is((await run('wan0', own, 'tc_egress')).verdict, TC_PASS);
  assert.is((await run('wan0', error(own))).verdict, TC_PASS);
  await isDropped('stray', error(udp({ saddr: WAN, daddr: SERVER, sport: 39_999, dport: 53 })));
  await isDropped('stray', error(udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53 }), { daddr: HAN }));
});

test('what notes its way does so in vain where it would show the inside; router alert passes', async () => {
  const fields = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
  const recorded = [7, 11, 8, 192, 168, 1, 10, 0, 0, 0, 0, 1];
  const stamped = [68, 12, 13, 1, 192, 168, 1, 10, 1, 2, 3, 4];
  const alert = [148, 4, 0, 0];
  for (const [options, expected] of [
    [recorded, new Array(12).fill(1)],
    [
      [...alert, ...stamped],
      [...alert, ...new Array(12).fill(1)],
    ],
    [[1, 1, 1, 1, ...stamped, ...recorded], new Array(28).fill(1)],
    [alert, alert],
    [
      [...alert, 0, 7, 11, 4],
      [...alert, 0, 7, 11, 4],
    ], // behind the end of the list
  ] as const) {
    const { verdict, out, bytes } = await run('eth0', udp({ ...fields, options }));
    assert.equal([verdict, out.saddr, out.sumsAreRight], [TC_REDIRECT, WAN, true]);
    assert.equal(bytes.slice(20, 20 + options.length), expected);
  }
  // Inwards they stay, but an error that quotes them does not carry them out.
  const { sport } = (await run('eth0', ask())).out;
  const { bytes } = await run('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: sport, options: recorded }));
  assert.equal(bytes.slice(20, 32), recorded);
  const complaint = icmp({ saddr: HAN, daddr: SERVER, type: 3, code: 3, payload: bytes.slice(0, 44) });
  const left = await run('eth0', complaint);
  assert.equal(left.bytes.slice(48, 60), new Array(12).fill(1));
  assert.ok(left.out.sumsAreRight && left.out.quoted?.sumsAreRight);
  // Nor what the stack forwards, with its own address noted (leave_forwarded).
  const forwarded = await run('wan0', udp({ ...fields, options: recorded }), 'tc_egress', 2);
  assert.equal([forwarded.verdict, forwarded.out.saddr], [TC_PASS, WAN]);
  assert.equal(forwarded.bytes.slice(20, 32), new Array(12).fill(1));
});

test('UDP-Lite and DCCP get ports of their own, and right checksums; GRE and ESP go to one host at a time', async () => {
  const sum = (from: string, to: string, protocol: number, bytes: readonly number[], covered: number): number => {
    const pseudo = [...from.split('.'), ...to.split('.')].map(Number);
    return sum16([...pseudo, 0, protocol, 0, bytes.length, ...bytes.slice(0, covered)]);
  };
  const make = (saddr: string, protocol: number): Layer3 => {
    const payload = [
      port >> 8,
      port & 255,
      0x13,
      0x88,
      ...(protocol === 136 ? [0, 8] : [4, 0]),
      0,
      0,
      0,
      0,
      0,
      9,
      7,
      7,
    ];
    const check = ~sum(saddr, SERVER, protocol, payload, protocol === 136 ? 8 : payload.length) & 0xffff;
    payload.splice(6, 2, check >> 8, check & 255);
    return other({ saddr, daddr: SERVER, protocol, payload });
  };
  for (const protocol of [136, 33])
    for (const program of ['xdp_ingress', 'tc_ingress']) {
      port += 1;
      const ports = new Set<number>();
      for (const saddr of [HAN, LUKE]) {
        const { out, bytes } = await run('eth0', make(saddr, protocol), program);
        assert.is(out.saddr, WAN);
        const l4 = bytes.slice(20, 34);
        assert.is(sum(WAN, SERVER, protocol, l4, protocol === 136 ? 8 : 14), 0xffff, `${protocol} ${program}`);
        ports.add(((l4[0] ?? 0) << 8) | (l4[1] ?? 0));
      }
      assert.is(ports.size, 2);
    }
  for (const protocol of [47, 50, 253]) {
    const peer = `192.0.2.${protocol}`;
    const packet = (saddr: string) => other({ saddr, daddr: peer, protocol, payload: [0, 0, 8, 0, 1, 2, 3, 4] });
    assert.is((await run('eth0', packet(HAN))).out.saddr, WAN);
    before = await network.drops();
    const second = await run('eth0', packet(LUKE));
    assert.equal([second.out.type, second.out.code, second.out.daddr], [3, 13, LUKE]);
    assert.equal(await drops(), { 'ports-exhausted': 1 });
    const back = await run('wan0', other({ saddr: peer, daddr: WAN, protocol, payload: [0, 0, 8, 0, 1, 2, 3, 4] }));
    assert.is(back.out.daddr, HAN, 'the first keeps its answers');
  }
});

test('a UDP checksum of 0 stays 0, a computed 0 goes out as 0xffff', async () => {
  const none = await run('eth0', udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, checksum: 'none' }));
  assert.is(none.out.checksum, 0);
  // A payload that makes the translated sum 0: what is left of the sum without it.
  const fields = { daddr: SERVER, sport: port, dport: 53 };
  const bare = udp({ ...fields, saddr: WAN, payload: [0, 0] });
  const rest = ~sum16([...bare.bytes.slice(12, 20), 0, 17, 0, 10, ...bare.bytes.slice(20, 26), 0, 0, 0, 0]) & 0xffff;
  for (const program of ['xdp_ingress', 'tc_ingress']) {
    const { out } = await run('eth0', udp({ ...fields, saddr: HAN, payload: [rest >> 8, rest & 255] }), program);
    assert.equal([out.saddr, out.sport, out.checksum, out.sumsAreRight], [WAN, port, 0xffff, true], program);
  }
});

test.run();
