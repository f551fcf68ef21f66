/** Datagrams in pieces where something else is odd: errors, a new policy, a narrow way, overlaps, a flood. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import { Network } from './network.ts';
import { ethernet, icmp, type Layer3, parsePacket, sum16, udp } from './packets.ts';
import { cutUp, digest, fill, pieceOf, receive, send } from './pieces.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const LEIA = '192.168.1.11'; // another address of han's
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';
const REFUSED = 111;

const test = suite('fragments, odd ones');
let network: Network;
let before: Record<string, number> = {};
let id = 2000;
let port = 6000;
const at = (name: string) => network.lab.at(name);
const drops = async (): Promise<Record<string, number>> => {
  const entries = Object.entries(await network.drops()).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
  return Object.fromEntries(entries.filter(([, count]) => count > 0));
};
const out = (payload: number[], saddr = HAN): Layer3 =>
  udp({ saddr, daddr: SERVER, sport: port, dport: port, payload });
/** A packet of the flow as the server sees it. */
const seen = (payload: number[]): Layer3 => udp({ saddr: WAN, daddr: SERVER, sport: port, dport: port, payload });
const listen = async (name: string, filter: string) => {
  const device = name === 'out' ? 'wan0' : 'eth0';
  const ear = at(name).start('tcpdump', '-nn', '-v', '-l', '--immediate-mode', '-i', device, filter);
  await ear.says(/listening/);
  return ear;
};
const arrive = async (device: string, packet: Layer3) => {
  const { verdict, frame } = await network.run('tc_ingress', device, ethernet(packet, network.macs.get(device) ?? ''));
  return { verdict: verdict | 0, out: parsePacket(frame), ip: frame.subarray(14) };
};

test.before(async () => {
  network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire' });
});
test.before.each(async () => {
  id += 1;
  port += 1;
  before = await network.drops();
});
test.after(() => network?.close());

for (const order of ['in order', 'backwards'] as const) {
  test(`an ICMP error that is itself in pieces is told to the program inside, ${order}`, async () => {
    const client = at('han').start(
      'python3',
      '-uc',
      [
        'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
        `s.bind(("${HAN}", ${port})); s.connect(("${SERVER}", ${port})); s.send(b"x" * 900); print("sent")`,
        's.settimeout(5)',
        'try: s.recv(9)',
        'except OSError as e: print("error", e.errno)',
      ].join('\n'),
    );
    await client.says(/sent/);
    const error = icmp({
      saddr: SERVER,
      daddr: WAN,
      type: 3,
      code: 3,
      payload: [...seen(new Array(900).fill(120)).bytes],
    });
    const pieces = cutUp(error, id, 200);
    await send(at('out'), order === 'backwards' ? pieces.reverse() : pieces);
    await client.says(new RegExp(`error ${REFUSED}`));
    await client.stop();
  });
}
test('an error that quotes the head of a datagram gives back its identification, and one that quotes another piece finds it', async () => {
  const payload = fill(2000, port);
  await send(at('yoda'), cutUp(udp({ saddr: YODA, daddr: SERVER, sport: port, dport: port, payload }), id));
  const ear = await listen('out', `src ${WAN} and ip[6:2] & 0x3fff != 0`);
  await send(at('han'), cutUp(out(payload), id)); // the same identification: han's gets another one
  const left = await ear.says(/id (\d+), offset 1480/);
  await ear.stop('SIGINT');
  const other = Number(left[1]);
  assert.is.not(other, id);
  const flow = (await network.flows()).find((one) => one.saddr === HAN && one.sport === port);
  const sent = udp({ saddr: WAN, daddr: SERVER, sport: flow?.to.sport ?? 0, dport: port, payload });
  for (const [offset, more] of [
    [0, true],
    [1480, false],
  ] as const) {
    const quoted = pieceOf(sent, other, offset, 40, more).bytes;
    const {
      verdict,
      out: told,
      ip,
    } = await arrive('wan0', icmp({ saddr: SERVER, daddr: WAN, type: 11, code: 1, payload: quoted }));
    assert.is(verdict, 7);
    assert.equal([told.daddr, told.quoted?.saddr, told.quoted?.daddr], [HAN, HAN, SERVER]);
    assert.ok(told.sumsAreRight);
    assert.is(sum16(ip.subarray(28, 48)), 0xffff, 'of the quoted header');
    assert.is(((ip[32] ?? 0) << 8) | (ip[33] ?? 0), id, 'the quoted identification is the one that han gave it');
    if (offset === 0) assert.is(told.quoted?.sport, port);
    else assert.equal([...ip.subarray(48, 48 + 40)], payload.slice(1472, 1512), 'data is left alone');
  }
  const unknown = pieceOf(sent, 9, 1480, 40, false).bytes;
  assert.is(
    (await arrive('wan0', icmp({ saddr: SERVER, daddr: WAN, type: 11, code: 1, payload: unknown }))).verdict,
    2,
  );
  assert.equal(await drops(), { stray: 1 });
});

test('pieces that overlap end their datagram, a head too short for its ports is no head', async () => {
  const server = await receive(at('out'), SERVER, port);
  const packet = out(fill(3000, port));
  await send(at('han'), [
    pieceOf(packet, id, 0, 1480, true),
    pieceOf(packet, id, 1472, 1480, true),
    pieceOf(packet, id, 2952, 56, false),
  ]);
  await until('they are counted', async () => (await drops()).overlap === 2);
  id += 1;
  const longer = pieceOf(packet, id, 2960, 48, false); // an end, and another one
  await send(at('han'), [pieceOf(packet, id, 0, 1480, true), longer, pieceOf(packet, id, 2952, 8, false)]);
  await until('they are counted', async () => (await drops()).overlap === 3);
  id += 1;
  await send(at('han'), [pieceOf(packet, id, 0, 0, true), pieceOf(packet, id, 8, 1480, true)]);
  await until('they are counted', async () => (await drops()).fragment === 1);
  await server.stop();
  assert.not.match(server.output, /from/);
});

test('a new policy that cuts the flow stops the pieces after the head; one that lets it be does not', async () => {
  const server = await receive(at('out'), SERVER, port);
  const payload = fill(4000, port);
  const pieces = cutUp(out(payload), id);
  const [kept, closed] = [{ pool_last: 32766 }, { closed_port: port }];
  for (const policy of [kept, closed, {}]) await network.change({ epoch: 1, policy }); // loads them, which takes longer than pieces wait
  await send(at('han'), pieces.slice(0, 1));
  await network.change({ epoch: 2, policy: kept });
  await send(at('han'), pieces.slice(1));
  await server.says(new RegExp(`4000 ${digest(payload)}`));
  id += 1;
  const later = cutUp(out(payload), id);
  await send(at('han'), later.slice(0, 2));
  await network.change({ epoch: 3, policy: closed });
  const ear = await listen('out', 'udp or ip[6:2] & 0x3fff != 0');
  await send(at('han'), later.slice(2));
  await until('it is counted', async () => (await drops()).cut === later.length - 2);
  await ear.stop('SIGINT');
  assert.match(ear.output, /\n0 packets captured/);
  assert.is(server.output.split('4000 ').length, 2);
  await server.stop();
  await network.change({ epoch: 4, policy: {} });
});

test('a way out that is too narrow: pieces are cut again, or their sender is told', async () => {
  const server = await receive(at('out'), SERVER, port);
  await send(at('han'), [out([1])]);
  await at('gw').ip('link set wan0 mtu 1000');
  try {
    const payload = fill(6000, port);
    const told = await listen('han', 'icmp[0] == 3');
    // the flow asks for its MTU once a second
    await until('the sender is told', async () => {
      await send(at('han'), [pieceOf(out(payload), id++, 0, 1480, true, 0x4000)]);
      return /need to frag \(mtu 1000\)/.test(told.output);
    });
    await told.stop('SIGINT');
    const ear = await listen('out', 'udp or ip[6:2] & 0x3fff != 0');
    await send(at('han'), cutUp(out(payload), id++).reverse());
    await server.says(new RegExp(`6000 ${digest(payload)} from ${WAN} ${port}`));
    const lengths = () =>
      [...ear.output.matchAll(/proto UDP \(17\), length (\d+)/g)].map(([, length]) => Number(length));
    await until('the pieces are heard, too', async () => lengths().reduce((sum, length) => sum + length, 0) > 6000);
    await ear.stop('SIGINT');
    assert.ok(lengths().length > 5 && lengths().every((length) => length <= 1000), String(lengths()));
  } finally {
    await at('gw').ip('link set wan0 mtu 1500');
  }
  await server.stop();
});

test("the gateway's own datagram in pieces is denied with every piece", async () => {
  const ear = await listen('out', 'host 192.0.2.66');
  await at('gw').run(['ping', '-c1', '-W1', '-s4000', '192.0.2.66']);
  assert.equal(Object.keys(await drops()), ['denied']);
  await ear.stop('SIGINT');
  assert.match(ear.output, /\n0 packets captured/);
});
test("identifications of the gateway's own and of a host are told apart", async () => {
  const server = await receive(at('out'), SERVER, port);
  const [one, two] = [fill(2000, 1), fill(2000, 2)];
  const own = cutUp(udp({ saddr: WAN, daddr: SERVER, sport: port + 500, dport: port, payload: one }), id);
  const inside = cutUp(out(two), id);
  await send(at('han'), inside.slice(0, 1));
  await send(at('gw'), own);
  await send(at('han'), inside.slice(1));
  await server.says(new RegExp(`2000 ${digest(one)} from ${WAN} ${port + 500}`));
  await server.says(new RegExp(`2000 ${digest(two)} from ${WAN}`));
  await server.stop();
});

test('a flood of pieces without heads leaves the stash to others, and every one of them is counted', async () => {
  const server = await receive(at('out'), SERVER, port);
  const junk: Layer3[] = [];
  const flood = 6000;
  for (let n = 0; n < flood; n++) junk.push(pieceOf(out(fill(64, 1), LEIA), n, 32, 32, false));
  const payloads = [1, 2, 3, 4, 5].map((seed) => fill(5000, seed));
  const under = send(at('han'), junk);
  for (const payload of payloads) {
    await send(
      at('yoda'),
      cutUp(udp({ saddr: YODA, daddr: SERVER, sport: port, dport: port, payload }), id++).reverse(),
    );
    await server.says(new RegExp(`5000 ${digest(payload)}`));
  }
  await under;
  await until(
    'all are counted',
    async () => {
      const { fragment = 0, 'stash-full': full = 0, stray: _, ...others } = await drops();
      assert.equal(others, {});
      assert.ok(fragment + full <= flood);
      return fragment + full === flood && full > flood / 2 && fragment > 0;
    },
    10_000,
  );
  await server.stop();
});

test.run();
