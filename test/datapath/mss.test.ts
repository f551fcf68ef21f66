/** `mss` of an interface: what a SYN asks for is lowered, never raised, in both directions, whatever stands around it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { Network, type Options } from './network.ts';
import { ethernet, type Layer3, parsePacket, type TcpOptions, tcp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';
const HAN_MAC = '02:00:00:00:00:aa';
const BY_PATH = 0xffff;
const MTU = 1492;

const mss = (value: number): number[] => [2, 4, value >> 8, value & 255];
const NOP = 1;
const EOL = 0;
const LINUX = [...mss(1460), 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, NOP, 3, 3, 7];

/** What the options must become: RFC 9293 section 3.2, and every MSS option counts. */
function lower(options: readonly number[], limit: number): number[] {
  const after = [...options];
  for (let at = 0; at < after.length; ) {
    const kind = after[at];
    if (kind === EOL) break;
    if (kind === NOP) {
      at += 1;
      continue;
    }
    const length = after[at + 1] ?? 0;
    if (length < 2 || at + length > after.length) break;
    if (kind === 2 && length === 4 && ((after[at + 2] ?? 0) << 8) + (after[at + 3] ?? 0) > limit) {
      after[at + 2] = limit >> 8;
      after[at + 3] = limit & 255;
    }
    at += length;
  }
  return after;
}

interface Way {
  readonly name: string;
  readonly program: 'xdp_ingress' | 'tc_ingress';
  readonly options: Options;
}
const ways: readonly Way[] = [
  { name: 'xdp', program: 'xdp_ingress', options: { wan: 'ethernet', xdp: true, cables: 'wire' } },
  { name: 'tc', program: 'tc_ingress', options: { wan: 'ethernet', xdp: true, cables: 'wire' } },
];

for (const { name, program, options } of ways) {
  const test = suite(`mss on ${name}`);
  const limit = MTU - 40;
  let network: Network;
  let port = 2000;

  const run = async (device: string, packet: Layer3, hook: string = program) => {
    const mac = network.macs.get(device) ?? '';
    const { frame } = await network.run(hook, device, ethernet(packet, mac));
    const size = ((frame[14 + 20 + 12] ?? 0) >> 4) * 4;
    return { out: parsePacket(frame), options: [...frame.subarray(14 + 40, 14 + 20 + size)] };
  };
  type Segment = Pick<TcpOptions, 'tcpOptions' | 'payload' | 'flags'>;
  const out = (segment: Segment) =>
    run('eth0', tcp({ saddr: HAN, daddr: SERVER, sport: port, dport: 80, seq: 100, ...segment }));
  const back = (segment: Segment) =>
    run('wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 80, dport: port, seq: 900, ack: 101, ...segment }));

  test.before(async () => {
    network = await Network.open({ ...options, mtu: MTU, mss: { wan0: BY_PATH }, policy: { pool_last: 65000 } });
    const gateway = network.lab.at('gw');
    await gateway.ip(
      `neigh replace ${HAN} lladdr ${HAN_MAC} nud permanent dev eth0`,
      `neigh replace ${YODA} lladdr ${HAN_MAC} nud permanent dev eth0`,
      `neigh replace 203.0.113.2 lladdr ${HAN_MAC} nud permanent dev wan0`,
    );
  });
  test.before.each(() => {
    port += 1;
  });
  test.after(() => network?.close());

  test('a SYN and its answer ask for no more than the path takes, with right checksums', async () => {
    const there = await out({ flags: 'S', tcpOptions: LINUX });
    assert.equal(there.options, lower(LINUX, limit));
    assert.equal(there.options.slice(0, 4), mss(1452));
    assert.ok(there.out.sumsAreRight);
    assert.is(there.out.saddr, WAN);
    const answer = await back({ flags: 'SA', tcpOptions: LINUX });
    assert.equal(answer.options, lower(LINUX, limit));
    assert.is(answer.out.daddr, HAN);
    assert.ok(answer.out.sumsAreRight);
    assert.equal((await out({ flags: 'S', tcpOptions: LINUX })).options, lower(LINUX, limit), 'sent again');
  });
  test('less is never raised, and none is never put in', async () => {
    for (const tcpOptions of [mss(536), mss(1452), [NOP, NOP, 4, 2], []]) {
      port += 1;
      const there = await out({ flags: 'S', tcpOptions });
      assert.equal(there.options, tcpOptions);
      assert.ok(there.out.sumsAreRight);
    }
  });
  test('a redirected SYN from outside, and its answer', async () => {
    const there = await run(
      'wan0',
      tcp({ saddr: SERVER, daddr: WAN, sport: port, dport: 80, flags: 'S', tcpOptions: LINUX }),
    );
    assert.is(there.out.daddr, YODA);
    assert.equal(there.options, lower(LINUX, limit));
    assert.ok(there.out.sumsAreRight);
    const answer = await run(
      'eth0',
      tcp({ saddr: YODA, daddr: SERVER, sport: 8080, dport: port, flags: 'SA', ack: 1001, tcpOptions: LINUX }),
    );
    assert.is(answer.out.saddr, WAN);
    assert.equal(answer.options, lower(LINUX, limit));
    assert.ok(answer.out.sumsAreRight);
  });
  test('a connection that does not use the interface keeps what it asks for', async () => {
    const there = await run(
      'eth0',
      tcp({ saddr: HAN, daddr: YODA, sport: port, dport: 9999, flags: 'S', tcpOptions: LINUX }),
    );
    assert.equal(there.options, LINUX);
  });
  test('only in SYNs', async () => {
    await out({ flags: 'S', tcpOptions: LINUX });
    await back({ flags: 'SA', tcpOptions: LINUX });
    const later = await out({ flags: 'A', tcpOptions: LINUX, payload: [1, 2, 3] });
    assert.equal(later.options, LINUX);
    assert.ok(later.out.sumsAreRight);
  });
  test('wherever it stands: at odd places, twice, behind others, not behind the end', async () => {
    const lists = [
      [NOP, ...mss(9000), NOP, NOP, NOP],
      [NOP, NOP, NOP, ...mss(1453), NOP],
      [...mss(0xffff), ...mss(1500)],
      [3, 3, 7, ...mss(1460), NOP],
      [EOL, NOP, ...mss(1460), NOP, NOP],
      new Array(36).fill(NOP).concat(mss(1460)),
    ];
    for (const tcpOptions of lists) {
      port += 1;
      const there = await out({ flags: 'S', tcpOptions });
      assert.equal(there.options, lower(tcpOptions, limit), String(tcpOptions));
      assert.ok(there.out.sumsAreRight, String(tcpOptions));
    }
    assert.equal(lower(lists[4] ?? [], limit), lists[4]);
    assert.not.equal(lower(lists[5] ?? [], limit), lists[5]);
  });
  test('a hostile list changes nothing but MSS options, and ends', async () => {
    const lists = [
      [2, 0, 255, 255],
      [2, 1, 255, 255],
      [2, 3, 255, 255],
      [2, 255, 255, 255],
      [254, 0, ...mss(1460), 0, 0],
      [8, 40, ...mss(1460), 0, 0],
      [NOP, NOP, NOP, 2],
      [NOP, NOP, 2, 4],
      [NOP, 2, 4, 255],
      new Array(40).fill(2),
      new Array(40).fill(NOP),
      new Array(40).fill(255),
    ];
    for (const tcpOptions of lists) {
      port += 1;
      const there = await out({ flags: 'S', tcpOptions });
      assert.equal(there.options, lower(tcpOptions, limit), String(tcpOptions));
      assert.ok(there.out.sumsAreRight, String(tcpOptions));
    }
  });
  test('lists at random become what the model says', async () => {
    let seed = 7;
    const draw = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    let lowered = 0;
    for (let round = 0; round < 100; round += 1) {
      port += 1;
      const size = 4 * draw(11);
      const list: number[] = [];
      while (list.length < size) {
        const one = [() => [NOP], () => mss(1300 + draw(400)), () => [draw(256)], () => [3, 3, 7], () => [2, draw(6)]];
        list.push(...(one[draw(one.length)]?.() ?? []));
      }
      const tcpOptions = list.slice(0, size);
      const there = await out({ flags: 'S', tcpOptions });
      assert.equal(there.options, lower(tcpOptions, limit), String(tcpOptions));
      assert.ok(there.out.sumsAreRight, String(tcpOptions));
      if (String(lower(tcpOptions, limit)) !== String(tcpOptions)) lowered += 1;
    }
    assert.ok(lowered > 20, `${lowered} were lowered`);
  });
  if (program === 'tc_ingress') {
    test("the gateway's own SYN and the answer to it", async () => {
      const packet = tcp({ saddr: WAN, daddr: SERVER, sport: port, dport: 80, flags: 'S', tcpOptions: LINUX });
      const there = await run('wan0', packet, 'tc_egress');
      assert.equal(there.options, lower(LINUX, limit));
      assert.ok(there.out.sumsAreRight);
      const answer = await back({ flags: 'SA', tcpOptions: LINUX });
      assert.equal(answer.options, lower(LINUX, limit));
      assert.ok(answer.out.sumsAreRight);
    });
  }
  test.run();
}

const fixed = suite('mss of a number');
for (const [limit, settings] of [
  [1300, { wan0: 1300 }],
  [1200, { wan0: 1300, eth0: 1200 }],
  [1452, { wan0: 9000, eth0: BY_PATH }],
  [1460, { wan0: 9000 }],
] as const) {
  fixed(`${JSON.stringify(settings)} is ${limit} both ways`, async () => {
    const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', mtu: MTU, mss: settings });
    try {
      const neighbours = [`${HAN} lladdr ${HAN_MAC} dev eth0`, `203.0.113.2 lladdr ${HAN_MAC} dev wan0`];
      await network.lab.at('gw').ip(...neighbours.map((one) => `neigh replace ${one} nud permanent`));
      const run = async (device: string, packet: Layer3) => {
        const mac = network.macs.get(device) ?? '';
        const { frame } = await network.run('xdp_ingress', device, ethernet(packet, mac));
        return [...frame.subarray(54, 54 + LINUX.length)];
      };
      const there = { saddr: HAN, daddr: SERVER, sport: 4000, dport: 80, flags: 'S', tcpOptions: LINUX };
      const back = { saddr: SERVER, daddr: WAN, sport: 80, dport: 4000, flags: 'SA', ack: 1001, tcpOptions: LINUX };
      assert.equal(await run('eth0', tcp(there)), lower(LINUX, limit));
      assert.equal(await run('wan0', tcp(back)), lower(LINUX, limit));
    } finally {
      network.close();
    }
  });
}
fixed.run();
