/** Test runs of the datapath with IPv6 packets by composition: what it decides and what every byte becomes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { Network } from './network.ts';
import { ethernet, type Layer3, SENDER } from './packets.ts';
import { echo6, type Ip6, icmp6, other6, parsePacket6, tcp6, udp6 } from './packets6.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath6.bpf.o');

const XDP_DROP = 1;
const XDP_PASS = 2;
const XDP_REDIRECT = 4;
const TC_PASS = -1;
const TC_DROP = 2;
const TC_REDIRECT = 7;

const HAN = '2001:db8:1::10';
const YODA = '2001:db8:1::20';
const SERVER = '2001:db8:80::80';
const LAN = '2001:db8:1::1';
const WAN = '2001:db8:2::1';
const HAN_MAC = '02:00:00:00:00:aa';
const ISP_MAC = '02:00:00:00:00:bb';
const LINK_LOCAL = 'fe80::aa';

/** Empty options of a whole header. */
const padding = [0, 0, 1, 4, 0, 0, 0, 0];
const HOP_BY_HOP = { kind: 0, bytes: padding };
const DESTINATION = { kind: 60, bytes: padding };
const fragment = (offset: number, more: boolean) => ({
  kind: 44,
  bytes: [0, 0, (offset >> 5) & 255, ((offset << 3) & 248) | (more ? 1 : 0), 0, 0, 0, 7],
});

for (const mode of ['xdp', 'tc'] as const) {
  const test = suite(`IPv6 on ${mode}`);
  let network: Network;
  const program = mode === 'xdp' ? 'xdp_ingress' : 'tc_ingress';
  const sent = mode === 'xdp' ? XDP_REDIRECT : TC_REDIRECT;
  const dropped = mode === 'xdp' ? XDP_DROP : TC_DROP;
  const passed = mode === 'xdp' ? XDP_PASS : TC_PASS;
  let before: Record<string, number> = {};
  let port = 2000;

  const run = async (device: 'eth0' | 'wan0', packet: Layer3, through = program) => {
    const frame = ethernet(packet, network.macs.get(device) ?? '', 0x86dd);
    const ran = await network.run(through, device, frame);
    return { verdict: ran.verdict | 0, out: parsePacket6(ran.frame), frame: ran.frame };
  };
  const drops = async (): Promise<Record<string, number>> => {
    const now = await network.drops();
    const entries = Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
    return Object.fromEntries(entries.filter(([, count]) => count > 0));
  };
  const isDroppedAs = async (reason: string, device: 'eth0' | 'wan0', packet: Layer3, verdict = dropped) => {
    assert.is((await run(device, packet)).verdict, verdict, reason);
    assert.equal(await drops(), { [reason]: 1 });
  };
  const isDroppedOnTc = async (reason: string, device: 'eth0' | 'wan0', packet: Layer3) => {
    assert.is((await run(device, packet, 'tc_ingress')).verdict, TC_DROP, reason);
    assert.equal(await drops(), { [reason]: 1 });
  };
  const openUdp = async (sport: number, options: Partial<Ip6> = {}) => {
    const { verdict, out } = await run('eth0', udp6({ saddr: HAN, daddr: SERVER, sport, dport: 53, ...options }));
    assert.is(verdict, sent);
    return out;
  };

  test.before(async () => {
    network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', ipv6: true });
    await network.lab
      .at('gw')
      .ip(
        'addr add fe80::1/64 dev eth0 nodad',
        'addr add fe80::1/64 dev wan0 nodad',
        `neigh replace ${HAN} lladdr ${HAN_MAC} nud permanent dev eth0`,
        `neigh replace ${YODA} lladdr ${HAN_MAC} nud permanent dev eth0`,
        `neigh replace 2001:db8:2::2 lladdr ${ISP_MAC} nud permanent dev wan0`,
      );
  });
  test.before.each(async () => {
    before = await network.drops();
    port += 1;
  });
  test.after(() => network?.close());

  test('forwards what the policy lets in, untranslated, with one hop less', async () => {
    const out = await openUdp(port);
    assert.is(out.saddr, HAN);
    assert.is(out.sport, port);
    assert.is(out.daddr, SERVER);
    assert.is(out.ttl, 63);
    assert.is(out.dmac, ISP_MAC);
    assert.ok(out.sumsAreRight);
    const again = await openUdp(port);
    assert.equal(again, out);
  });
  test('lets the answer in, and nobody else', async () => {
    await openUdp(port);
    const { verdict, out } = await run('wan0', udp6({ saddr: SERVER, daddr: HAN, sport: 53, dport: port }));
    assert.is(verdict, sent);
    assert.is(out.daddr, HAN);
    assert.is(out.dmac, HAN_MAC);
    assert.is(out.ttl, 63);
    assert.ok(out.sumsAreRight);
    await isDroppedAs('denied', 'wan0', udp6({ saddr: SERVER, daddr: HAN, sport: 54, dport: port }));
  });
  test('counts the packets and bytes of both directions', async () => {
    await openUdp(port, {});
    await openUdp(port, {});
    await run('wan0', udp6({ saddr: SERVER, daddr: HAN, sport: 53, dport: port }));
    const flows = await network.flows6();
    const forth = flows.find((flow) => flow.sport === port && flow.saddr === HAN);
    const back = flows.find((flow) => flow.dport === port && flow.daddr === HAN);
    assert.equal([forth?.packets, forth?.bytes], [2, 104]);
    assert.equal([back?.packets, back?.bytes], [1, 52]);
  });
  test('a packet of the flow by another interface is dropped', async () => {
    await openUdp(port);
    await isDroppedAs('wrong-interface', 'wan0', udp6({ saddr: HAN, daddr: SERVER, sport: port, dport: 53 }));
  });
  test('forged sources are dropped by name', async () => {
    const to = { daddr: SERVER, sport: port, dport: 53 };
    for (const saddr of ['::1', '::', 'ff02::1', '::ffff:c000:250', '::c000:250', LAN, LINK_LOCAL]) {
      before = await network.drops();
      await isDroppedAs('forged', 'eth0', udp6({ saddr, ...to }));
    }
    before = await network.drops();
    await isDroppedAs('forged', 'wan0', udp6({ saddr: YODA, ...to, daddr: WAN }));
  });
  test('denied packets are dropped in silence, rejected ones are answered', async () => {
    await isDroppedAs('denied', 'eth0', udp6({ saddr: HAN, daddr: '2001:db8:80::66', sport: port, dport: 53 }));
    before = await network.drops();
    const { verdict, out } = await run(
      'eth0',
      udp6({ saddr: HAN, daddr: '2001:db8:80::67', sport: port, dport: 53 }),
      'tc_ingress',
    );
    assert.is(verdict, TC_REDIRECT);
    assert.equal([out.type, out.code], [1, 1], 'administratively prohibited');
    assert.equal([out.saddr, out.daddr, out.dmac], [LAN, HAN, SENDER]);
    assert.ok(out.sumsAreRight);
    assert.equal([out.quoted?.daddr, out.quoted?.sport], ['2001:db8:80::67', port]);
    assert.ok(out.quoted?.sumsAreRight);
    const long = udp6({
      saddr: HAN,
      daddr: '2001:db8:80::67',
      sport: port,
      dport: 53,
      payload: new Array(800).fill(7),
    });
    const error = await run('eth0', long, 'tc_ingress');
    assert.equal([error.out.type, error.out.sumsAreRight], [1, true]);
  });
  test('an error quotes as much as fits in 1,280 bytes (RFC 4443 section 2.4)', async () => {
    for (const size of [1, 2, 3, 4, 39, 80, 81, 415, 416, 1183, 1184, 1185, 1400]) {
      // An answer for each would be more than one receiver gets at once.
      const to = { saddr: `2001:db8:1::7:${size.toString(16)}`, daddr: '2001:db8:80::67', sport: port, dport: 53 };
      const packet = udp6({ ...to, payload: Array.from({ length: size }, (_, i) => (i * 37 + size) & 255) });
      const { verdict, out, frame } = await run('eth0', packet, 'tc_ingress');
      const quoted = packet.bytes.slice(0, 1232);
      assert.is(verdict, TC_REDIRECT, `${size}`);
      assert.equal([out.type, out.code, out.sumsAreRight], [1, 1, true], `${size}`);
      assert.is(frame.length, 14 + 48 + quoted.length);
      assert.equal([...frame.subarray(62)], quoted, `${size}`);
    }
  });
  test('what is rejected behind extension headers is answered, too', async () => {
    const chains = [[HOP_BY_HOP], [DESTINATION, DESTINATION], [HOP_BY_HOP, fragment(0, false)], [fragment(0, false)]];
    for (const [index, extensions] of chains.entries()) {
      const from = { saddr: `2001:db8:1::8:${index}`, sport: port, extensions };
      const udp = udp6({ ...from, daddr: '2001:db8:80::67', dport: 53 });
      const error = await run('eth0', udp, 'tc_ingress');
      assert.equal([error.verdict, error.out.type, error.out.code], [TC_REDIRECT, 1, 1]);
      assert.equal([error.out.saddr, error.out.daddr, error.out.sumsAreRight], [LAN, from.saddr, true]);
      assert.equal([...error.frame.subarray(62)], udp.bytes, 'the quote has them');
      const syn = tcp6({ ...from, daddr: LAN, dport: 23, flags: 'S', seq: 77 });
      const { verdict, out, frame } = await run('eth0', syn, 'tc_ingress');
      assert.equal([verdict, out.protocol, out.flags, out.ack], [TC_REDIRECT, 6, 'AR', 78]);
      assert.equal([out.saddr, out.daddr, out.sumsAreRight, frame.length], [LAN, from.saddr, true, 14 + 60]);
    }
    before = await network.drops();
    const [extensions, payload] = [[fragment(0, true)], new Array(16).fill(1)];
    const head = udp6({
      saddr: '2001:db8:1::8:9',
      sport: port,
      daddr: '2001:db8:80::67',
      dport: 53,
      extensions,
      payload,
    });
    assert.equal((await run('eth0', head, 'tc_ingress')).out.type, 1, 'a head speaks for its datagram');
  });
  test('a rejected TCP connection is reset', async () => {
    const syn = tcp6({ saddr: HAN, daddr: LAN, sport: port, dport: 23, flags: 'S', seq: 77 });
    const { verdict, out } = await run('eth0', syn, 'tc_ingress');
    assert.is(verdict, TC_REDIRECT);
    assert.equal([out.flags, out.ack, out.saddr, out.daddr], ['AR', 78, LAN, HAN]);
    assert.ok(out.sumsAreRight);
    assert.equal(await drops(), { rejected: 1 });
  });
  test('TCP without a SYN is a stray; with one it is a connection that closes', async () => {
    const to = { saddr: HAN, daddr: SERVER, sport: port, dport: 80 };
    await isDroppedAs('stray', 'eth0', tcp6({ ...to, flags: 'A' }));
    const back = { saddr: SERVER, daddr: HAN, sport: 80, dport: port };
    for (const [device, packet] of [
      ['eth0', tcp6({ ...to, flags: 'S', seq: 100 })],
      ['wan0', tcp6({ ...back, flags: 'SA', seq: 500, ack: 101 })],
      ['eth0', tcp6({ ...to, flags: 'A', seq: 101, ack: 501 })],
      ['wan0', tcp6({ ...back, flags: 'FA', seq: 501, ack: 101 })],
      ['eth0', tcp6({ ...to, flags: 'FA', seq: 101, ack: 502 })],
      ['wan0', tcp6({ ...back, flags: 'A', seq: 502, ack: 102 })],
    ] as const) {
      const { verdict, out } = await run(device, packet);
      assert.is(verdict, sent);
      assert.ok(out.sumsAreRight);
    }
    const flow = (await network.flows6()).find((one) => one.sport === port && one.saddr === HAN);
    assert.is((flow?.tcp ?? 0) & 1, 1, 'the FIN was seen');
    const again = await run('eth0', tcp6({ ...to, flags: 'S', seq: 9000 }));
    assert.is(again.verdict, sent, 'the tuple may be used again');
  });
  test('a connection that the policy lets in from outside works both ways', async () => {
    const syn = await run('wan0', tcp6({ saddr: SERVER, daddr: HAN, sport: port, dport: 443, flags: 'S' }));
    assert.equal([syn.verdict, syn.out.daddr, syn.out.dmac], [sent, HAN, HAN_MAC]);
    const back = { saddr: HAN, daddr: SERVER, sport: 443, dport: port };
    assert.is((await run('eth0', tcp6({ ...back, flags: 'SA', ack: 1001 }))).verdict, sent);
    await isDroppedAs('denied', 'wan0', tcp6({ saddr: SERVER, daddr: HAN, sport: port, dport: 444, flags: 'S' }));
  });
  test('echo requests are queries: the identifier tells them apart', async () => {
    const { verdict, out } = await run('eth0', echo6({ saddr: HAN, daddr: SERVER, id: port }));
    assert.equal([verdict, out.id, out.saddr], [sent, port, HAN]);
    const reply = echo6({ saddr: SERVER, daddr: HAN, id: port, reply: true });
    assert.is((await run('wan0', reply)).verdict, sent);
    await isDroppedAs('stray', 'wan0', echo6({ saddr: SERVER, daddr: HAN, id: port + 1, reply: true }));
  });
  test('a redirect goes to the target of this family, and its answers come from the gateway', async () => {
    const syn = await run('wan0', tcp6({ saddr: SERVER, daddr: WAN, sport: port, dport: 80, flags: 'S', seq: 10 }));
    assert.is(syn.verdict, sent);
    assert.equal([syn.out.saddr, syn.out.daddr, syn.out.dport], [SERVER, YODA, 8080]);
    assert.ok(syn.out.sumsAreRight);
    const answer = { saddr: YODA, daddr: SERVER, sport: 8080, dport: port, flags: 'SA', ack: 11 };
    const back = await run('eth0', tcp6(answer));
    assert.equal([back.verdict, back.out.saddr, back.out.sport, back.out.daddr], [sent, WAN, 80, SERVER]);
    assert.ok(back.out.sumsAreRight);
  });
  test('a redirect serves the segment that the target is on', async () => {
    const syn = await run('eth0', tcp6({ saddr: HAN, daddr: WAN, sport: port, dport: 80, flags: 'S', seq: 10 }));
    assert.is(syn.verdict, sent);
    assert.equal([syn.out.saddr, syn.out.daddr, syn.out.dport], [WAN, YODA, 8080]);
    assert.ok(syn.out.sumsAreRight);
    const answer = { saddr: YODA, daddr: WAN, sport: 8080, dport: syn.out.sport, flags: 'SA', ack: 11 };
    const back = await run('eth0', tcp6(answer));
    assert.equal([back.out.saddr, back.out.sport, back.out.daddr, back.out.dport], [WAN, 80, HAN, port]);
    assert.ok(back.out.sumsAreRight);
  });
  test('what is malformed is dropped: UDP without checksum, broken lengths, the sender as receiver', async () => {
    const to = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
    for (const packet of [
      udp6({ ...to, checksum: 'none' }),
      udp6({ ...to, length: 4 }),
      udp6({ ...to, length: 400 }),
      udp6({ ...to, daddr: HAN }),
      tcp6({ ...to, flags: 'S', length: 10 }),
    ]) {
      before = await network.drops();
      await isDroppedAs('malformed', 'eth0', packet);
    }
    assert.is((await network.flows6()).filter((flow) => flow.sport === port).length, 0);
  });
  test('extension headers are walked, on TC', async () => {
    const to = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
    for (const extensions of [[HOP_BY_HOP], [DESTINATION], [HOP_BY_HOP, DESTINATION], [fragment(0, false)]]) {
      if (mode === 'xdp') assert.is((await run('eth0', udp6({ ...to, extensions }))).verdict, XDP_PASS);
      const { verdict, out } = await run('eth0', udp6({ ...to, extensions }), 'tc_ingress');
      assert.equal([verdict, out.protocol, out.sport, out.ttl], [TC_REDIRECT, 17, port, 63]);
      assert.ok(out.sumsAreRight);
    }
    const closed = udp6({ ...to, daddr: '2001:db8:80::66', extensions: [DESTINATION] });
    await isDroppedOnTc('denied', 'eth0', closed);
  });
  test('routing headers that lead elsewhere and headers that nobody knows are dropped by name', async () => {
    const to = { saddr: HAN, daddr: SERVER, sport: port, dport: 53 };
    const routing = (type: number, left: number) => ({ kind: 43, bytes: [0, 0, type, left, 0, 0, 0, 0] });
    await isDroppedOnTc('source-routed', 'eth0', udp6({ ...to, extensions: [routing(0, 0)] }));
    before = await network.drops();
    await isDroppedOnTc('source-routed', 'eth0', udp6({ ...to, extensions: [DESTINATION, routing(2, 1)] }));
    before = await network.drops();
    assert.is((await run('eth0', udp6({ ...to, extensions: [routing(2, 0)] }), 'tc_ingress')).verdict, TC_REDIRECT);
    for (const protocol of [139, 140, 253, 254]) {
      before = await network.drops();
      await isDroppedOnTc('unknown-header', 'eth0', other6({ saddr: HAN, daddr: SERVER, protocol }));
    }
    before = await network.drops();
    const many = new Array(9).fill(DESTINATION);
    await isDroppedOnTc('unknown-header', 'eth0', udp6({ ...to, extensions: many }));
    before = await network.drops();
    await isDroppedOnTc('malformed', 'eth0', udp6({ ...to, extensions: [DESTINATION, HOP_BY_HOP] }));
    before = await network.drops();
    const cut = other6({ saddr: HAN, daddr: SERVER, protocol: 60, payload: [17, 9, 0, 0, 0, 0, 0, 0] });
    await isDroppedOnTc('malformed', 'eth0', cut);
  });
  test('protocols without ports are forwarded by their addresses', async () => {
    for (const protocol of [47, 50, 59, 132]) {
      const packet = other6({ saddr: HAN, daddr: SERVER, protocol, payload: new Array(16).fill(1) });
      assert.is((await run('eth0', packet)).verdict, sent, String(protocol));
    }
  });

  test('neighbour and router discovery, listeners and DHCPv6 are beyond every rule, where they can be true', async () => {
    const to = { saddr: LINK_LOCAL, daddr: 'ff02::1', ttl: 255 };
    for (const device of ['eth0', 'wan0'] as const) {
      for (const type of [133, 134, 135, 136]) {
        assert.is((await run(device, icmp6({ ...to, type }), 'tc_ingress')).verdict, TC_PASS, String(type));
      }
      const report = {
        saddr: LINK_LOCAL,
        daddr: 'ff02::16',
        ttl: 1,
        extensions: [{ kind: 0, bytes: [0, 0, 5, 2, 0, 0, 1, 0] }],
      };
      assert.is((await run(device, icmp6({ ...report, type: 143 }), 'tc_ingress')).verdict, TC_PASS);
      const offer = udp6({ saddr: 'fe80::1', daddr: LINK_LOCAL, sport: 547, dport: 546 });
      assert.is((await run(device, offer)).verdict, passed);
      assert.is((await run(device, offer, 'tc_ingress')).verdict, TC_PASS);
    }
    assert.equal(await drops(), {});
    await isDroppedOnTc('stray', 'wan0', icmp6({ ...to, ttl: 64, type: 134 }));
    before = await network.drops();
    await isDroppedOnTc('stray', 'wan0', icmp6({ saddr: SERVER, daddr: HAN, type: 130 }));
    before = await network.drops();
    await isDroppedOnTc('denied', 'wan0', udp6({ saddr: SERVER, daddr: HAN, sport: 547, dport: 546 }));
    before = await network.drops();
    await isDroppedOnTc('malformed', 'wan0', icmp6({ ...to, type: 134, length: 400 }));
  });
  test('link-local packets to the gateway meet the policy, and leave their link never', async () => {
    const own = 'fe80::1';
    assert.is((await run('eth0', echo6({ saddr: LINK_LOCAL, daddr: own, id: port }), 'tc_ingress')).verdict, TC_PASS);
    assert.ok((await network.flows6()).some((flow) => flow.saddr === LINK_LOCAL && flow.sport === port));
    const shut = tcp6({ saddr: LINK_LOCAL, daddr: own, sport: port, dport: 22, flags: 'S' });
    await isDroppedOnTc('denied', 'wan0', shut);
    before = await network.drops();
    await isDroppedOnTc('forged', 'eth0', udp6({ saddr: LINK_LOCAL, daddr: SERVER, sport: port, dport: 53 }));
    // nor does anything come to a link from beyond it: what is not the gateway's own is the stack's, which the guard holds
    for (const device of ['eth0', 'wan0'] as const) {
      for (const saddr of [LINK_LOCAL, device === 'eth0' ? HAN : SERVER]) {
        const packet = udp6({ saddr, daddr: 'fe80::bb', sport: port, dport: 53 });
        const verdicts = [(await run(device, packet)).verdict, (await run(device, packet, 'tc_ingress')).verdict];
        assert.ok(!verdicts.includes(XDP_REDIRECT) && !verdicts.includes(TC_REDIRECT), `${saddr} by ${device}`);
      }
    }
  });

  const about = (packet: Layer3) => packet.bytes.slice(0, 80);
  test('errors about a flow reach its sender; strays and wrong checksums are dropped', async () => {
    await openUdp(port);
    const packet = udp6({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, payload: new Array(40).fill(9) });
    const tooBig = { saddr: '2001:db8:2::2', daddr: HAN, type: 2, word: [0, 0, 5, 0], payload: about(packet) };
    const { verdict, out } = await run('wan0', icmp6(tooBig), 'tc_ingress');
    assert.is(verdict, TC_REDIRECT);
    assert.equal([out.type, out.daddr, out.dmac, out.quoted?.sport], [2, HAN, HAN_MAC, port]);
    assert.ok(out.sumsAreRight);
    await isDroppedOnTc('malformed', 'wan0', icmp6({ ...tooBig, wrongSum: true }));
    before = await network.drops();
    const stranger = udp6({ saddr: HAN, daddr: SERVER, sport: port, dport: 54, payload: new Array(40).fill(9) });
    await isDroppedOnTc('stray', 'wan0', icmp6({ ...tooBig, payload: about(stranger) }));
    before = await network.drops();
    await isDroppedOnTc('malformed', 'wan0', icmp6({ ...tooBig, payload: [1, 2, 3, 4] }));
  });
  test('an error quotes the packet of a redirect as its receiver sent it', async () => {
    await run('wan0', tcp6({ saddr: SERVER, daddr: WAN, sport: port, dport: 80, flags: 'S', seq: 10 }));
    const inside = tcp6({ saddr: SERVER, daddr: YODA, sport: port, dport: 8080, flags: 'S', seq: 10 });
    const error = icmp6({ saddr: YODA, daddr: SERVER, type: 1, code: 4, payload: about(inside) });
    const { verdict, out } = await run('eth0', error, 'tc_ingress');
    assert.is(verdict, TC_REDIRECT);
    assert.equal([out.saddr, out.daddr], [WAN, SERVER]);
    assert.equal([out.quoted?.daddr, out.quoted?.dport, out.quoted?.saddr], [WAN, 80, SERVER]);
    assert.ok(out.sumsAreRight && out.quoted?.sumsAreRight);
  });
  test('the last hop and what is too long are left to the stack, which answers', async () => {
    await openUdp(port);
    const last = udp6({ saddr: HAN, daddr: SERVER, sport: port, dport: 53, ttl: 1 });
    assert.is((await run('eth0', last)).verdict, passed);
    assert.is((await run('eth0', last, 'tc_ingress')).verdict, TC_PASS);
  });
  test('a policy that changes decides live connections again', async () => {
    await openUdp(port);
    await network.change({ epoch: 9, policy: { closed_port: 53 } });
    const packet = udp6({ saddr: HAN, daddr: SERVER, sport: port, dport: 53 });
    await isDroppedAs('cut', 'eth0', packet);
    await network.change({ epoch: 10, policy: {} });
    const other = port + 20_000;
    await run('eth0', udp6({ saddr: HAN, daddr: SERVER, sport: other, dport: 53 }));
    await network.change({ epoch: 11, policy: {} });
    assert.is((await run('wan0', udp6({ saddr: SERVER, daddr: HAN, sport: 53, dport: other }))).verdict, sent);
    const kept = (await network.flows6()).filter((flow) => flow.sport === other || flow.dport === other);
    assert.equal(
      kept.map((flow) => flow.epoch),
      [11, 11],
    );
  });
  test.run();
}
