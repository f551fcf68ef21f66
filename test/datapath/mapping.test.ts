/** Endpoint-independent mappings and their filtering (RFC 4787, RFC 5382), by test run. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { Network } from './network.ts';
import { ethernet, type Layer3, type Parsed, parsePacket, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const LUKE = '192.168.1.11';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const OTHER = '192.0.2.81';
const STRANGER = '198.51.100.9';
const WAN = '203.0.113.1';
const MACS = { [HAN]: '02:00:00:00:00:aa', [LUKE]: '02:00:00:00:00:ac', [YODA]: '02:00:00:00:00:ad' };
const INDEPENDENT = 2;
const ADDRESS = 1;
const ADDRESS_AND_PORT = 0;

interface Bench {
  readonly network: Network;
  /** Sends a packet in; null: it was not sent on. */
  readonly send: (device: 'eth0' | 'wan0', packet: Layer3) => Promise<Parsed | null>;
  /** From an inside host to the outside, as it leaves. */
  readonly out: (saddr: string, sport: number, daddr: string, dport: number) => Promise<Parsed>;
}

async function open(program: 'xdp_ingress' | 'tc_ingress', options: Partial<Parameters<typeof Network.open>[0]>) {
  const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', ...options });
  await network.lab
    .at('gw')
    .ip(
      ...Object.entries(MACS).map(([address, mac]) => `neigh replace ${address} lladdr ${mac} nud permanent dev eth0`),
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
  const sent = program === 'xdp_ingress' ? 4 : 7;
  const send: Bench['send'] = async (device, packet) => {
    const { verdict, frame } = await network.run(program, device, ethernet(packet, network.macs.get(device) ?? ''));
    return verdict === sent ? parsePacket(frame) : null;
  };
  const out: Bench['out'] = async (saddr, sport, daddr, dport) => {
    const packet = await send('eth0', udp({ saddr, daddr, sport, dport }));
    if (packet === null) throw new Error(`${saddr}:${sport} to ${daddr}:${dport} does not leave`);
    assert.is(packet.saddr, WAN);
    assert.ok(packet.sumsAreRight, 'checksums');
    return packet;
  };
  return { network, send, out };
}

for (const program of ['xdp_ingress', 'tc_ingress'] as const) {
  const test = suite(`endpoint-independent mapping, ${program}`);
  let bench: Bench;
  test.before(async () => {
    bench = await open(program, { policy: { mapping: INDEPENDENT, filtering: ADDRESS } });
  });
  test.after(() => bench?.network.close());

  test('one inside socket keeps one outside port towards every destination', async () => {
    const first = await bench.out(HAN, 40000, SERVER, 53);
    const second = await bench.out(HAN, 40000, SERVER, 54);
    const third = await bench.out(HAN, 40000, OTHER, 53);
    assert.equal([second.sport, third.sport], [first.sport, first.sport]);
    assert.ok(first.sport >= 1024 && first.sport <= 32767);
  });

  test('keeps the source port when it is in the pool and free, even for a port of the same number at another host', async () => {
    assert.is((await bench.out(HAN, 5555, SERVER, 53)).sport, 5555);
    const second = await bench.out(LUKE, 5555, SERVER, 53);
    assert.is.not(second.sport, 5555);
    assert.is(second.sport % 2, 1, 'parity');
    assert.is((await bench.out(LUKE, 5555, OTHER, 99)).sport, second.sport, 'the moved one is kept, too');
  });

  test('two inside sockets never share an outside port, and parity is kept', async () => {
    const ports = new Set<number>();
    for (let sport = 50000; sport < 50100; sport++) {
      const { sport: outside } = await bench.out(
        sport % 3 === 0 ? HAN : LUKE,
        sport,
        sport % 2 === 0 ? SERVER : OTHER,
        53,
      );
      assert.is(outside % 2, sport % 2);
      ports.add(outside);
    }
    assert.is(ports.size, 100);
  });

  test('TCP and UDP have ports of their own', async () => {
    const one = await bench.out(HAN, 6000, SERVER, 53);
    const other = await bench.send('eth0', tcp({ saddr: HAN, daddr: SERVER, sport: 6000, dport: 80, flags: 'S' }));
    assert.equal([one.sport, other?.sport], [6000, 6000]);
  });

  test('answers find their way back', async () => {
    const { sport } = await bench.out(HAN, 40001, SERVER, 53);
    const back = await bench.send('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: sport }));
    assert.equal([back?.daddr, back?.dport, back?.saddr, back?.sport], [HAN, 40001, SERVER, 53]);
  });

  test('a contacted address enters from another port, a stranger does not', async () => {
    const { sport } = await bench.out(HAN, 40002, SERVER, 53);
    const again = await bench.send('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 7777, dport: sport }));
    assert.equal([again?.daddr, again?.dport], [HAN, 40002]);
    assert.is(await bench.send('wan0', udp({ saddr: STRANGER, daddr: WAN, sport: 53, dport: sport })), null);
    await bench.out(HAN, 40002, OTHER, 53);
    const second = await bench.send('wan0', udp({ saddr: OTHER, daddr: WAN, sport: 7777, dport: sport }));
    assert.equal([second?.daddr, second?.dport], [HAN, 40002], 'a second address that it talks to');
    const answer = await bench.send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 40002, dport: 7777 }));
    assert.equal([answer?.saddr, answer?.sport], [WAN, sport], 'it answers by the same port');
  });

  test('a TCP connection from a contacted address enters, a stray segment does not', async () => {
    const syn = await bench.send('eth0', tcp({ saddr: HAN, daddr: SERVER, sport: 40003, dport: 80, flags: 'S' }));
    const dport = syn?.sport ?? 0;
    const from = { saddr: SERVER, daddr: WAN, sport: 999, dport };
    assert.is(await bench.send('wan0', tcp({ ...from, flags: 'A' })), null);
    assert.is((await bench.send('wan0', tcp({ ...from, flags: 'S' })))?.daddr, HAN);
  });

  test('hairpin: two hosts of one network talk by their outside sockets and see those', async () => {
    const han = await bench.out(HAN, 40010, SERVER, 53);
    const yoda = await bench.out(YODA, 40020, SERVER, 53);
    const there = await bench.send('eth0', udp({ saddr: HAN, daddr: WAN, sport: 40010, dport: yoda.sport }));
    assert.equal([there?.saddr, there?.sport, there?.daddr, there?.dport], [WAN, han.sport, YODA, 40020]);
    assert.ok(there?.sumsAreRight);
    const back = await bench.send('eth0', udp({ saddr: YODA, daddr: WAN, sport: 40020, dport: han.sport }));
    assert.equal([back?.saddr, back?.sport, back?.daddr, back?.dport], [WAN, yoda.sport, HAN, 40010]);
  });

  test('a port that nobody has opened leads nowhere', async () => {
    assert.is(await bench.send('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: 31999 })), null);
    assert.is(await bench.send('eth0', udp({ saddr: HAN, daddr: WAN, sport: 40010, dport: 31999 })), null);
  });

  test.run();
}

for (const [filtering, strangerEnters, otherPortEnters] of [
  [INDEPENDENT, true, true],
  [ADDRESS_AND_PORT, false, false],
] as const) {
  const test = suite(`filtering ${filtering}`);
  test('lets in whom it should', async () => {
    const bench = await open('xdp_ingress', { policy: { mapping: INDEPENDENT, filtering } });
    try {
      const { sport } = await bench.out(HAN, 40002, SERVER, 53);
      const stranger = await bench.send('wan0', udp({ saddr: STRANGER, daddr: WAN, sport: 53, dport: sport }));
      const again = await bench.send('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 7777, dport: sport }));
      assert.equal([stranger !== null, again !== null], [strangerEnters, otherPortEnters]);
      // A line of the gateway's own comes first: 192.0.2.66 is denied as a destination by the policy.
      assert.is(await bench.send('eth0', udp({ saddr: HAN, daddr: '192.0.2.66', sport: 40002, dport: 1 })), null);
    } finally {
      bench.network.close();
    }
  });
  test.run();
}

const rest = suite('ports that rest');
rest('a port rests for others, comes back to its socket, and is taken when no other is left', async () => {
  const policy = { mapping: INDEPENDENT, filtering: ADDRESS, pool_first: 2000, pool_last: 2003 };
  const bench = await open('xdp_ingress', { policy, rest: 600, timeouts: { udp: 0.3 } });
  const { network } = bench;
  const empty = async () => {
    for (let waited = 0; (await network.flows()).length > 0; waited += 50) {
      if (waited > 8000) throw new Error('flows do not end');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  try {
    const first = await bench.out(HAN, 40000, SERVER, 53);
    await empty();
    const ports = new Set<number>();
    for (const sport of [40001, 40002, 40003]) ports.add((await bench.out(LUKE, sport, SERVER, 53)).sport);
    assert.not.ok(ports.has(first.sport), 'it rests');
    assert.is(ports.size, 3);
    assert.is((await bench.out(HAN, 40000, OTHER, 53)).sport, first.sport, 'its own socket gets it back');
    const refused = await bench.send('eth0', udp({ saddr: YODA, daddr: SERVER, sport: 40005, dport: 53 }));
    assert.is(refused, null, 'all four are in use');
    await empty();
    assert.ok((await bench.out(YODA, 40005, SERVER, 53)).sport >= 2000, 'a resting one rather than none');
  } finally {
    network.close();
  }
});
rest('an ended mapping is removed after its rest', async () => {
  const policy = { mapping: INDEPENDENT, filtering: ADDRESS, pool_first: 2000, pool_last: 2000 };
  const bench = await open('xdp_ingress', { policy, rest: 0.1, timeouts: { udp: 0.3 } });
  try {
    assert.is((await bench.out(HAN, 40000, SERVER, 53)).sport, 2000);
    for (let tries = 0; ; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      const other = await bench.send('eth0', udp({ saddr: LUKE, daddr: SERVER, sport: 40001, dport: 53 }));
      if (other !== null) break;
      if (tries > 60) throw new Error('the port does not become free');
    }
  } finally {
    bench.network.close();
  }
});
rest.run();
