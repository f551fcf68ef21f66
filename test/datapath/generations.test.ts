/** A new policy and the connections that an earlier one let in: decided again by their next packet, whichever way it goes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import type { Change } from './datapath.ts';
import { Network } from './network.ts';
import { ethernet, icmp, type Layer3, type Parsed, parsePacket, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const SERVER = '192.0.2.80';
const CLIENT = '198.51.100.9';
const WAN = '203.0.113.1';
const LAN = '192.168.1.1';

const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire' });
let port = 3000;
let epoch = 1;

for (const mode of ['xdp', 'tc'] as const) {
  const test = suite(`generations on ${mode}`);
  const program = mode === 'xdp' ? 'xdp_ingress' : 'tc_ingress';
  const sent = mode === 'xdp' ? 4 : 7;
  const dropped = mode === 'xdp' ? 1 : 2;
  let before: Record<string, number> = {};
  const run = async (device: 'eth0' | 'wan0', packet: Layer3, by = program) => {
    const { verdict, frame } = await network.run(by, device, ethernet(packet, network.macs.get(device) ?? ''));
    return { verdict: verdict | 0, out: parsePacket(frame) };
  };
  const count = async (reason: string) => ((await network.drops())[reason] ?? 0) - (before[reason] ?? 0);
  const ends = async (device: 'eth0' | 'wan0', packet: Layer3): Promise<void> => {
    assert.is((await run(device, packet)).verdict, dropped);
    assert.is(await count('cut'), 1);
  };
  const isCut = async (device: 'eth0' | 'wan0', packet: Layer3): Promise<void> => {
    await ends(device, packet);
    // It has ended for both directions, not for this packet only.
    assert.is((await run(device, packet)).verdict, dropped);
    assert.is(await count('cut'), 1);
  };
  const entries = async () => (await network.flows()).filter((one) => [one.sport, one.dport].includes(port));
  const change = async (policy: Change['policy'] = {}, flush = false): Promise<void> => {
    epoch += 1;
    await network.change({ epoch, policy, flush });
  };
  const ask = (sport: number, dport = 53): Layer3 => udp({ saddr: HAN, daddr: SERVER, sport, dport });
  const answerTo = (out: Parsed): Layer3 => udp({ saddr: SERVER, daddr: WAN, sport: out.dport, dport: out.sport });
  const open = async (packet: Layer3, device: 'eth0' | 'wan0' = 'eth0'): Promise<Parsed> => {
    const { verdict, out } = await run(device, packet);
    assert.is(verdict, sent);
    return out;
  };

  test.before(async () => {
    await network.lab
      .at('gw')
      .ip(
        `neigh replace ${HAN} lladdr 02:00:00:00:00:aa nud permanent dev eth0`,
        'neigh replace 192.168.1.20 lladdr 02:00:00:00:00:aa nud permanent dev eth0',
        'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
      );
  });
  test.before.each(async () => {
    port += 2;
    await change();
    before = await network.drops();
  });
  if (mode === 'tc') test.after(() => network.close());

  test('what the new policy still allows goes on, with its port, and is stamped on both sides', async () => {
    const out = await open(ask(port));
    await change();
    const next = await run('eth0', ask(port));
    assert.is(next.verdict, sent);
    assert.equal([next.out.saddr, next.out.sport], [out.saddr, out.sport]);
    assert.equal(
      (await entries()).map((one) => one.epoch),
      [epoch, epoch],
    );
  });

  test('an answer that comes first asks about the packet that started the flow', async () => {
    const out = await open(ask(port));
    await change({ pool_first: 2000, pool_last: 4999 }); // lets nobody in from outside
    const back = await run('wan0', answerTo(out));
    assert.is(back.verdict, sent);
    assert.equal([back.out.daddr, back.out.dport], [HAN, port]);
    await change({ closed_port: 53 });
    await isCut('wan0', answerTo(out));
    assert.is(
      (await entries()).every((one) => one.dying === 1),
      true,
    );
  });

  test('what the new policy denies is cut by its next packet, and nothing else', async () => {
    await open(ask(port));
    await open(ask(port, 54));
    await change({ closed_port: 53 });
    await isCut('eth0', ask(port));
    assert.is((await run('eth0', ask(port, 54))).verdict, sent);
  });

  test('a TCP connection in the middle goes on, though a new one could not begin so', async () => {
    const syn = { saddr: HAN, daddr: SERVER, sport: port, dport: 80 };
    const out = await open(tcp({ ...syn, flags: 'S' }));
    await run('wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 80, dport: out.sport, flags: 'SA', ack: 1001 }));
    await change();
    assert.is((await run('eth0', tcp({ ...syn, flags: 'A', ack: 5 }))).verdict, sent);
    await change({ closed_port: 80 });
    await isCutTcp(tcp({ ...syn, flags: 'A', ack: 5 }));
  });
  const isCutTcp = async (packet: Layer3): Promise<void> => {
    assert.is((await run('eth0', packet)).verdict, dropped);
    assert.is(await count('cut'), 1);
  };

  test('a flow whose port has left the pool ends, one whose port is in it stays', async () => {
    await open(ask(port));
    await change({ pool_first: 2000, pool_last: 4999 });
    assert.is((await run('eth0', ask(port))).verdict, sent);
    await change({ pool_first: 20000, pool_last: 32767 });
    await ends('eth0', ask(port));
  });

  test('a flow that was cut starts again with its next packet, as soon as the policy lets it', async () => {
    const out = await open(ask(port));
    await change({ closed_port: 53 });
    await isCut('eth0', ask(port));
    await change();
    const again = await open(ask(port));
    assert.equal([again.saddr, again.sport], [out.saddr, out.sport]);
    assert.is((await run('wan0', answerTo(again))).out.daddr, HAN);
    const found = await entries();
    assert.equal([found.length, found.filter((one) => one.dying).length], [2, 0]);
  });

  test('a flow that is translated otherwise starts again with its next packet, and its old answers find nothing', async () => {
    const out = await open(ask(port));
    await change({ pool_first: 20000, pool_last: 32767 });
    assert.is((await run('eth0', ask(port))).verdict, dropped);
    const again = await open(ask(port));
    assert.ok(again.sport >= 20000);
    assert.is((await run('wan0', answerTo(again))).out.daddr, HAN);
    assert.is((await run('wan0', answerTo(out))).verdict, dropped);
    assert.is((await run('eth0', ask(port))).out.sport, again.sport);
  });

  test('an answer does not wake a flow that was cut', async () => {
    const out = await open(ask(port));
    await change({ closed_port: 53 });
    await isCut('eth0', ask(port));
    await change();
    assert.is((await run('wan0', answerTo(out))).verdict, dropped);
    await open(ask(port));
  });

  test('flows that start again on all processors at once are whole, and the sweep leaves nothing of the old ones', async () => {
    if (mode !== 'xdp') return;
    const frames = Array.from({ length: 150 }, (_, i) => {
      return ethernet(udp({ saddr: HAN, daddr: SERVER, sport: 40_000 + i, dport: 53 }), network.macs.get('eth0') ?? '');
    });
    const mine = async () =>
      (await network.flows()).filter(({ saddr, sport, to }) =>
        [saddr === HAN ? sport : to.dport].some((p) => p >= 40_000 && p < 40_150),
      );
    // Pools without the ports of the other tests: what was taken rests, and these keep theirs only where nobody had them.
    await change({ pool_first: 8000, pool_last: 10_999 });
    await network.race('eth0', frames);
    for (const [pool_first, pool_last] of [
      [20000, 32767],
      [5000, 7999],
    ] as const) {
      await change({ pool_first, pool_last });
      await network.race('eth0', frames);
      const verdicts = await network.race('eth0', frames);
      assert.ok(
        verdicts.every((one) => one === sent),
        'each packet of the second round leaves',
      );
      const live = (await mine()).filter((one) => !one.dying);
      assert.is(live.length, 2 * frames.length);
      for (const one of live.filter(({ saddr }) => saddr === HAN)) {
        assert.ok(one.to.sport >= pool_first && one.to.sport <= pool_last);
        const back = live.find(({ saddr, dport }) => saddr === SERVER && dport === one.to.sport);
        assert.equal([back?.to.daddr, back?.to.dport], [HAN, one.sport]);
      }
    }
    await until('nothing dies any more', async () => (await mine()).length === 2 * frames.length, 10_000);
  });

  test('a redirect to another target ends its flows, to the same target none', async () => {
    const syn = tcp({ saddr: CLIENT, daddr: WAN, sport: port, dport: 80, flags: 'S' });
    const next = tcp({ saddr: CLIENT, daddr: WAN, sport: port, dport: 80, flags: 'A', ack: 5 });
    await open(syn, 'wan0');
    await change();
    assert.is((await run('wan0', next)).out.daddr, '192.168.1.20');
    await change({ target: 0xc0a8010a });
    await isCut('wan0', next);
  });

  test('an echo keeps its type for the policy, and its identifier', async () => {
    const echo = icmp({ saddr: HAN, daddr: SERVER, type: 8, id: port });
    const out = await open(echo);
    await change({ pool_first: 20000, pool_last: 32767 });
    const next = await run('eth0', echo);
    assert.is(next.verdict, sent);
    assert.is(next.out.id, out.id);
    await change({ closed_port: 8 << 8 });
    await isCut('eth0', echo);
  });

  test('connections to the gateway are decided again too', async () => {
    const packet = udp({ saddr: HAN, daddr: LAN, sport: port, dport: 53 });
    assert.is((await run('eth0', packet, 'tc_ingress')).verdict, -1);
    await change();
    assert.is((await run('eth0', packet, 'tc_ingress')).verdict, -1);
    await change({ closed_self: 1 });
    assert.is((await run('eth0', packet, 'tc_ingress')).verdict, 2);
    assert.is(await count('cut'), 1);
  });

  test('flush ends what was there, with the next packet or with the walk over all flows', async () => {
    await open(ask(port));
    await open(ask(port + 1));
    await change({}, true);
    await ends('eth0', ask(port));
    await open(ask(port, 99)); // a new one
    await network.restamp(0, epoch);
    const found = (await network.flows()).filter((one) => [port, port + 1].includes(one.sport));
    assert.equal(
      found.map((one) => [one.sport, one.dport, one.dying]).sort(),
      [
        [port, 53, 1],
        [port, 99, 0],
        [port + 1, 53, 1],
      ].sort(),
    );
  });

  test('a stamp of long ago is never taken for the new epoch that has its number', async () => {
    await open(ask(port));
    const old = epoch;
    await change();
    await network.restamp(old, old);
    assert.equal(
      (await entries()).map((one) => one.epoch),
      [255, 255],
    );
    // The number comes round, with a policy that denies it.
    await network.change({ epoch: old, policy: { closed_port: 53 } });
    await isCut('eth0', ask(port));
    await change();
  });

  test.run();
}
