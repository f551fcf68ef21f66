/** Datagrams in pieces through the gateway, in every order, both ways, over Ethernet by XDP, by TC alone, and a tun. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import { Network, type Options } from './network.ts';
import { icmp, type Layer3, tcp, udp } from './packets.ts';
import { cutUp, digest, fill, receive, send, shuffle } from './pieces.ts';

needs('linux', 'root', 'btf', 'tun', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const YODA = '192.168.1.20';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';
const LAN = '192.168.1.1';

const ways: readonly Options[] = [
  { wan: 'ethernet', xdp: true, cables: 'wire' },
  { wan: 'ethernet', xdp: false, cables: 'offload' },
  { wan: 'tun', xdp: true, cables: 'wire' },
];
const orders: Readonly<Record<string, (pieces: readonly Layer3[]) => Layer3[]>> = {
  'in order': (pieces) => [...pieces],
  reversed: (pieces) => [...pieces].reverse(),
  'shuffled once': (pieces) => shuffle(pieces, 1),
  'shuffled otherwise': (pieces) => shuffle(pieces, 2),
  'each twice': (pieces) => pieces.flatMap((piece) => [piece, piece]),
  'backwards, each twice': (pieces) => [...pieces].reverse().flatMap((piece) => [piece, piece]),
  'last first': (pieces) => [...pieces.slice(-1), ...pieces.slice(0, -1)],
  'the head in the middle': (pieces) => [...pieces.slice(3), ...pieces.slice(0, 3)],
};

for (const way of ways) {
  const test = suite(`fragments: ${way.wan}, ${way.xdp ? 'XDP' : 'TC'}`);
  let network: Network;
  let before: Record<string, number> = {};
  let id = 1000;
  let port = 5000;
  const at = (name: string) => network.lab.at(name);
  const drops = async (): Promise<Record<string, number>> => {
    const entries = Object.entries(await network.drops()).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
    return Object.fromEntries(entries.filter(([, count]) => count > 0));
  };
  test.before(async () => {
    network = await Network.open({ ...way, policy: { mapping: 2, filtering: 2, closed_port: 666 } });
  });
  test.before.each(async () => {
    id += 1;
    port += 1;
    before = await network.drops();
  });
  test.after(() => network?.close());

  test('nine pieces of UDP from an inside host, in every order', async () => {
    const server = await receive(at('out'), SERVER, port);
    for (const [name, arrange] of Object.entries(orders)) {
      const payload = fill(9 * 1480 - 8, id);
      const pieces = cutUp(udp({ saddr: HAN, daddr: SERVER, sport: port, dport: port, payload }), id++);
      await send(at('han'), arrange(pieces));
      await until(name, () => server.output.includes(`${payload.length} ${digest(payload)} from ${WAN} ${port}\n`));
    }
    await server.stop();
  });
  test('and to it, in every order', async () => {
    const client = await receive(at('han'), HAN, port);
    await send(at('han'), [udp({ saddr: HAN, daddr: SERVER, sport: port, dport: port })]);
    for (const [name, arrange] of Object.entries(orders)) {
      const payload = fill(9 * 1480 - 8, id);
      const pieces = cutUp(udp({ saddr: SERVER, daddr: WAN, sport: port, dport: port, payload }), id++);
      await send(at('out'), arrange(pieces));
      await until(name, () => client.output.includes(`${payload.length} ${digest(payload)} from ${SERVER} ${port}\n`));
    }
    await client.stop();
  });

  test('a datagram of 65,507 bytes, backwards', async () => {
    const server = await receive(at('out'), SERVER, port);
    const payload = fill(65_507, port);
    const pieces = cutUp(udp({ saddr: HAN, daddr: SERVER, sport: port, dport: port, payload }), id);
    await send(at('han'), pieces.reverse());
    await server.says(new RegExp(`65507 ${digest(payload)}`));
    await server.stop();
    assert.equal(await drops(), {});
  });

  test('two inside hosts, the same port, the same identification, to the same server, piece by piece', async () => {
    const server = await receive(at('out'), SERVER, port);
    const one = fill(4000, 1);
    const two = fill(4000, 2);
    for (const backwards of [false, true]) {
      const cut = (saddr: string, payload: number[]): Layer3[] => {
        const pieces = cutUp(udp({ saddr, daddr: SERVER, sport: port, dport: port, payload }), id, 800);
        return backwards ? pieces.reverse() : pieces;
      };
      const [first, second] = [cut(HAN, one), cut('192.168.1.11', two)];
      await send(
        at('han'),
        first.flatMap((piece, i) => [piece, second[i] as Layer3]),
      );
      id += 1;
    }
    const count = (payload: number[]) => server.output.split(`4000 ${digest(payload)} from ${WAN}`).length - 1;
    await until('all have come', () => count(one) === 2 && count(two) === 2);
    await server.stop();
  });
  test('two outside hosts, the same identification, to two inside hosts and to one', async () => {
    const [han, yoda] = [await receive(at('han'), HAN, port), await receive(at('yoda'), YODA, port)];
    const open = (saddr: string, daddr: string) => udp({ saddr, daddr, sport: port, dport: port });
    await send(at('han'), [open(HAN, SERVER), open(HAN, '203.0.113.2')]);
    await send(at('yoda'), [{ ...open(YODA, SERVER) }]);
    const outside = (await network.flows()).find((flow) => flow.saddr === YODA && flow.sport === port)?.to.sport ?? 0;
    const cut = (saddr: string, dport: number, seed: number): Layer3[] =>
      cutUp(udp({ saddr, daddr: WAN, sport: port, dport, payload: fill(4000, seed) }), id).reverse();
    const [a, b] = [cut(SERVER, port, 1), cut('203.0.113.2', port, 2)];
    await send(
      at('out'),
      a.flatMap((piece, i) => [piece, b[i] as Layer3]),
    );
    id += 1;
    await send(at('out'), cut(SERVER, outside, 3));
    await han.says(new RegExp(`4000 ${digest(fill(4000, 1))} from ${SERVER}`));
    await han.says(new RegExp(`4000 ${digest(fill(4000, 2))} from 203.0.113.2`));
    await yoda.says(new RegExp(`4000 ${digest(fill(4000, 3))} from ${SERVER}`));
    await Promise.all([han.stop(), yoda.stop()]);
  });

  test('hairpin: pieces between two inside hosts by their outside address, backwards', async () => {
    const yoda = await receive(at('yoda'), YODA, port);
    await send(at('yoda'), [udp({ saddr: YODA, daddr: SERVER, sport: port, dport: 9 })]);
    const payload = fill(5000, port);
    await send(
      at('han'),
      cutUp(udp({ saddr: HAN, daddr: WAN, sport: port + 1000, dport: port, payload }), id).reverse(),
    );
    await yoda.says(new RegExp(`5000 ${digest(payload)} from ${WAN} ${port + 1000}`));
    await yoda.stop();
  });
  test('to the gateway itself, backwards, and its answer in pieces', async () => {
    const gateway = await receive(at('gw'), LAN, port, true);
    const client = await receive(at('han'), HAN, port);
    const payload = fill(5000, port);
    await send(at('han'), cutUp(udp({ saddr: HAN, daddr: LAN, sport: port, dport: port, payload }), id).reverse());
    await gateway.says(new RegExp(`5000 ${digest(payload)} from ${HAN} ${port}`));
    await client.says(new RegExp(`5000 ${digest(payload)} from ${LAN} ${port}`));
    await Promise.all([gateway.stop(), client.stop()]);
  });
  test('large pings: through the gateway, to it, from it', async () => {
    for (const [name, target] of [
      ['han', SERVER],
      ['han', LAN],
      ['gw', SERVER],
      ['gw', HAN],
    ] as const) {
      const { code, out } = await at(name).run(['ping', '-c3', '-i0.2', '-W2', '-s8000', target]);
      assert.is(code, 0, `${name} to ${target}: ${out}`);
    }
    assert.equal(await drops(), {});
  });
  test('an echo request in pieces, backwards, is answered', async () => {
    const ear = at('han').start(
      'tcpdump',
      '-nn',
      '-l',
      '--immediate-mode',
      '-i',
      'eth0',
      `icmp[0] == 0 and src ${SERVER}`,
    );
    await ear.says(/listening/);
    const payload = fill(4000, port);
    await send(at('han'), cutUp(icmp({ saddr: HAN, daddr: SERVER, type: 8, id: port, payload }), id).reverse());
    await ear.says(new RegExp(`${SERVER} > ${HAN}: ICMP echo reply, id ${port}`));
    await ear.stop('SIGINT');
  });
  test('a SYN in pieces, backwards, through a redirect and back by its target', async () => {
    const web = at('yoda').start('ncat', '-lk', '8080');
    await until('it listens', async () => (await at('yoda').ask('ss', '-tln')).includes(':8080 '));
    const ear = at('out').start('tcpdump', '-nn', '-l', '--immediate-mode', '-i', 'wan0', `tcp port ${port}`);
    await ear.says(/listening/);
    const syn = tcp({ saddr: SERVER, daddr: WAN, sport: port, dport: 80, flags: 'S', payload: fill(100, 1) });
    await send(at('out'), cutUp(syn, id, 64).reverse());
    await ear.says(new RegExp(`${WAN}.80 > ${SERVER}.${port}: Flags \\[S\\.\\]`));
    await Promise.all([ear.stop('SIGINT'), web.stop()]);
  });

  test('what is denied is denied with every piece, before and after the head', async () => {
    const ear = at('out').start(
      'tcpdump',
      '-nn',
      '-l',
      '--immediate-mode',
      '-i',
      'wan0',
      'udp or ip[6:2] & 0x3fff != 0',
    );
    await ear.says(/listening/);
    const pieces = cutUp(udp({ saddr: HAN, daddr: SERVER, sport: port, dport: 666, payload: fill(8000, 1) }), id);
    await send(at('han'), [...pieces.slice(3), ...pieces.slice(0, 3)]);
    assert.equal(await drops(), { denied: pieces.length });
    await ear.stop('SIGINT');
    assert.match(ear.output, /\n0 packets captured/);
  });
  test('pieces without a head never leave, and are counted when their time is over', async () => {
    const ear = at('out').start(
      'tcpdump',
      '-nn',
      '-l',
      '--immediate-mode',
      '-i',
      'wan0',
      'udp or ip[6:2] & 0x3fff != 0',
    );
    await ear.says(/listening/);
    await send(at('han'), [udp({ saddr: HAN, daddr: '203.0.113.2', sport: port, dport: 9 })]);
    const pieces = cutUp(udp({ saddr: HAN, daddr: '203.0.113.2', sport: port, dport: 9, payload: fill(8000, 1) }), id);
    await send(at('han'), pieces.slice(1));
    await until('they are counted', async () => (await drops()).fragment === pieces.length - 1);
    await ear.stop('SIGINT');
    assert.match(ear.output, /\n1 packet captured/);
  });

  test.run();
}
