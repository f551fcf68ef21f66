/** What the programs answer themselves, and when they keep silent (RFC 5382 REQ-4, RFC 5508 REQ-8, RFC 1812). */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { Network, type Options } from './network.ts';
import { ethernet, icmp, type Layer3, parsePacket, type TcpOptions, tcp, udp } from './packets.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const [TC_DROP, TC_REDIRECT] = [2, 7];
const XDP_PASS = 2;
const XDP_REDIRECT = 4;
const HAN = '192.168.1.10';
const LUKE = '192.168.1.11';
const YODA = '192.168.1.20';
const LAN = '192.168.1.1';
const SERVER = '192.0.2.80';
const PEER = '198.51.100.9';
const WAN = '203.0.113.1';

class Bench {
  readonly network: Network;
  #before: Record<string, number> = {};

  static async open(options: Partial<Options>): Promise<Bench> {
    const bench = new Bench(await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', ...options }));
    await bench.network.lab
      .at('gw')
      .ip(
        ...[HAN, LUKE, YODA].map(
          (host, i) => `neigh replace ${host} lladdr 02:00:00:00:00:a${i} nud permanent dev eth0`,
        ),
        'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
      );
    return bench;
  }
  constructor(network: Network) {
    this.network = network;
  }

  frame(device: string, packet: Layer3): Uint8Array {
    return ethernet(packet, this.network.macs.get(device) ?? '');
  }
  async run(program: string, device: string, packet: Layer3) {
    const { verdict, frame } = await this.network.run(program, device, this.frame(device, packet));
    return { verdict: verdict | 0, out: parsePacket(frame) };
  }
  async mark(): Promise<void> {
    this.#before = await this.network.drops();
  }
  async drops(): Promise<Record<string, number>> {
    const now = Object.entries(await this.network.drops());
    const grown = now.map(([name, n]) => [name, n - (this.#before[name] ?? 0)] as const);
    return Object.fromEntries(grown.filter(([, n]) => n > 0));
  }
}

const held = suite('an unsolicited SYN');
let bench: Bench;
let port = 5000;
const syn = (fields: Partial<TcpOptions> = {}): Layer3 =>
  tcp({ saddr: PEER, daddr: WAN, sport: 443, dport: port, flags: 'S', seq: 700, ...fields });
held.before(async () => {
  bench = await Bench.open({ policy: { rejects: 1 }, flows: 32_768 });
});
held.before.each(async () => {
  port += 1;
  await bench.mark();
});
held.after(() => bench?.network.close());

held('that would be rejected is not answered for six seconds, its first retransmission afterwards is', async () => {
  const start = performance.now();
  const ask = async () => (await bench.run('tc_ingress', 'wan0', syn())).verdict;
  assert.is((await bench.run('xdp_ingress', 'wan0', syn())).verdict, XDP_PASS);
  for (const second of [0, 1, 3, 5]) {
    await pause(Math.max(0, start + second * 1000 - performance.now()));
    assert.is(await ask(), TC_DROP, `after ${second} s`);
  }
  assert.equal(await bench.drops(), { held: 4 });
  await pause(Math.max(0, start + 6400 - performance.now()));
  const { verdict, out } = await bench.run('tc_ingress', 'wan0', syn());
  assert.equal([verdict, out.flags, out.ack, out.daddr], [TC_REDIRECT, 'AR', 701, PEER]);
  assert.is(await ask(), TC_DROP, 'the next one is a new attempt');
});
held('is forgotten when the inside host opens the same connection meanwhile', async () => {
  assert.is((await bench.run('tc_ingress', 'wan0', syn())).verdict, TC_DROP);
  const han = { saddr: HAN, daddr: PEER, sport: port, dport: 443 };
  const out = await bench.run('xdp_ingress', 'eth0', tcp({ ...han, flags: 'S', seq: 100 }));
  assert.equal([out.verdict, out.out.sport], [XDP_REDIRECT, port]);
  const again = await bench.run('xdp_ingress', 'wan0', syn());
  assert.equal([again.verdict, again.out.daddr, again.out.flags], [XDP_REDIRECT, HAN, 'S']);
  assert.is((await bench.run('xdp_ingress', 'eth0', tcp({ ...han, flags: 'SA', seq: 100, ack: 701 }))).verdict, 4);
  assert.is((await bench.run('xdp_ingress', 'wan0', syn({ flags: 'SA', ack: 101 }))).verdict, XDP_REDIRECT);
  assert.is((await bench.run('xdp_ingress', 'eth0', tcp({ ...han, flags: 'A', seq: 101, ack: 701 }))).verdict, 4);
  assert.equal(await bench.drops(), { held: 1 });
});
held('to a port that no masquerade gives out is rejected at once, and so is one from inside', async () => {
  const ident = await bench.run('tc_ingress', 'wan0', syn({ dport: 113 }));
  assert.equal([ident.verdict, ident.out.flags], [TC_REDIRECT, 'AR']);
  const telnet = await bench.run('tc_ingress', 'eth0', syn({ saddr: HAN, daddr: LAN, dport: 23 }));
  assert.equal([telnet.verdict, telnet.out.flags], [TC_REDIRECT, 'AR']);
  assert.equal(await bench.drops(), { rejected: 2 });
});
held('is never answered early, however many others come', async () => {
  assert.is((await bench.run('tc_ingress', 'wan0', syn())).verdict, TC_DROP);
  const flood = Array.from({ length: 9000 }, (_, i) => bench.frame('wan0', syn({ sport: 1000 + i })));
  const verdicts = await bench.network.burst('tc_ingress', 'wan0', flood);
  assert.ok(verdicts.every((one) => one === TC_DROP));
  assert.is((await bench.run('tc_ingress', 'wan0', syn())).verdict, TC_DROP);
});
held.run();

const rate = suite('the rate of answers');
rate('is bounded for each host, and for all; others are answered still', async () => {
  const bench = await Bench.open({ policy: { rejects: 1 } });
  try {
    const ask = (saddr: string, sport: number) => udp({ saddr, daddr: '192.0.2.67', sport, dport: 99 });
    const many = Array.from({ length: 400 }, (_, i) => bench.frame('eth0', ask(HAN, 2000 + i)));
    const start = performance.now();
    const verdicts = await bench.network.burst('tc_ingress', 'eth0', many);
    const seconds = (performance.now() - start) / 1000;
    const answered = verdicts.filter((one) => one === TC_REDIRECT).length;
    assert.ok(answered >= 100 && answered <= 100 + 50 * seconds + 1, `${answered} in ${seconds} s`);
    assert.equal(await bench.drops(), { rejected: 400 }, 'each is counted under its own reason');
    assert.is((await bench.run('tc_ingress', 'eth0', ask(LUKE, 2000))).verdict, TC_REDIRECT);

    // Each from an address of its own: the bucket of all.
    const spread = Array.from({ length: 4000 }, (_, i) => {
      const saddr = `198.51.${Math.floor(i / 200)}.${1 + (i % 200)}`;
      return bench.frame('wan0', udp({ saddr, daddr: '192.0.2.67', sport: 7, dport: 99 }));
    });
    const begin = performance.now();
    const all = await bench.network.burst('tc_ingress', 'wan0', spread);
    const took = (performance.now() - begin) / 1000;
    const sent = all.filter((one) => one === TC_REDIRECT).length;
    assert.ok(sent >= 500 && sent <= 1000 + 1000 * took + 1, `${sent} in ${took} s`);
    assert.ok(took > 3 || sent < 4000);
    const answers = await bench.network.answers();
    assert.equal(answers.sent + answers.withheld, 400 + 1 + 4000);
  } finally {
    bench.network.close();
  }
});
rate.run();

const full = suite('a flow that cannot be set up');
full('is refused by ICMP 3/13 inside, and live ones go on', async () => {
  const bench = await Bench.open({ flows: 8, timeouts: { udp: 300 } });
  try {
    const hosts = [HAN, HAN, HAN, HAN, LUKE, LUKE, YODA, '192.168.1.12']; // each has its share (shares.test.ts)
    const ask = (sport: number, saddr = HAN) => udp({ saddr, daddr: SERVER, sport, dport: 53 });
    for (const [i, host] of hosts.entries())
      assert.is((await bench.run('xdp_ingress', 'eth0', ask(3000 + i, host))).verdict, XDP_REDIRECT);
    assert.is((await bench.run('xdp_ingress', 'eth0', ask(3100))).verdict, XDP_PASS);
    const refused: Layer3[] = [
      ask(3100),
      tcp({ saddr: HAN, daddr: SERVER, sport: 3100, dport: 80, flags: 'S' }),
      icmp({ saddr: HAN, daddr: SERVER, type: 8, id: 5 }),
    ];
    for (const packet of refused) {
      const { verdict, out } = await bench.run('tc_ingress', 'eth0', packet);
      assert.equal([verdict, out.protocol, out.type, out.code], [TC_REDIRECT, 1, 3, 13]);
      assert.equal([out.saddr, out.daddr, out.quoted?.saddr, out.quoted?.daddr], [LAN, HAN, HAN, SERVER]);
      assert.ok(out.sumsAreRight);
    }
    const outside = tcp({ saddr: PEER, daddr: WAN, sport: 9, dport: 80, flags: 'S' });
    assert.is((await bench.run('tc_ingress', 'wan0', outside)).verdict, TC_DROP, 'nothing of it is told outside');
    assert.equal(await bench.drops(), { 'table-full': 4 });
    for (const [i, host] of hosts.slice(0, 7).entries()) {
      const { verdict, out } = await bench.run('xdp_ingress', 'eth0', ask(3000 + i, host));
      assert.equal([verdict, out.sport], [XDP_REDIRECT, 3000 + i]);
      const back = udp({ saddr: SERVER, daddr: WAN, sport: 53, dport: 3000 + i });
      assert.is((await bench.run('xdp_ingress', 'wan0', back)).out.daddr, host);
    }
  } finally {
    bench.network.close();
  }
});
full('because the ports are exhausted is refused the same way', async () => {
  for (const mapping of [0, 2]) {
    const bench = await Bench.open({ policy: { mapping, filtering: 1, pool_first: 2000, pool_last: 2001 } });
    try {
      const ask = (saddr: string, sport: number) => tcp({ saddr, daddr: SERVER, sport, dport: 80, flags: 'S' });
      for (const sport of [4000, 4001])
        assert.is((await bench.run('tc_ingress', 'eth0', ask(HAN, sport))).verdict, TC_REDIRECT);
      const { verdict, out } = await bench.run('tc_ingress', 'eth0', ask(LUKE, 4000));
      assert.equal([verdict, out.type, out.code, out.daddr], [TC_REDIRECT, 3, 13, LUKE]);
      assert.equal(await bench.drops(), { 'ports-exhausted': 1 });
      assert.is((await bench.run('tc_ingress', 'eth0', ask(HAN, 4001))).out.saddr, WAN);
    } finally {
      bench.network.close();
    }
  }
});
full.run();

for (const [wan, xdp] of [
  ['ethernet', true],
  ['tun', false],
] as const) {
  const own = suite(`\`reject\` of the gateway's own packets, ${wan}`);
  own('is told to its programs at once', async () => {
    const bench = await Bench.open({ wan, xdp, cables: 'offload' });
    const gw = bench.network.lab.at('gw');
    try {
      const web = await gw.run(['curl', '-sS', '-m', '5', 'http://192.0.2.67/']);
      assert.equal([web.code, web.milliseconds < 1000], [7, true], `${web.code} after ${web.milliseconds} ms`);
      const script = [
        'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5)',
        's.connect(("192.0.2.67", 5353)); s.send(b"x")',
        'try: s.recv(10)',
        'except OSError as e: print(type(e).__name__, e.errno)',
      ].join('\n');
      const asked = await gw.run(['python3', '-c', script]);
      assert.match(asked.out, 'OSError 113', asked.err); // EHOSTUNREACH
      assert.ok(asked.milliseconds < 2000);
      const ping = await gw.run(['ping', '-c1', '-W2', '192.0.2.67']);
      assert.match(ping.out, 'Packet filtered');
      const { rejected = 0, ...others } = await bench.drops();
      assert.equal([rejected, others], [3, {}]);
    } finally {
      bench.network.close();
    }
  });
  own.run();
}
