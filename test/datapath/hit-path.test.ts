/** Test runs of the datapath with packets by composition: what it decides and what every byte becomes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { ETHERNET, XDP } from './datapath.ts';
import { Network } from './network.ts';
import { ethernet, icmp, type Layer3, other, type Parsed, parsePacket, quote, SENDER, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const XDP_DROP = 1;
const XDP_PASS = 2;
const XDP_REDIRECT = 4;
const TC_PASS = -1;
const TC_DROP = 2;
const TC_REDIRECT = 7;

const HAN = '192.168.1.10';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';
const HAN_MAC = '02:00:00:00:00:aa';
const ISP_MAC = '02:00:00:00:00:bb';

for (const mode of ['xdp', 'tc'] as const) {
  const test = suite(`hit path on ${mode}`);
  let network: Network;
  const program = mode === 'xdp' ? 'xdp_ingress' : 'tc_ingress';
  const sent = mode === 'xdp' ? XDP_REDIRECT : TC_REDIRECT;
  const dropped = mode === 'xdp' ? XDP_DROP : TC_DROP;
  let before: Record<string, number> = {};
  let port = 2000;

  const run = async (device: 'eth0' | 'wan0', packet: Layer3) => {
    const { verdict, frame } = await network.run(program, device, ethernet(packet, mac(device)));
    return { verdict: verdict | 0, out: parsePacket(frame), frame };
  };
  const mac = (device: string): string => network.macs.get(device) ?? '';
  /** What has been dropped since the test began. */
  const drops = async (): Promise<Record<string, number>> => {
    const now = await network.drops();
    const entries = Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
    return Object.fromEntries(entries.filter(([, count]) => count > 0));
  };
  const isDroppedAs = async (reason: string, device: 'eth0' | 'wan0', packet: Layer3): Promise<void> => {
    const { verdict } = await run(device, packet);
    assert.is(verdict, dropped, reason);
    assert.equal(await drops(), { [reason]: 1 });
  };
  /** A flow from han to the server; returns its outside port. */
  const openUdp = async (sport: number, options: { ttl?: number } = {}): Promise<Parsed> => {
    const { verdict, out } = await run('eth0', udp({ saddr: HAN, daddr: SERVER, sport, dport: 53, ...options }));
    assert.is(verdict, sent);
    return out;
  };

  test.before(async () => {
    network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire' });
    await network.lab
      .at('gw')
      .ip(
        `neigh replace ${HAN} lladdr ${HAN_MAC} nud permanent dev eth0`,
        `neigh replace 192.168.1.20 lladdr ${HAN_MAC} nud permanent dev eth0`,
        `neigh replace 203.0.113.2 lladdr ${ISP_MAC} nud permanent dev wan0`,
      );
  });
  test.before.each(async () => {
    before = await network.drops();
    port += 1;
  });
  test.after(() => network?.close());

  test('keeps the source port when it is free', async () => {
    const out = await openUdp(port);
    assert.is(out.saddr, WAN);
    assert.is(out.sport, port);
    assert.is(out.daddr, SERVER);
    assert.is(out.ttl, 63);
    assert.is(out.dmac, ISP_MAC);
    assert.ok(out.sumsAreRight);
  });

  test('gives the second host with the same source port another one, of the same parity', async () => {
    const first = await openUdp(port);
    const { out } = await run('eth0', udp({ saddr: '192.168.1.20', daddr: SERVER, sport: port, dport: 53 }));
    assert.is.not(out.sport, first.sport);
    assert.is(out.sport % 2, port % 2);
    assert.ok(out.sport >= 1024 && out.sport <= 32767);
  });

  test('brings the answer back, and counts both directions', async () => {
    const out = await openUdp(port);
    const { verdict, out: back } = await run('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: out.sport }));
    assert.is(verdict, sent);
    assert.is(back.daddr, HAN);
    assert.is(back.dport, port);
    assert.is(back.saddr, SERVER);
    assert.is(back.dmac, HAN_MAC);
    assert.ok(back.sumsAreRight);
    const flows = (await network.flows()).filter((flow) => [flow.sport, flow.dport].includes(port));
    assert.equal(
      flows.map(({ packets, bytes }) => [packets, bytes]),
      [
        [1, 32],
        [1, 32],
      ],
    );
  });

  test('keeps a UDP checksum of 0, and sends a computed 0 as 0xffff', async () => {
    await openUdp(port);
    const none = await run('eth0', udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, checksum: 'none' }));
    assert.is(none.out.checksum, 0);
    // With two payload bytes that are the sum of all the rest, the translated packet sums up to 0.
    const probe = await run('eth0', udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, payload: [0, 0] }));
    const sum = probe.out.checksum;
    const zero = udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, payload: [sum >> 8, sum & 255] });
    const { out } = await run('eth0', zero);
    assert.is(out.checksum, 0xffff);
  });

  test('translates TCP both ways with right checksums', async () => {
    const syn = await run('eth0', tcp({ saddr: HAN, daddr: SERVER, sport: port, dport: 80, flags: 'S' }));
    assert.is(syn.verdict, sent);
    assert.ok(syn.out.sumsAreRight && syn.out.saddr === WAN);
    const answer = tcp({ saddr: SERVER, daddr: WAN, sport: 80, dport: syn.out.sport, flags: 'SA', ack: 1001 });
    const back = await run('wan0', answer);
    assert.is(back.verdict, sent);
    assert.ok(back.out.sumsAreRight && back.out.daddr === HAN && back.out.flags === 'SA');
  });

  test('sends nothing by XDP to an interface that has ceased to take frames, from the next packet on', async () => {
    const syn = await run('eth0', tcp({ saddr: HAN, daddr: SERVER, sport: port, dport: 80, flags: 'S' }));
    const answer = tcp({ saddr: SERVER, daddr: WAN, sport: 80, dport: syn.out.sport, flags: 'SA', ack: 1001 });
    await network.setFlags('eth0', ETHERNET);
    const back = await run('wan0', answer);
    await network.setFlags('eth0', ETHERNET | XDP);
    assert.is(back.verdict, mode === 'xdp' ? XDP_PASS : TC_REDIRECT);
    if (mode === 'xdp') assert.equal(Buffer.from(back.frame), Buffer.from(ethernet(answer, mac('wan0'))), 'untouched');
    assert.is((await run('wan0', answer)).verdict, sent);
  });

  test('translates echo requests and replies by their identifier', async () => {
    const { verdict, out } = await run('eth0', icmp({ saddr: HAN, daddr: SERVER, type: 8, id: port }));
    assert.is(verdict, sent);
    assert.ok(out.sumsAreRight && out.saddr === WAN && out.id === port);
    const second = await run('eth0', icmp({ saddr: '192.168.1.20', daddr: SERVER, type: 8, id: port }));
    assert.is.not(second.out.id, port);
    const back = await run('wan0', icmp({ saddr: SERVER, daddr: WAN, type: 0, id: second.out.id }));
    assert.ok(back.out.sumsAreRight && back.out.daddr === '192.168.1.20' && back.out.id === port);
  });

  test('redirects to the inside, and the answer appears to come from the outside address', async () => {
    const from = '198.51.100.9';
    const { verdict, out } = await run('wan0', tcp({ saddr: from, daddr: WAN, sport: port, dport: 80, flags: 'S' }));
    assert.is(verdict, sent);
    assert.ok(out.sumsAreRight);
    assert.equal([out.saddr, out.sport, out.daddr, out.dport], [from, port, '192.168.1.20', 8080]);
    const answer = tcp({ saddr: '192.168.1.20', daddr: from, sport: 8080, dport: port, flags: 'SA', ack: 1001 });
    const back = await run('eth0', answer);
    assert.equal([back.out.saddr, back.out.sport, back.out.daddr], [WAN, 80, from]);
    assert.ok(back.out.sumsAreRight);
  });

  test('shows the outside address to the target when client and target share an interface', async () => {
    const { out } = await run('eth0', tcp({ saddr: HAN, daddr: WAN, sport: port, dport: 80, flags: 'S' }));
    assert.equal([out.saddr, out.daddr, out.dport], [WAN, '192.168.1.20', 8080]);
    const answer = tcp({ saddr: '192.168.1.20', daddr: WAN, sport: 8080, dport: out.sport, flags: 'SA', ack: 1001 });
    const back = await run('eth0', answer);
    assert.equal([back.out.saddr, back.out.sport, back.out.daddr, back.out.dport], [WAN, 80, HAN, port]);
  });

  test('drops what the policy denies', () =>
    isDroppedAs('denied', 'eth0', udp({ saddr: HAN, daddr: '192.0.2.66', sport: port, dport: 53 })));
  test('drops new connections from outside to a hidden host', () =>
    isDroppedAs('denied', 'wan0', udp({ saddr: SERVER, daddr: HAN, sport: 53, dport: port })));
  test('drops a source of the LAN that comes in by the WAN', () =>
    isDroppedAs('forged', 'wan0', udp({ saddr: HAN, daddr: SERVER, sport: 53, dport: port })));
  test('drops an outside source on the LAN, whose answers would leave by the WAN', () =>
    isDroppedAs('forged', 'eth0', udp({ saddr: '198.51.100.9', daddr: '192.168.1.20', sport: port, dport: 9999 })));
  test("drops the gateway's own address as a source", () =>
    isDroppedAs('forged', 'wan0', udp({ saddr: '192.168.1.1', daddr: HAN, sport: 53, dport: port })));
  test('drops loopback and multicast sources', async () => {
    await isDroppedAs('forged', 'wan0', udp({ saddr: '127.0.0.1', daddr: HAN, sport: 53, dport: port }));
    const { verdict } = await run('wan0', udp({ saddr: '224.0.0.5', daddr: HAN, sport: 53, dport: port }));
    assert.is(verdict, dropped);
  });

  test('drops TCP without SYN that belongs to no connection', async () => {
    for (const flags of ['A', 'FA', 'R', 'RA', 'SA', 'SF', '']) {
      const { verdict } = await run('eth0', tcp({ saddr: HAN, daddr: SERVER, sport: port, dport: 80, flags }));
      assert.is(verdict, dropped, flags);
    }
    assert.equal(await drops(), { stray: 7 });
  });
  test('drops an echo reply that nobody asked for', () =>
    isDroppedAs('stray', 'wan0', icmp({ saddr: SERVER, daddr: WAN, type: 0, id: port })));
  test('drops a packet of a flow that comes in by another interface', async () => {
    const out = await openUdp(port);
    await isDroppedAs('wrong-interface', 'eth0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: out.sport }));
  });
  test('drops pieces that are too short for their ports, or have bytes of the TCP header', async () => {
    const fields = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
    for (const packet of [
      other({ ...fields, protocol: 6, payload: new Array(16).fill(0), fragment: 0x2000 }),
      other({ ...fields, protocol: 17, payload: [0, 53, 0, 53], fragment: 0x2000 }),
      other({ ...fields, protocol: 6, payload: new Array(8).fill(0), fragment: 1 }),
      other({ ...fields, protocol: 6, payload: new Array(8).fill(0), fragment: 2 }),
    ]) {
      const { verdict } = await run('eth0', packet);
      assert.is(verdict, mode === 'xdp' ? XDP_PASS : dropped); // XDP leaves all pieces to TC
    }
    assert.equal(await drops(), mode === 'xdp' ? {} : { 'tiny-fragment': 4 });
  });
  test('drops malformed packets', async () => {
    const fields = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
    await run('eth0', udp({ ...fields, ihl: 4 }));
    await run('eth0', udp({ ...fields, length: 10 }));
    await run('eth0', udp({ ...fields, daddr: HAN }));
    await run('eth0', tcp({ ...fields, flags: 'S', offset: 4 }));
    await run('eth0', tcp({ ...fields, flags: 'S', offset: 15 }));
    await run('eth0', udp({ ...fields, length: 500 }));
    assert.equal(await drops(), { malformed: 6 });
  });
  test('lets ARP and other protocols by', async () => {
    const { verdict } = await network.run(
      program,
      'eth0',
      ethernet(other({ saddr: HAN, daddr: WAN, protocol: 1 }), mac('eth0'), 0x0806),
    );
    assert.is(verdict | 0, mode === 'xdp' ? XDP_PASS : TC_PASS);
  });

  test('leaves a packet whose time ends to the stack, as it came', async () => {
    await openUdp(port);
    const last = udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, ttl: 1 });
    const { verdict, frame } = await run('eth0', last);
    assert.is(verdict, mode === 'xdp' ? XDP_PASS : TC_PASS);
    assert.equal(frame.subarray(14, 14 + 32), Uint8Array.from(last.bytes));
  });
  test('leaves a packet that is too big to the stack, as it came', async () => {
    await openUdp(port);
    const big = udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, payload: new Array(1480).fill(7) });
    const { verdict, frame } = await run('eth0', big);
    assert.is(verdict, mode === 'xdp' ? XDP_PASS : TC_PASS);
    assert.equal(frame.subarray(14, 14 + 1508), Uint8Array.from(big.bytes));
  });

  test('leaves frames for other machines alone', async () => {
    await openUdp(port);
    const frame = ethernet(udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53 }), '02:00:00:00:00:99');
    const { verdict } = await network.run(program, 'eth0', frame);
    assert.is(verdict | 0, mode === 'xdp' ? XDP_PASS : TC_PASS);
  });

  if (mode === 'xdp') {
    test('leaves a checksum that hardware was to finish to TC', async () => {
      const { verdict } = await run(
        'eth0',
        udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, checksum: 'partial' }),
      );
      assert.is(verdict, XDP_PASS);
    });
    test('leaves IP options, ICMP errors and what it rejects to TC', async () => {
      const fields = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
      const options = await run('eth0', udp({ ...fields, options: [1, 1, 1, 0] }));
      const error = await run('eth0', icmp({ ...fields, type: 3, payload: quote(udp(fields)) }));
      const rejected = await run('eth0', tcp({ ...fields, daddr: '192.0.2.67', flags: 'S' }));
      assert.equal([options.verdict, error.verdict, rejected.verdict], [XDP_PASS, XDP_PASS, XDP_PASS]);
    });
  } else {
    test('translates behind IP options', async () => {
      const { verdict, out } = await run(
        'eth0',
        udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, options: [1, 1, 1, 0] }),
      );
      assert.is(verdict, TC_REDIRECT);
      assert.is(out.saddr, WAN);
      assert.ok(out.sumsAreRight);
    });
    test('drops source routes and broken options, of what belongs to a flow and of what does not', async () => {
      const fields = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
      await openUdp(port);
      const loose = [131, 7, 4, 192, 0, 2, 1, 0];
      const strict = [1, 137, 7, 4, 192, 0, 2, 1];
      for (const options of [loose, strict, [1, 1, 1, 1, ...strict]])
        assert.is((await run('eth0', udp({ ...fields, options }))).verdict, TC_DROP);
      await run('wan0', icmp({ saddr: SERVER, daddr: WAN, type: 8, id: port, options: loose }));
      await run('wan0', udp({ ...fields, saddr: SERVER, daddr: WAN, options: loose, fragment: 0x10 }));
      assert.equal(await drops(), { 'source-routed': 5 });
      for (const options of [
        [7, 1, 0, 0],
        [7, 9, 4, 0, 0, 0, 0, 0],
        [1, 1, 1, 7],
      ])
        await run('eth0', udp({ ...fields, options }));
      assert.equal(await drops(), { 'source-routed': 5, malformed: 3 });
      const recorded = await run('eth0', udp({ ...fields, options: [7, 7, 4, 0, 0, 0, 0, 0] }));
      assert.is(recorded.verdict, TC_REDIRECT);
    });
    test('translates an ICMP error and what it quotes, and does not refresh the flow', async () => {
      const opened = await openUdp(port);
      const asSent = udp({ saddr: WAN, daddr: SERVER, sport: opened.sport, dport: 53 });
      const router = '203.0.113.2';
      const { verdict, out } = await run(
        'wan0',
        icmp({ saddr: router, daddr: WAN, type: 3, code: 3, payload: quote(asSent, 32) }),
      );
      assert.is(verdict, TC_REDIRECT);
      assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight);
      assert.equal([out.saddr, out.daddr], [router, HAN]);
      assert.equal([out.quoted?.saddr, out.quoted?.sport, out.quoted?.daddr], [HAN, port, SERVER]);
      const reply = (await network.flows()).find((flow) => flow.dport === opened.sport && flow.daddr === WAN);
      assert.is(reply?.packets, 0);
    });
    test('drops an ICMP error whose checksum is wrong, of any length', async () => {
      const opened = await openUdp(port);
      for (const size of [32, 36, 37, 92, 548]) {
        const payload = new Array(size - 28).fill(3);
        const asSent = udp({ saddr: WAN, daddr: SERVER, sport: opened.sport, dport: 53, payload });
        const error = { saddr: SERVER, daddr: WAN, type: 3, code: 3, payload: asSent.bytes };
        assert.is((await run('wan0', icmp({ ...error, wrongSum: true }))).verdict, TC_DROP);
        const { verdict, out } = await run('wan0', icmp(error));
        assert.is(verdict, TC_REDIRECT);
        assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight, `${size} bytes`);
      }
      assert.equal(await drops(), { malformed: 5 });
    });
    test('hides an inside router that reports an error outwards', async () => {
      const opened = await openUdp(port);
      await run('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: opened.sport }));
      const asReceived = udp({ saddr: SERVER, daddr: HAN, sport: 53, dport: port });
      const error = icmp({ saddr: '192.168.1.20', daddr: SERVER, type: 11, payload: quote(asReceived, 32) });
      const { verdict, out } = await run('eth0', error);
      assert.is(verdict, TC_REDIRECT);
      assert.is(out.saddr, WAN);
      assert.equal([out.quoted?.daddr, out.quoted?.dport], [WAN, opened.sport]);
      assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight);
    });
    test('translates a quoted echo request', async () => {
      const { out } = await run('eth0', icmp({ saddr: HAN, daddr: SERVER, type: 8, id: port, ttl: 9 }));
      const asSent = icmp({ saddr: WAN, daddr: SERVER, type: 8, id: out.id });
      const back = await run('wan0', icmp({ saddr: '203.0.113.2', daddr: WAN, type: 11, payload: quote(asSent) }));
      assert.ok(back.out.sumsAreRight && back.out.quoted?.sumsAreRight);
      assert.equal([back.out.daddr, back.out.quoted?.saddr, back.out.quoted?.id], [HAN, HAN, port]);
    });
    test('drops an ICMP error that quotes no flow', async () => {
      const never = udp({ saddr: WAN, daddr: SERVER, sport: 9, dport: 9 });
      await isDroppedAs('stray', 'wan0', icmp({ saddr: SERVER, daddr: WAN, type: 3, payload: quote(never) }));
    });
    test('answers a rejected SYN with a RST that acknowledges it', async () => {
      const { verdict, out } = await run(
        'eth0',
        tcp({ saddr: HAN, daddr: '192.0.2.67', sport: port, dport: 80, flags: 'S', seq: 77 }),
      );
      assert.is(verdict, TC_REDIRECT);
      assert.equal([out.saddr, out.sport, out.daddr, out.dport], ['192.0.2.67', 80, HAN, port]);
      assert.equal([out.flags, out.seq, out.ack, out.dmac], ['AR', 0, 78, SENDER]);
      assert.ok(out.sumsAreRight);
      assert.equal(await drops(), { rejected: 1 });
    });
    test('answers other rejected packets with ICMP 3/13 from its own address, quoting them', async () => {
      const rejected = udp({ saddr: HAN, daddr: '192.0.2.67', sport: port, dport: 53 });
      const { verdict, out } = await run('eth0', rejected);
      assert.is(verdict, TC_REDIRECT);
      assert.equal([out.type, out.code, out.saddr, out.daddr], [3, 13, '192.168.1.1', HAN]);
      assert.equal([out.quoted?.daddr, out.quoted?.sport], ['192.0.2.67', port]);
      assert.ok(out.sumsAreRight);
    });
    test('lets nothing leave without a flow, and translates a source that the stack forwards', async () => {
      const leave = (packet: Layer3) => network.run('tc_egress', 'wan0', ethernet(packet, ISP_MAC), 2);
      const fields = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
      assert.is((await leave(udp(fields))).verdict, TC_DROP);
      assert.equal(await drops(), { untranslated: 1 });
      await openUdp(port);
      const { verdict, frame } = await leave(udp(fields));
      assert.is(verdict | 0, TC_PASS);
      const out = parsePacket(frame);
      assert.ok(out.sumsAreRight && out.saddr === WAN && out.ttl === 64);
    });
    test('gives a quote in an error of the stack its outside address back', async () => {
      const from = '198.51.100.9';
      await run('wan0', tcp({ saddr: from, daddr: WAN, sport: port, dport: 80, flags: 'S' }));
      const expired = tcp({ saddr: from, daddr: '192.168.1.20', sport: port, dport: 8080, flags: 'A' });
      const error = icmp({ saddr: WAN, daddr: from, type: 11, payload: quote(expired, 40) });
      const { frame } = await network.run('tc_egress', 'wan0', ethernet(error, ISP_MAC), 0);
      const out = parsePacket(frame);
      assert.equal([out.quoted?.daddr, out.quoted?.dport], [WAN, 80]);
      assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight);
    });
  }
  test.run();
}
