/** What lines count, log and account, by test run. */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import type { LineSetup } from './datapath.ts';
import { Network, type Options } from './network.ts';
import { ethernet, type Layer3, parsePacket, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const LUKE = '192.168.1.11';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const BLOCKED = '192.0.2.66';
const REJECTED = '192.0.2.67';
const WAN = '203.0.113.1';
/** Of stub-policy.bpf.c. */
const RULE = { redirect: 2, deny: 3, reject: 4, lan: 5, self: 6, default: 7, nat: 8 };
const TALLIES: readonly LineSetup[] = Object.values(RULE).map((rule) => ({ rule, tally: rule * 10 }));
const SECOND = 1e9;
const OFTEN: readonly [number, number] = [1000, SECOND];

const test = suite('counters, events and accounts');
let open: Network[] = [];
test.after.each(() => {
  for (const network of open) network.close();
  open = [];
});

async function start(options: Partial<Options>) {
  const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', ...options });
  open.push(network);
  await network.lab
    .at('gw')
    .ip(
      ...[HAN, LUKE, YODA].map(
        (address, i) => `neigh replace ${address} lladdr 02:00:00:00:00:a${i} nud permanent dev eth0`,
      ),
      'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
    );
  const send = async (device: string, packet: Layer3, program = 'xdp_ingress') => {
    const { verdict, frame } = await network.run(program, device, ethernet(packet, network.macs.get(device) ?? ''));
    return { verdict, out: parsePacket(frame) };
  };
  return { network, send };
}
/** Lines that log, each with a meter of its own. */
const logging = (which: Readonly<Record<number, number>>, log = OFTEN): LineSetup[] =>
  TALLIES.map((line) => {
    const logs = which[line.rule];
    return logs === undefined ? line : { ...line, meter: line.tally, logs, log };
  });

test('a line counts its connections, and their packets and bytes both ways when they end', async () => {
  const { network, send } = await start({ lines: TALLIES, timeouts: { udp: 1 } });
  const { out } = await send(
    'eth0',
    udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53, payload: Array(12).fill(0) }),
  );
  await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53 }));
  await send('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: out.sport }));
  const { connections, packets } = await network.tally(50);
  assert.equal([connections, packets], [1, 0], 'packets are with the flow while it lives');
  await until('it has ended', async () => (await network.flows()).length === 0, 15_000);
  for (const tally of [50, 80]) {
    const ended = await network.tally(tally);
    assert.equal([ended.connections, ended.packets, ended.bytes], [1, 3, 40 + 32 + 32]);
  }
});

test('a denying line counts packets, whichever hook drops them', async () => {
  const { network, send } = await start({ lines: TALLIES });
  for (const program of ['xdp_ingress', 'tc_ingress'])
    await send('eth0', udp({ saddr: HAN, daddr: BLOCKED, sport: 2000, dport: 53 }), program);
  await send('eth0', udp({ saddr: HAN, daddr: REJECTED, sport: 2000, dport: 53 }), 'xdp_ingress');
  await send('eth0', udp({ saddr: HAN, daddr: REJECTED, sport: 2000, dport: 53 }), 'tc_ingress');
  await send('wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 2000, dport: 22, flags: 'S' }));
  const denied = await network.tally(30);
  assert.equal([denied.refused, denied.refused_bytes, denied.connections], [2, 64, 0]);
  assert.is((await network.tally(40)).refused, 1, 'XDP leaves it to TC, and it is counted once');
  assert.is((await network.tally(70)).refused, 1);
});

test('events say who, where, by which line, and what becomes of the packet', async () => {
  const lines = logging({ [RULE.lan]: 1, [RULE.deny]: 1, [RULE.redirect]: 1, [RULE.default]: 1 });
  const { network, send } = await start({ lines });
  const { out } = await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53 }));
  await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53 }));
  await send('eth0', udp({ saddr: HAN, daddr: BLOCKED, sport: 2001, dport: 53 }), 'tc_ingress');
  await send('wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 3000, dport: 80, flags: 'S' }));
  await send('wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 3000, dport: 22, flags: 'S' }));
  const events = await network.events();
  const [index] = events.map((event) => event.in);
  const brief = events.map(({ kind, rule, saddr, sport, daddr, dport, to_saddr, to_sport, to_daddr, to_dport }) => [
    `${kind} ${rule} ${saddr}:${sport} ${daddr}:${dport}`,
    `${to_saddr}:${to_sport} ${to_daddr}:${to_dport}`,
  ]);
  assert.equal(brief, [
    [`allowed 5 ${HAN}:2000 ${SERVER}:53`, `${WAN}:${out.sport} null:0`],
    [`denied 3 ${HAN}:2001 ${BLOCKED}:53`, 'null:0 null:0'],
    [`allowed 2 ${SERVER}:3000 ${WAN}:80`, `null:0 ${YODA}:8080`],
    [`denied 7 ${SERVER}:3000 ${WAN}:22`, 'null:0 null:0'],
  ]);
  const [first, , third, last] = events;
  assert.equal([first?.protocol, first?.length, first?.generation], [17, 32, 7]);
  assert.ok(first?.in !== first?.out && first?.out === third?.in && third?.out === index);
  assert.equal([third?.protocol, third?.tcp, last?.tcp, last?.local, last?.out], [6, 2, 2, 1, 0]);
});

test('events beyond the rate of a line are counted, and the packet fares the same', async () => {
  const lines = logging({ [RULE.deny]: 1 }, [86_400 * SECOND, 2 * 86_400 * SECOND]);
  const { network, send } = await start({ lines });
  for (let i = 0; i < 10; i++) await send('eth0', udp({ saddr: HAN, daddr: BLOCKED, sport: 2000 + i, dport: 53 }));
  assert.is((await network.events()).length, 3);
  const { refused, held_back, lost } = await network.tally(30);
  assert.equal([refused, held_back, lost], [10, 7, 0]);
});

test('when nobody reads, the ring fills, the rest is counted as lost, and connections go on', async () => {
  const { network } = await start({ lines: logging({ [RULE.lan]: 1 }, [1, 1e15]), flows: 16384 });
  // 112 bytes each in 512 KiB.
  const room = Math.floor((512 * 1024) / 112);
  const frames = Array.from({ length: 1300 }, (_, i) =>
    ethernet(udp({ saddr: HAN, daddr: SERVER, sport: 2000 + i, dport: 53 }), network.macs.get('eth0') ?? ''),
  );
  for (let dport = 53; dport < 58; dport++) {
    const some = frames.map((_, i) =>
      ethernet(udp({ saddr: HAN, daddr: SERVER, sport: 2000 + i, dport }), network.macs.get('eth0') ?? ''),
    );
    await network.race('eth0', some);
  }
  const { connections, lost } = await network.tally(50);
  assert.is(connections, 6500);
  const events = await network.events();
  assert.ok(events.length === room || events.length === room - 1, `${events.length} of ${room}`);
  assert.is(lost, 6500 - events.length);
});

test('a masquerade logs allocations: the first flow of a mapping, and the last', async () => {
  const { network, send } = await start({
    lines: logging({ [RULE.nat]: 2 }),
    policy: { mapping: 2, filtering: 1 },
    timeouts: { udp: 1 },
  });
  const { out } = await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53 }));
  await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 54 }));
  await send('eth0', udp({ saddr: LUKE, daddr: SERVER, sport: 2001, dport: 53 }));
  await until('they have ended', async () => (await network.flows()).length === 0, 15_000);
  const events = await network.events();
  const text = events.map((e) => `${e.kind} ${e.rule} ${e.saddr}:${e.sport} ${e.to_saddr}:${e.to_sport} ${e.daddr}`);
  assert.equal(text.slice(0, 2), [
    `mapped 8 ${HAN}:2000 ${WAN}:${out.sport} null`,
    `mapped 8 ${LUKE}:2001 ${WAN}:2001 null`,
  ]);
  assert.equal(text.slice(2).sort(), [
    `unmapped 8 ${HAN}:2000 ${WAN}:${out.sport} null`,
    `unmapped 8 ${LUKE}:2001 ${WAN}:2001 null`,
  ]);
});

test('accounts have what each inside address sent and received, whoever began', async () => {
  const { network, send } = await start({
    lines: TALLIES,
    accounted: ['192.168.1.10/32', '192.168.1.16/28'],
    timeouts: { udp: 1, tcpSyn: 1 },
  });
  const { out } = await send(
    'eth0',
    udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53, payload: Array(10).fill(0) }),
  );
  await send('wan0', udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: out.sport }));
  await send('eth0', udp({ saddr: LUKE, daddr: SERVER, sport: 2000, dport: 53 }));
  await send('wan0', tcp({ saddr: SERVER, daddr: WAN, sport: 3000, dport: 80, flags: 'S' }));
  await until('they have ended', async () => (await network.flows()).length === 0, 15_000);
  assert.equal(await network.accounts(), {
    [HAN]: { sent_packets: 1, sent_bytes: 38, received_packets: 1, received_bytes: 32 },
    [YODA]: { sent_packets: 0, sent_bytes: 0, received_packets: 1, received_bytes: 40 },
  });
});

test('what is not used is not there: no event, no account, no meter', async () => {
  const { network, send } = await start({ lines: TALLIES, timeouts: { udp: 1 } });
  await send('eth0', udp({ saddr: HAN, daddr: SERVER, sport: 2000, dport: 53 }));
  await pause(100);
  assert.equal([await network.events(), await network.accounts()], [[], {}]);
});

test.run();
