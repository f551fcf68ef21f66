/** NPTv6 (RFC 6296) and masquerades of IPv6: what the datapath makes of packets is what the simulator says. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decide } from '../../compiler/simulate/decide.ts';
import { readIpv6, writeAddress } from '../../grammar/address.ts';
import { needs } from '../lab/skip.ts';
import { type CompiledPolicy, compilePolicy } from './compiled-policy.ts';
import { Network } from './network.ts';
import { ethernet, type Layer3, quote } from './packets.ts';
import { echo6, icmp6, type Parsed6, parsePacket6, tcp6, udp6 } from './packets6.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath6.bpf.o');

const HEAD = `gateway g {
  default deny
}
interface lan = eth0
interface wan = wan0
network home = 2001:db8:1::/64 on lan
policy out from lan to wan {
  default allow
}
policy in from wan to lan {
  allow tcp 80
  default deny
}
policy within from lan to lan {
  allow tcp 80
  default deny
}
`;
const map = (inside: string, outside: string) =>
  compilePolicy(`${HEAD}map out6 {
  interface wan
  inside  ${inside}
  outside ${outside}
}
`);
const LONG = map('2001:db8:1::/64', '2001:db8:5:6::/64');
const SHORT = map('2001:db8:1::/48', '2001:db8:5::/48');
const OWN = compilePolicy(`${HEAD}masquerade m {
  from home
  interface wan
  family ipv6
}
`);
const POOL = compilePolicy(`${HEAD}masquerade m {
  from home
  interface wan
  family ipv6
  address 2001:db8:5::ffff-2001:db8:5::1:3
  ports 2000-2999
}
`);

const HAN = '2001:db8:1::10';
const YODA = '2001:db8:1::20';
const SERVER = '2001:db8:80::80';
const CLIENT = '2001:db8:99::9';
const WAN = '2001:db8:2::1';

const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', ipv6: true, object: LONG.object });
await network.lab
  .at('gw')
  .ip(
    ...[HAN, YODA, '2001:db8:1:0:ffff::10', '2001:db8:1:0:ffff:ffff:ffff:ffff'].map(
      (host) => `neigh replace ${host} lladdr 02:00:00:00:00:aa nud permanent dev eth0`,
    ),
    'neigh replace 2001:db8:2::2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
  );
let epoch = 1;
let port = 4000; // a new one for each connection: another policy ends what an earlier one has translated
const change = ({ object }: CompiledPolicy) => network.change({ epoch: ++epoch, policy: {}, object });
type Program = 'xdp_ingress' | 'tc_ingress';
const send = async (device: 'eth0' | 'wan0', packet: Layer3, by: Program): Promise<Parsed6 | null> => {
  const frame = ethernet(packet, network.macs.get(device) ?? '', 0x86dd);
  const ran = await network.run(by, device, frame);
  if (ran.verdict !== (by === 'xdp_ingress' ? 4 : 7)) return null;
  const out = parsePacket6(ran.frame);
  assert.ok(out.sumsAreRight, 'checksums');
  return out;
};
/** As which address the simulator lets a source appear. */
const appearance = ({ model, diagram }: CompiledPolicy, source: string): string => {
  const [from, to] = [source, SERVER].map(
    (text) => ({ kind: 'address', family: 6, address: readIpv6(text)! }) as const,
  );
  if (!from || !to) throw new Error('no addresses');
  const [decision] = decide(model, diagram, { family: 6, protocol: 17, in: 1, from, sport: 1, to, dport: 53 });
  const as = decision?.as?.address;
  return as?.kind === 'outside' ? writeAddress(as.address, 6) : (as?.kind ?? decision?.drop?.kind ?? 'as it is');
};
const tuple = (packet: Parsed6 | null) => packet && [packet.saddr, packet.sport, packet.daddr, packet.dport];

for (const by of ['xdp_ingress', 'tc_ingress'] as const) {
  const test = suite(`NPTv6, ${by}`);
  for (const [policy, sources] of [
    [LONG, [HAN, YODA, '2001:db8:1:0:ffff::10']],
    [SHORT, [HAN, YODA]],
  ] as const) {
    test(`a source moves to the outside prefix and back, /${policy.model.maps[0]?.inside.length}`, async () => {
      await change(policy);
      for (const source of sources) {
        const outside = appearance(policy, source);
        const sport = ++port;
        assert.match(outside, /^2001:db8:5:/);
        const asked = udp6({ saddr: source, daddr: SERVER, sport, dport: 53 });
        const out = await send('eth0', asked, by);
        assert.equal(tuple(out), [outside, sport, SERVER, 53]);
        const answer = udp6({ saddr: SERVER, daddr: outside, sport: 53, dport: sport });
        assert.equal(tuple(await send('wan0', answer, by)), [SERVER, 53, source, sport]);
        // RFC 6296: the checksum of the transport stays what it was.
        assert.is(out?.checksum, parsePacket6(ethernet(asked, '02:00:00:00:00:01', 0x86dd)).checksum);
        const syn = tcp6({ saddr: CLIENT, daddr: outside, sport, dport: 80, flags: 'S' });
        assert.equal(tuple(await send('wan0', syn, by)), [CLIENT, sport, source, 80]);
        assert.is(
          await send('wan0', tcp6({ saddr: CLIENT, daddr: outside, sport: 1, dport: 22, flags: 'S' }), by),
          null,
        );
      }
    });
  }
  test('an interface identifier of all ones has no place outside', async () => {
    await change(LONG);
    const source = '2001:db8:1:0:ffff:ffff:ffff:ffff';
    assert.is(appearance(LONG, source), 'unmappable');
    const before = (await network.drops()).untranslated ?? 0;
    assert.is(await send('eth0', udp6({ saddr: source, daddr: SERVER, sport: 9, dport: 53 }), by), null);
    assert.is((await network.drops()).untranslated, before + 1);
  });
  test('echoes, errors about what was sent, and hairpin', async () => {
    const sport = ++port;
    const [han, yoda] = [appearance(LONG, HAN), appearance(LONG, YODA)];
    const echo = await send('eth0', echo6({ saddr: HAN, daddr: SERVER, id: sport }), by);
    assert.is(echo?.saddr, han);
    const reply = await send('wan0', echo6({ saddr: SERVER, daddr: han, id: sport, reply: true }), by);
    assert.is(reply?.daddr, HAN);
    await send('eth0', udp6({ saddr: HAN, daddr: SERVER, sport, dport: 53 }), by);
    const seen = udp6({ saddr: han, daddr: SERVER, sport, dport: 53 });
    const error = icmp6({ saddr: '2001:db8:2::2', daddr: han, type: 1, code: 3, payload: quote(seen, 52) });
    const told = await send('wan0', error, 'tc_ingress');
    assert.equal([told?.daddr, told?.quoted?.saddr, told?.quoted?.sport], [HAN, HAN, sport]);
    const there = tcp6({ saddr: HAN, daddr: yoda, sport, dport: 80, flags: 'S' });
    assert.equal(tuple(await send('eth0', there, by)), [han, sport, YODA, 80]);
    const back = tcp6({ saddr: YODA, daddr: han, sport: 80, dport: sport, flags: 'SA', seq: 5, ack: 1001 });
    assert.equal(tuple(await send('eth0', back, by)), [yoda, 80, HAN, sport]);
  });
  test.run();
}

const nat66 = suite('masquerades of IPv6');
nat66('hide behind the address of the interface', async () => {
  await change(OWN);
  const out = await send('eth0', udp6({ saddr: HAN, daddr: SERVER, sport: 6000, dport: 53 }), 'xdp_ingress');
  assert.equal(tuple(out), [WAN, 6000, SERVER, 53]);
  const back = udp6({ saddr: SERVER, daddr: WAN, sport: 53, dport: 6000 });
  assert.equal(tuple(await send('wan0', back, 'xdp_ingress')), [SERVER, 53, HAN, 6000]);
  const other = await send('eth0', udp6({ saddr: YODA, daddr: SERVER, sport: 6000, dport: 53 }), 'xdp_ingress');
  assert.ok(other && other.saddr === WAN && other.sport !== 6000);
});
nat66('hide behind the address that a host is paired with', async () => {
  await change(POOL);
  for (let last = 0x20; last < 0x30; last++) {
    const host = `2001:db8:1::${last.toString(16)}`;
    await network.lab.at('gw').ip(`neigh replace ${host} lladdr 02:00:00:00:00:aa nud permanent dev eth0`);
    const out = await send('eth0', udp6({ saddr: host, daddr: SERVER, sport: 7000, dport: 53 }), 'xdp_ingress');
    assert.is(out?.saddr, appearance(POOL, host));
    assert.ok(out && out.sport >= 2000 && out.sport <= 2999);
  }
});
nat66.after(() => network.close());
nat66.run();
