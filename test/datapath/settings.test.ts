/** What a masquerade does by choice: ports that are drawn (RFC 6056), and what keeps a mapping alive (RFC 4787 REQ-6). */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { Network, type Options } from './network.ts';
import { ethernet, type Parsed, parsePacket, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const OTHER = '192.0.2.81';
const WAN = '203.0.113.1';
const RANDOM = 1;
const OUTBOUND = 2;
const XDP_REDIRECT = 4;
const MACS = { [HAN]: '02:00:00:00:00:aa', [YODA]: '02:00:00:00:00:ad' };

class Bench {
  readonly network: Network;
  constructor(network: Network) {
    this.network = network;
  }

  static async open(
    habits: number,
    policy: Options['policy'] = {},
    timeouts: Options['timeouts'] = {},
  ): Promise<Bench> {
    const network = await Network.open({
      ...{ wan: 'ethernet', xdp: true, cables: 'wire', timeouts },
      policy: { mapping: 2, filtering: 1, habits, ...policy },
    });
    await network.lab
      .at('gw')
      .ip(
        ...Object.entries(MACS).map(
          ([address, mac]) => `neigh replace ${address} lladdr ${mac} nud permanent dev eth0`,
        ),
        'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
      );
    return new Bench(network);
  }

  /** null: it was not sent on. */
  async send(device: 'eth0' | 'wan0', packet: Parameters<typeof ethernet>[0]): Promise<Parsed | null> {
    const { verdict, frame } = await this.network.run(
      'xdp_ingress',
      device,
      ethernet(packet, this.network.macs.get(device) ?? ''),
    );
    return verdict === XDP_REDIRECT ? parsePacket(frame) : null;
  }

  /** The outside port of a datagram. */
  async out(saddr: string, sport: number, daddr = SERVER, dport = 53): Promise<number> {
    const packet = await this.send('eth0', udp({ saddr, daddr, sport, dport }));
    if (packet === null) throw new Error(`${saddr}:${sport} does not leave`);
    assert.ok(packet.sumsAreRight);
    return packet.sport;
  }

  /** Whether a datagram to an outside port comes to Han's socket. */
  async enters(to: number, port: number, sport: number, saddr = SERVER): Promise<boolean> {
    const packet = await this.send('wan0', udp({ saddr, daddr: WAN, sport, dport: to }));
    if (packet !== null) assert.equal([packet.daddr, packet.dport], [HAN, port]);
    return packet !== null;
  }
}

const POOL = { pool_first: 20_000, pool_last: 29_999 };

for (const [mapping, name] of [
  [2, 'endpoint-independent'],
  [0, 'address-and-port-dependent'],
] as const) {
  const test = suite(`drawn ports, ${name}`);
  let bench: Bench;
  test.before(async () => {
    bench = await Bench.open(RANDOM, { ...POOL, mapping });
  });
  test.after(() => bench?.network.close());

  test('keep neither the port nor its parity, and are all of the pool', async () => {
    const ports: number[] = [];
    for (let i = 0; i < 64; i++) ports.push(await bench.out(HAN, 20_000 + 2 * i));
    assert.is(new Set(ports).size, 64);
    assert.ok(ports.every((port) => port >= 20_000 && port <= 29_999));
    assert.ok(ports.filter((port, i) => port === 20_000 + 2 * i).length < 3, 'the source ports are kept');
    const odd = ports.filter((port) => port % 2).length;
    assert.ok(odd > 10 && odd < 54, `${odd} of 64 are odd`);
    const halves = ports.filter((port) => port >= 25_000).length;
    assert.ok(halves > 10 && halves < 54, `${halves} of 64 are in the upper half`);
  });

  test('of TCP, too', async () => {
    const kept = [];
    for (let sport = 21_000; sport < 21_008; sport++) {
      const syn = await bench.send('eth0', tcp({ saddr: HAN, daddr: SERVER, sport, dport: 80, flags: 'S' }));
      if (syn?.sport === sport) kept.push(sport);
    }
    assert.ok(kept.length < 2, `${kept} are kept`);
  });

  test('answers find their way back', async () => {
    assert.ok(await bench.enters(await bench.out(HAN, 22_000), 22_000, 53));
  });
  test.run();
}

const random = suite('drawn ports');
random('an inside socket has one, towards everybody, and gets it back while it rests', async () => {
  const bench = await Bench.open(RANDOM, POOL, { udp: 0.5 });
  try {
    const port = await bench.out(HAN, 20_500);
    assert.equal([await bench.out(HAN, 20_500, SERVER, 54), await bench.out(HAN, 20_500, OTHER)], [port, port]);
    const yoda = await bench.out(YODA, 20_500);
    assert.is.not(yoda, port);
    while ((await bench.network.flows()).length > 0) await pause(100);
    assert.equal([await bench.out(HAN, 20_500), await bench.out(YODA, 20_500)], [port, yoda]);
  } finally {
    bench.network.close();
  }
});
random('a socket whose first packets are on two processors has one port', async () => {
  const bench = await Bench.open(RANDOM, POOL);
  const { network } = bench;
  try {
    const sports = Array.from({ length: 100 }, (_, i) => 23_000 + i);
    const frames = sports.map((sport) =>
      ethernet(udp({ saddr: HAN, daddr: SERVER, sport, dport: 53 }), network.macs.get('eth0') ?? ''),
    );
    await network.race('eth0', frames);
    const flows = (await network.flows()).filter(({ saddr }) => saddr === HAN);
    assert.is(flows.length, 100);
    for (const { sport, to } of flows) assert.is(await bench.out(HAN, sport, OTHER), to.sport, `of ${sport}`);
  } finally {
    network.close();
  }
});
random('the whole pool can be drawn, and not one more', async () => {
  const bench = await Bench.open(RANDOM, { pool_first: 2000, pool_last: 2003 });
  try {
    const ports = new Set<number>();
    for (const [host, sport] of [
      [HAN, 1],
      [HAN, 2],
      [YODA, 3],
      [YODA, 4],
    ] as const)
      ports.add(await bench.out(host, 40_000 + sport));
    assert.is(ports.size, 4);
    assert.is(await bench.send('eth0', udp({ saddr: YODA, daddr: SERVER, sport: 40_009, dport: 53 })), null);
  } finally {
    bench.network.close();
  }
});
random('a file that begins to draw leaves a live mapping what it has, and so does one that ends to', async () => {
  const bench = await Bench.open(0, POOL);
  const { network } = bench;
  try {
    assert.is(await bench.out(HAN, 20_600), 20_600);
    const policy = { mapping: 2, filtering: 1, ...POOL };
    await network.change({ policy: { ...policy, habits: RANDOM }, epoch: 2 });
    assert.is(await bench.out(HAN, 20_600, OTHER), 20_600, 'one that was kept');
    const drawn = await bench.out(HAN, 20_700);
    await network.change({ policy: { ...policy, habits: 0 }, epoch: 3 });
    assert.is(await bench.out(HAN, 20_700, OTHER), drawn, 'one that was drawn');
  } finally {
    network.close();
  }
});
random.run();

const SECONDS = 1.5;
for (const [habits, name] of [
  [OUTBOUND, '`refresh outbound`'],
  [0, '`refresh both`'],
] as const) {
  const test = suite(name);
  let bench: Bench;
  test.before(async () => {
    bench = await Bench.open(habits, { filtering: 2 }, { udp: SECONDS });
  });
  test.after(() => bench?.network.close());

  /** Sends from outside, each 100 ms, until nothing enters any more; how long that took, in seconds. */
  async function besiege(enter: (i: number) => Promise<boolean>, most: number): Promise<number> {
    const start = performance.now();
    const spent = () => (performance.now() - start) / 1000;
    for (let i = 0; spent() < most; i++) {
      if (!(await enter(i))) return spent();
      await pause(100);
    }
    return most;
  }
  const LATE = SECONDS + 4; // the sweep's pass, and the end in two phases

  test('packets of a flow from outside prolong it, or do not', async () => {
    const port = await bench.out(HAN, 5000);
    const lived = await besiege(() => bench.enters(port, 5000, 53), LATE);
    if (habits) assert.ok(lived >= SECONDS - 0.2 && lived < LATE, `it lived for ${lived} s`);
    else assert.is(lived, LATE);
  });

  test('nor do ever new peers prolong a mapping', async () => {
    const port = await bench.out(HAN, 5001);
    const lived = await besiege((i) => bench.enters(port, 5001, 6000 + i, `192.0.2.${100 + (i % 50)}`), LATE);
    if (habits) assert.ok(lived >= SECONDS - 0.2 && lived < LATE, `it lived for ${lived} s`);
    else assert.is(lived, LATE);
  });

  test('what the inside sends prolongs a mapping, for new peers, too', async () => {
    const port = await bench.out(HAN, 5002);
    for (let i = 0; i < 8; i++) {
      await pause(500);
      assert.is(await bench.out(HAN, 5002), port);
      assert.ok(await bench.enters(port, 5002, 7000 + i, OTHER), `a new peer after ${i}`);
    }
  });

  test('an inside host that answers a peer keeps that flow and the mapping', async () => {
    const port = await bench.out(HAN, 5003);
    for (let i = 0; i < 9; i++) {
      assert.ok(await bench.enters(port, 5003, 8000, OTHER), `a packet of the peer after ${i}`);
      assert.is(await bench.out(HAN, 5003, OTHER, 8000), port);
      await pause(500);
    }
    assert.ok(await bench.enters(port, 5003, 9000, SERVER), 'another one');
  });
  test.run();
}
