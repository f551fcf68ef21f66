/** Real programs over IPv6 by XDP: filtered alone, behind a masquerade (NAT66), and with another prefix (NPTv6, RFC 6296). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { icmp6, udp6 } from '../datapath/packets6.ts';
import { digest, fill, shuffle } from '../datapath/pieces.ts';
import { cutUp6, pieceOf6, receive6, send6 } from '../datapath/pieces6.ts';
import { listen } from '../lab/capture.ts';
import { countDrops, listConnections, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { openSix, type SixNetwork, six } from '../lab/six-network.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

interface Kind {
  readonly name: string;
  readonly translation: string;
  /** What the hosts send from. */
  readonly han: string;
  readonly yoda: string;
  /** What the world sees of han. */
  readonly seen: RegExp;
}
const LOCAL = { han: six.hanLocal, yoda: six.yodaLocal };
const kinds: readonly Kind[] = [
  { name: 'filtered', translation: '', han: six.han, yoda: six.yoda, seen: /^2001:db8:1::10$/ },
  {
    name: 'NAT66',
    translation: 'masquerade hidden {\n  family ipv6\n  from local\n  interface wan\n  ports 40000-49999\n}',
    ...LOCAL,
    seen: /^2001:db8:2::1$/,
  },
  {
    name: 'NPTv6',
    translation: 'map provider {\n  interface wan\n  inside fd00:1::/64\n  outside 2001:db8:f::/64\n}',
    ...LOCAL,
    seen: /^2001:db8:f:0?:/,
  },
];

const textOf = ({ translation }: Kind) => `
gateway six {
  datapath ebpf
  default  deny
  flows    4096
}
interface wan = wan0 { mss 1240 }
interface lan = eth0
network local = fd00:1::/64 on lan
policy out from lan to wan {
  reject udp 9999
  default allow
}
policy mine from any to self {
  allow icmp echo-request
  default deny
}
${translation}
`;

const orders: readonly (<T>(pieces: readonly T[]) => T[])[] = [
  (pieces) => [...pieces],
  (pieces) => [...pieces].reverse(),
  (pieces) => shuffle(pieces, 1),
  (pieces) => [...pieces].reverse().flatMap((piece) => [piece, piece]),
  (pieces) => [...pieces.slice(-1), ...pieces.slice(0, -1)],
];

for (const kind of kinds) {
  const test = suite(`IPv6 traffic, ${kind.name}`);
  let network: SixNetwork;
  let port = 5000;
  let id = 100_000;
  const at = (name: 'gw' | 'han' | 'yoda' | 'out') => network.at(name);

  test.before(async () => {
    network = await openSix();
    for (const [name, address] of [
      ['han', kind.han],
      ['yoda', kind.yoda],
    ] as const) {
      await at(name).ip(`route replace ::/0 via ${six.gateway} src ${address}`);
      if (kind.han !== six.han) await at(name).ip(`addr del ${six[name]}/64 dev eth0`);
      if (kind.han !== six.han) await at(name).ip(`route add ${six.gateway}/128 dev eth0 src ${address}`);
      if (kind.han !== six.han) await at(name).ip(`route replace ::/0 via ${six.gateway} src ${address}`);
    }
    const names = [
      '--no-daemon',
      '--conf-file=/dev/null',
      '--user=root',
      '--pid-file=',
      '--log-facility=-',
      '--port=53',
    ];
    const dns = ['--no-resolv', '--no-hosts', '--bind-interfaces', `--listen-address=${six.server}`];
    await at('out')
      .start('dnsmasq', ...names, ...dns, `--address=/six.example/${six.server}`)
      .says(/started, version/);
    await at('out')
      .start('iperf3', '-s', '-6', '-B', six.server, '--forceflush')
      .says(/listening/i);
    const said = await mustMasqc(at('gw'), 'apply', writeGatewayFile(textOf(kind)));
    assert.match(said, /XDP native/);
  });
  test.before.each(() => {
    port += 1;
    id += 10;
  });
  test.after(() => network?.lab.close());

  test('a page, and who is seen; a download and an upload arrive whole', async () => {
    const page = await at('han').ask('curl', '-gsS', '-m', '8', `http://[${six.server}]/`);
    assert.match(/greets (.*):\d+$/m.exec(page)?.[1] ?? page, kind.seen);
    const script = `curl -gsS -m 20 -w '%{stderr}%header{x-sha256}' 'http://[${six.server}]/bytes/5000000' | sha256sum`;
    const down = await at('han').run(['sh', '-c', script]);
    assert.is(down.out.split(' ')[0], down.err.trim());
    const put = `head -c 3000000 /dev/urandom > /tmp/masqc-put-$$; sha256sum < /tmp/masqc-put-$$; curl -gsS -m 20 -T /tmp/masqc-put-$$ 'http://[${six.server}]/x'; rm /tmp/masqc-put-$$`;
    const [mine = '', theirs = 'none'] = (await at('han').ask('sh', '-c', put)).trim().split('\n');
    assert.is(mine.split(' ')[0], theirs);
    const shown = await listConnections(at('gw'));
    assert.ok(shown.some(({ source, protocol }) => source.address === kind.han && protocol === 'tcp'));
  });
  test('iperf3 over TCP both ways, and over UDP without a loss', async () => {
    for (const way of [[], ['-R']]) {
      const out = await at('han').ask('iperf3', '-6', '-J', '-t', '1', '-c', six.server, ...way);
      const { end } = JSON.parse(out) as { end: { sum_received: { bytes: number } } };
      assert.ok(end.sum_received.bytes > 1_000_000, `${end.sum_received.bytes}`);
    }
    const args = ['-6', '-J', '-u', '-b', '5M', '-l', '1000', '-t', '1', '-c', six.server];
    const { end } = JSON.parse(await at('han').ask('iperf3', ...args)) as { end: { sum: Record<string, number> } };
    assert.equal([(end.sum.packets ?? 0) > 300, end.sum.lost_packets], [true, 0]);
  });
  test('names, pings large and small, and the ways of traceroute and tracepath', async () => {
    const found = await at('han').ask('dig', '-6', `@${six.server}`, '+short', '+tries=2', 'AAAA', 'six.example');
    assert.is(found.trim(), six.server);
    for (const size of ['56', '8000']) {
      const ping = await at('han').run(['ping', '-6', '-c2', '-i0.3', '-W2', '-s', size, six.server]);
      assert.match(ping.out, / 0% packet loss/, size);
    }
    for (const how of [[], ['-I'], ['-T', '-p', '80']]) {
      const { out } = await at('han').run(['traceroute', '-6', '-n', '-q1', '-w2', '-m', '4', ...how, six.server]);
      assert.match(out, / 1 {2}(2001:db8:1|fd00:1)::1 /, how.join(' '));
      assert.match(out, / 2 {2}2001:db8:80::80 /, how.join(' '));
    }
    const path = await at('han').run(['tracepath', '-6', '-n', '-m', '4', six.server]);
    assert.match(path.out, /2001:db8:80::80 .*reached/);
  });
  test('SYNs ask for what `mss` says, both ways', async () => {
    const ear = await listen(at('out'), 'wan0', 'ip6 proto 6 and ip6[53] & 2 != 0');
    const inner = await listen(at('han'), 'eth0', 'ip6 proto 6 and ip6[53] & 2 != 0');
    await at('han').ask('curl', '-gsS', '-m', '8', '-o', '/dev/null', `http://[${six.server}]/bytes/300000`);
    const heard = (lines: readonly string[]) => lines.map((line) => Number(/mss (\d+)/.exec(line)?.[1]));
    assert.equal(heard(await ear.end()), [1220, 1440], 'as it leaves (IPv6 has 20 bytes less), and before it comes in');
    assert.equal(heard(await inner.end()), [1440, 1220]);
  });
  test('`reject` tells a program at once', async () => {
    const script = `import socket;s=socket.socket(10,2);s.settimeout(5);s.connect(('${six.server}',9999));s.send(b'x')
try: s.recv(9)
except OSError as e: print(e.errno)`;
    assert.is((await at('han').ask('python3', '-c', script)).trim(), '13', 'EACCES: administratively prohibited');
  });

  test('pieces in every order arrive whole, and so do those of the answer', async () => {
    const server = await receive6(at('out'), six.server, port);
    const client = await receive6(at('han'), kind.han, port);
    const ends = { saddr: kind.han, daddr: six.server, sport: port, dport: port };
    let from = '';
    for (const arrange of orders) {
      const payload = fill(6 * 1232, id);
      await send6(at('han'), arrange(cutUp6(udp6({ ...ends, payload }), id++)));
      const line = new RegExp(`^${payload.length} ${digest(payload)} from (.*) (\\d+)$`, 'm');
      const [, seen = '', as = ''] = await server.says(line);
      assert.match(seen, kind.seen);
      from = `${seen} ${as}`;
    }
    const [daddr = '', dport = ''] = from.split(' ');
    for (const arrange of orders) {
      const payload = fill(6 * 1232, id);
      const answer = udp6({ saddr: six.server, daddr, sport: port, dport: Number(dport), payload });
      await send6(at('out'), arrange(cutUp6(answer, id++)));
      await client.says(new RegExp(`^${payload.length} ${digest(payload)} from ${six.server} ${port}$`, 'm'));
    }
    await Promise.all([server.stop(), client.stop()]);
  });
  test('two hosts with the same identification, ports and receiver, piece by piece', async () => {
    const server = await receive6(at('out'), six.server, port);
    const payloads = [fill(4000, id), fill(4000, id + 1)] as const;
    const [mine = [], theirs = []] = [kind.han, kind.yoda].map((saddr, i) =>
      cutUp6(udp6({ saddr, daddr: six.server, sport: port, dport: port, payload: payloads[i as 0 | 1] }), id),
    );
    for (const [index, piece] of mine.entries()) {
      await send6(at('han'), [piece]);
      await send6(at('yoda'), [theirs[index] ?? piece]);
    }
    for (const payload of payloads) await server.says(new RegExp(`^${payload.length} ${digest(payload)} from`, 'm'));
    await server.stop();
  });
  test('atomic fragments stand alone, whatever has their identification (RFC 6946)', async () => {
    const server = await receive6(at('out'), six.server, port);
    const ends = { saddr: kind.han, daddr: six.server, sport: port, dport: port };
    const whole = fill(3000, id);
    const [first, ...others] = cutUp6(udp6({ ...ends, payload: whole }), id);
    const small = fill(400, id + 1);
    const atomic = pieceOf6(udp6({ ...ends, payload: small }), id, 0, 408, false);
    await send6(at('han'), [atomic, ...(first === undefined ? [] : [first]), atomic, ...others]);
    await until('both came, and the small one twice', () => {
      const lines = server.output.split('\n');
      const count = (payload: readonly number[]) => lines.filter((line) => line.includes(digest(payload))).length;
      return count(small) === 2 && count(whole) === 1;
    });
    await server.stop();
  });
  test('what overlaps is dropped whole (RFC 5722)', async () => {
    const server = await receive6(at('out'), six.server, port);
    const packet = udp6({ saddr: kind.han, daddr: six.server, sport: port, dport: port, payload: fill(3000, id) });
    const before = (await countDrops(at('gw')))('overlap');
    const overlapping = [
      pieceOf6(packet, id, 0, 1232, true),
      pieceOf6(packet, id, 1224, 1232, true),
      pieceOf6(packet, id, 1232, 1232, true),
      pieceOf6(packet, id, 2464, 3008 - 2464, false),
    ];
    await send6(at('han'), overlapping);
    await until('they are counted', async () => (await countDrops(at('gw')))('overlap') >= before + 1);
    const last = fill(64, id + 1);
    await send6(at('han'), [udp6({ saddr: kind.han, daddr: six.server, sport: port, dport: port, payload: last })]);
    await server.says(new RegExp(digest(last)));
    assert.not.match(server.output, /^3000 /m);
    await server.stop();
  });
  test('an error that comes in pieces, or quotes one, reaches the socket that it is about', async () => {
    const server = await receive6(at('out'), six.server, port);
    const script = `import socket,sys
s=socket.socket(10,2);s.bind(('${kind.han}',${port}));s.settimeout(8);s.connect(('${six.server}',${port}));s.send(b'hello');print('sent',flush=True)
try: s.recv(9)
except OSError as e: print('error',e.errno)`;
    const program = at('han').start('python3', '-uc', script);
    await program.says(/sent/);
    const [, daddr = '', sport = ''] = await server.says(/from (.*) (\d+)$/m);
    const quoted = udp6({
      saddr: daddr,
      daddr: six.server,
      sport: Number(sport),
      dport: port,
      payload: [...Buffer.from('hello')],
    });
    const error = icmp6({ saddr: six.peer, daddr, type: 1, code: 4, payload: [...quoted.bytes, ...fill(512, id)] });
    await send6(at('out'), cutUp6(error, id, 256).reverse());
    await program.says(/error 111/);
    await Promise.all([server.stop(), program.stop()]);
  });
  test.run();
}
