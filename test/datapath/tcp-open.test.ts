/** How TCP connections open, stay and end where things do not go as planned (RFC 9293, 5382, 5961, 7413, 7857). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { Network } from './network.ts';
import { ethernet, type Layer3, parsePacket, type TcpOptions, tcp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const XDP_DROP = 1;
const XDP_REDIRECT = 4;
const TC_REDIRECT = 7;
const RST = 4;
const HAN = '192.168.1.10';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const OTHER = '192.0.2.81';
const WAN = '203.0.113.1';

type Segment = Pick<TcpOptions, 'flags' | 'seq' | 'ack' | 'payload' | 'tcpOptions'>;

/** enum masqc_dependence. */
const ADDRESS = 1;
const ENDPOINT_INDEPENDENT = 2;

for (const filtering of [ENDPOINT_INDEPENDENT, ADDRESS] as const) {
  const test = suite(
    `TCP, ${filtering === ENDPOINT_INDEPENDENT ? 'endpoint-independent' : 'address-dependent'} filtering`,
  );
  let network: Network;
  let port = 2000;
  let before: Record<string, number> = {};

  const run = async (device: string, packet: Layer3, program = 'xdp_ingress') => {
    const ran = await network.run(program, device, ethernet(packet, network.macs.get(device) ?? ''));
    return { verdict: ran.verdict | 0, out: parsePacket(ran.frame) };
  };
  const han = (segment: Segment, daddr = SERVER) =>
    run('eth0', tcp({ saddr: HAN, daddr, sport: port, dport: 80, ...segment }));
  const server = (segment: Segment, saddr = SERVER, sport = 80) =>
    run('wan0', tcp({ saddr, daddr: WAN, sport, dport: port, ...segment }));
  const passes = async (ran: Promise<{ verdict: number }>, what = '') =>
    assert.is((await ran).verdict, XDP_REDIRECT, what);
  const open = async (): Promise<void> => {
    await passes(han({ flags: 'S', seq: 100 }));
    await passes(server({ flags: 'SA', seq: 900, ack: 101 }));
    await passes(han({ flags: 'A', seq: 101, ack: 901 }));
  };
  const flow = async () => (await network.flows()).find((one) => !one.dying && one.saddr === HAN && one.sport === port);
  const isReset = async (): Promise<boolean> => ((await flow())?.tcp ?? 0) % 8 >= RST;
  const drops = async (): Promise<Record<string, number>> => {
    const entries = Object.entries(await network.drops()).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
    return Object.fromEntries(entries.filter(([, n]) => n > 0));
  };

  test.before(async () => {
    network = await Network.open({
      wan: 'ethernet',
      xdp: true,
      cables: 'wire',
      policy: { mapping: ENDPOINT_INDEPENDENT, filtering },
    });
    await network.lab
      .at('gw')
      .ip(
        ...[HAN, YODA].map((host) => `neigh replace ${host} lladdr 02:00:00:00:00:aa nud permanent dev eth0`),
        'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
      );
  });
  test.before.each(async () => {
    port += 1;
    before = await network.drops();
  });
  test.after(() => network?.close());

  test('both ends open at once: the SYNs cross (RFC 5382 REQ-2)', async () => {
    await passes(han({ flags: 'S', seq: 100 }));
    await passes(server({ flags: 'S', seq: 900 }), 'the SYN of the other end');
    await passes(han({ flags: 'SA', seq: 100, ack: 901 }));
    await passes(server({ flags: 'SA', seq: 900, ack: 101 }));
    await passes(han({ flags: 'A', seq: 101, ack: 901, payload: [1] }));
    await passes(server({ flags: 'A', seq: 901, ack: 102, payload: [1] }));
    assert.is(((await flow())?.tcp ?? 0) & 18, 18);
    assert.equal(await drops(), {});
  });
  test('the outer SYN comes first: to an open mapping it passes where the filter lets it, and the inner one meets it', async () => {
    await passes(han({ flags: 'S', seq: 50 }, OTHER)); // the mapping
    const first = await server({ flags: 'S', seq: 900 });
    if (filtering === ADDRESS) assert.is(first.verdict, XDP_DROP);
    else assert.equal([first.verdict, first.out.daddr, first.out.dport], [XDP_REDIRECT, HAN, port]);
    await passes(han({ flags: 'S', seq: 100 }));
    await passes(server({ flags: 'S', seq: 900 }), 'sent again');
    await passes(han({ flags: 'SA', seq: 100, ack: 901 }));
    await passes(server({ flags: 'SA', seq: 900, ack: 101 }));
    await passes(han({ flags: 'A', seq: 101, ack: 901 }));
  });
  test('two inside hosts open to each other at once, by their outside addresses', async () => {
    const [one, two] = [port + 2000, port + 4000];
    await passes(run('eth0', tcp({ saddr: HAN, daddr: SERVER, sport: one, dport: 80, flags: 'S' })));
    await passes(run('eth0', tcp({ saddr: YODA, daddr: SERVER, sport: two, dport: 80, flags: 'S' })));
    const forth = (segment: Segment) =>
      run('eth0', tcp({ saddr: HAN, daddr: WAN, sport: one, dport: two, ...segment }), 'tc_ingress');
    const back = (segment: Segment) =>
      run('eth0', tcp({ saddr: YODA, daddr: WAN, sport: two, dport: one, ...segment }), 'tc_ingress');
    const first = await forth({ flags: 'S', seq: 100 });
    if (filtering === ENDPOINT_INDEPENDENT)
      assert.equal([first.verdict, first.out.saddr, first.out.daddr], [TC_REDIRECT, WAN, YODA]);
    const second = await back({ flags: 'S', seq: 900 });
    assert.equal([second.verdict, second.out.saddr, second.out.daddr], [TC_REDIRECT, WAN, HAN]);
    const again = await forth({ flags: 'S', seq: 100 });
    assert.equal([again.verdict, again.out.saddr, again.out.daddr], [TC_REDIRECT, WAN, YODA], 'sent again');
    assert.is((await forth({ flags: 'SA', seq: 100, ack: 901 })).verdict, TC_REDIRECT);
    assert.is((await back({ flags: 'SA', seq: 900, ack: 101 })).verdict, TC_REDIRECT);
    assert.is((await forth({ flags: 'A', seq: 101, ack: 901 })).verdict, TC_REDIRECT);
  });

  test('a SYN with data (RFC 7413), and an answer that takes none of it or all', async () => {
    for (const ack of [101, 104]) {
      port += 1;
      await passes(han({ flags: 'S', seq: 100, payload: [1, 2, 3], tcpOptions: [34, 2, 1, 1] }));
      await passes(server({ flags: 'SA', seq: 900, ack, payload: [9] }));
      await passes(han({ flags: 'A', seq: ack, ack: 902 }));
      await server({ flags: 'R', seq: 902 });
      assert.is(await isReset(), true, String(ack));
    }
  });
  test('SYNs that are sent again, and the answer that was lost, leave one connection', async () => {
    for (let n = 0; n < 3; n++) assert.is((await han({ flags: 'S', seq: 100 })).out.sport, port);
    await passes(server({ flags: 'SA', seq: 900, ack: 101 }));
    await passes(han({ flags: 'S', seq: 100 }), 'the answer was lost behind the gateway');
    await passes(server({ flags: 'SA', seq: 900, ack: 101 }));
    await passes(han({ flags: 'A', seq: 101, ack: 901 }));
    assert.is((await network.flows()).filter((one) => one.saddr === HAN && one.sport === port).length, 1);
    assert.is(await isReset(), false);
  });
  test('a keepalive, one below what was acknowledged, counts as the connection’s', async () => {
    await open();
    const packets = (await flow())?.packets ?? 0;
    await passes(han({ flags: 'A', seq: 100, ack: 901 }));
    await passes(server({ flags: 'A', seq: 901, ack: 101 }));
    assert.is((await flow())?.packets, packets + 1);
  });
  test('a SYN within a connection passes, and so does its challenge (RFC 5961): nothing changes', async () => {
    await open();
    const state = (await flow())?.tcp;
    await passes(server({ flags: 'S', seq: 5_000_000 }));
    await passes(han({ flags: 'A', seq: 101, ack: 901 }), 'the challenge');
    await passes(han({ flags: 'S', seq: 77_000_000 }));
    await passes(server({ flags: 'A', seq: 901, ack: 101 }), 'the challenge');
    assert.is((await flow())?.tcp, state);
    await server({ flags: 'R', seq: 901 });
    assert.is(await isReset(), true, 'the window is where it was');
  });
  test('a RST by who knows the tuple but no number counts for nothing', async () => {
    await open();
    for (let n = 0; n < 64; n++) await passes(server({ flags: 'R', seq: (0x1000_0000 + n * 0x0400_0000) >>> 0 }));
    assert.is(await isReset(), false);
  });
  test('a RST within the scaled window but beyond 64 KB counts (RFC 7323)', async () => {
    const scale = [3, 3, 7, 1]; // × 128
    await passes(han({ flags: 'S', seq: 100, tcpOptions: scale }));
    await passes(server({ flags: 'SA', seq: 900, ack: 101, tcpOptions: scale }));
    await passes(han({ flags: 'A', seq: 101, ack: 901 }));
    // in flight: all that han's window of 8 MB lets the server send, of which the first segment was lost before the gateway
    for (let sent = 1400; sent < 400_000; sent += 60_000)
      await passes(server({ flags: 'A', seq: 901 + sent, ack: 101, payload: new Array(1400).fill(1) }));
    await passes(server({ flags: 'R', seq: 901 + 400_000 }));
    assert.is(await isReset(), true);
  });
  test('RST and FIN that come late, after both have closed, pass and change nothing', async () => {
    await open();
    await passes(han({ flags: 'FA', seq: 101, ack: 901 }));
    await passes(server({ flags: 'FA', seq: 901, ack: 102 }));
    await passes(han({ flags: 'A', seq: 102, ack: 902 }));
    await passes(server({ flags: 'FA', seq: 901, ack: 102 }), 'sent again');
    await passes(han({ flags: 'A', seq: 102, ack: 902 }), 'of TIME-WAIT');
    await passes(han({ flags: 'RA', seq: 102, ack: 902 }));
    assert.equal(await drops(), {});
    await passes(han({ flags: 'S', seq: 9_000 }), 'the tuple is used again');
    assert.is((await flow())?.tcp, 2);
  });
  test('old timestamps (PAWS) are the ends’ to judge', async () => {
    await open();
    const stamp = (now: number) => [
      1,
      1,
      8,
      10,
      now >>> 24,
      (now >> 16) & 255,
      (now >> 8) & 255,
      now & 255,
      0,
      0,
      0,
      0,
    ];
    await passes(server({ flags: 'A', seq: 901, ack: 101, payload: [1], tcpOptions: stamp(50_000) }));
    await passes(server({ flags: 'A', seq: 902, ack: 101, payload: [1], tcpOptions: stamp(7) }));
    await passes(server({ flags: 'R', seq: 903, tcpOptions: stamp(7) }));
    assert.is(await isReset(), true);
  });

  test.run();
}
