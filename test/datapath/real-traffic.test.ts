/** Real programs through the datapath: XDP and TC, checksums complete and left to hardware, an Ethernet wan and a tun. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Program } from '../lab/program.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';
import { Network, type Options } from './network.ts';

needs('linux', 'root', 'btf', 'tun', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const HAN = '192.168.1.10';
const SERVER = '192.0.2.80';
const WAN = '203.0.113.1';

const ways: readonly Options[] = [
  { wan: 'ethernet', xdp: true, cables: 'wire' },
  { wan: 'ethernet', xdp: true, cables: 'offload' },
  { wan: 'ethernet', xdp: false, cables: 'offload' },
  { wan: 'tun', xdp: true, cables: 'wire' },
  { wan: 'tun', xdp: false, cables: 'offload' },
];

const folder = mkdtempSync(join(tmpdir(), 'masqc-web-'));
const content = Buffer.alloc(10_000_000, 'masqc moves packets. ');
const digest = createHash('sha256').update(content).digest('hex');
writeFileSync(join(folder, 'file'), content);

for (const way of ways) {
  const test = suite(`${way.wan}, ${way.xdp ? 'XDP' : 'TC'}, ${way.cables}`);
  let network: Network;
  const at = (name: string) => network.lab.at(name);
  const serve = async (name: string, address: string, port: number): Promise<void> => {
    at(name).start('python3', '-m', 'http.server', '-d', folder, '--bind', address, String(port));
    await until(`${name} serves`, async () => (await at(name).ask('ss', '-tln')).includes(`:${port} `), 30_000);
  };
  const fetchDigest = async (name: string, url: string, ...options: string[]): Promise<string> => {
    const command = `curl -sS -m 20 ${options.join(' ')} ${url} | sha256sum`;
    const { out, err } = await at(name).run(['sh', '-c', command]);
    return `${out.split(' ')[0]}${err}`;
  };
  /** A byte for every TCP and UDP checksum error, retransmission by them excluded, that the machine has counted. */
  const countErrors = async (name: string): Promise<number> => {
    const out = await at(name).ask('nstat', '-asz', 'TcpInCsumErrors', 'UdpInCsumErrors', 'IcmpInCsumErrors');
    return [...out.matchAll(/InCsumErrors +(\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
  };

  test.before(async () => {
    network = await Network.open(way);
    await Promise.all([serve('out', '0.0.0.0', 80), serve('yoda', '0.0.0.0', 8080), serve('gw', '0.0.0.0', 8000)]);
  });
  test.after(() => network?.close());

  test('10 MB come in through the masquerade unharmed', async () => {
    assert.is(await fetchDigest('han', `http://${SERVER}/file`), digest);
  });
  test('10 MB go out through it unharmed', async () => {
    const sink = at('out').start('sh', '-c', 'nc -l 9000 | sha256sum');
    await until('the sink listens', async () => (await at('out').ask('ss', '-tln')).includes(':9000 '));
    await at('han').ask(
      'sh',
      '-c',
      `nc -N ${SERVER} 9000 < ${folder}/file || nc --send-only ${SERVER} 9000 < ${folder}/file`,
    );
    await sink.says(new RegExp(digest), 20_000);
  });
  test('two hosts with the same source port work at once', async () => {
    const both = await Promise.all([
      fetchDigest('han', `http://${SERVER}/file`, '--local-port', '20000'),
      fetchDigest('yoda', `http://${SERVER}/file`, '--local-port', '20000'),
    ]);
    assert.equal(both, [digest, digest]);
    const flows = (await network.flows()).filter((flow) => flow.sport === 20_000 && flow.daddr === SERVER);
    assert.is(flows.length, 2);
    assert.is(new Set(flows.map((flow) => flow.to.sport)).size, 2);
  });
  test('a redirect serves the outside', async () => {
    assert.is(await fetchDigest('out', `http://${WAN}/file`), digest);
  });
  test('a redirect serves the inside, also the segment that the target is on', async () => {
    assert.is(await fetchDigest('han', `http://${WAN}/file`), digest);
  });
  test("the gateway's own connections work, and it is reached where the policy allows", async () => {
    assert.is(await fetchDigest('gw', `http://${SERVER}/file`), digest);
    assert.is(await fetchDigest('han', 'http://192.168.1.1:8000/file'), digest);
    assert.is((await at('out').run(['curl', '-sS', '-m', '1', `http://${WAN}:8000/file`])).code, 28);
  });
  test('UDP goes there and back', async () => {
    const echo = at('out').start(
      'python3',
      '-uc',
      [
        'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("192.0.2.80", 7)); print("up")',
        'while True: d,a=s.recvfrom(2000); s.sendto(d,a)',
      ].join('\n'),
    );
    await echo.says(/up/);
    const { out } = await at('han').run([
      'python3',
      '-c',
      [
        'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)',
        'for n in (0, 1, 2, 999, 1472):',
        `  s.sendto(b"x"*n, ("${SERVER}", 7)); assert s.recv(2000) == b"x"*n`,
        'print("fine")',
      ].join('\n'),
    ]);
    assert.match(out, 'fine');
    await echo.stop();
  });
  test('ping and traceroute work through it', async () => {
    assert.is((await at('han').run(['ping', '-c2', '-i0.2', '-W2', SERVER])).code, 0);
    const { out } = await at('han').run(['traceroute', '-n', '-q1', '-w1', SERVER]);
    assert.match(out, / 1 {2}192\.168\.1\.1 /);
    assert.match(out, / 2 {2}192\.0\.2\.80 /);
  });
  test('traceroute from outside into a redirect shows no inside address before the target', async () => {
    const capture = at('out').start('tcpdump', '-lnvi', 'wan0', 'icmp');
    await capture.says(/listening/);
    const { out } = await at('out').run(['traceroute', '-n', '-q1', '-w1', '-m2', '-T', '-p80', WAN]);
    assert.match(out, WAN);
    await capture.stop('SIGINT');
    assert.not.match(capture.output, '192.168.1.20');
  });
  test('ICMP unreachable comes back to the socket that caused it', async () => {
    const { out } = await at('han').run([
      'python3',
      '-c',
      [
        'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)',
        `s.connect(("${SERVER}", 5353)); s.send(b"x")`,
        'try: s.recv(10)',
        'except ConnectionRefusedError: print("refused")',
      ].join('\n'),
    ]);
    assert.match(out, 'refused');
  });
  test('the path MTU is told, and TCP follows it', async () => {
    await at('gw').ip('link set wan0 mtu 1400');
    await at('gw').ip(`route replace default via 203.0.113.2`);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    // who allows it gets the packet cut by the gateway: it leaves in pieces, all with the outside address
    const pieces = await at('han').run(['ping', '-c2', '-i0.3', '-W1', '-Mdont', '-s1450', '-q', SERVER]);
    assert.match(pieces.out, /2 packets transmitted/);
    const { out: icmp } = await at('out').run(['nstat', '-asz', 'IcmpInEchos', 'IpReasmOKs']);
    assert.ok(Number(/IpReasmOKs +(\d+)/.exec(icmp)?.[1]) >= 2, icmp);
    const { out } = await at('han').run(['ping', '-c2', '-i0.3', '-W1', '-Mdo', '-s1450', SERVER]);
    assert.match(out, /mtu ?= ?1400/);
    assert.is(await fetchDigest('out', `http://${WAN}/file`), digest);
    await at('gw').ip('link set wan0 mtu 1500', 'route replace default via 203.0.113.2');
  });
  test('rejected and denied connections end as the policy says', async () => {
    const rejected = await at('han').run(['curl', '-sS', '-m', '2', 'http://192.0.2.67/']);
    assert.is(rejected.code, 7);
    const denied = await at('han').run(['curl', '-sS', '-m', '1', 'http://192.0.2.66/']);
    assert.is(denied.code, 28);
  });
  test('a hidden host is not reached from outside, even by a route to it', async () => {
    assert.is((await at('out').run(['ping', '-c1', '-W1', HAN])).code, 1);
  });
  test('a neighbour that is not resolved yet loses nothing', async () => {
    await at('gw').ip('neigh flush all');
    assert.is((await at('han').run(['ping', '-c1', '-W2', SERVER])).code, 0);
  });
  test('nobody counted a wrong checksum', async () => {
    for (const name of ['han', 'yoda', 'out', 'gw']) assert.is(await countErrors(name), 0, name);
  });
  test('nothing but what was meant was dropped', async () => {
    const { denied: _, rejected: __, ...others } = await network.drops();
    assert.equal(others, {});
  });
  test.run();
}

const clients: Program[] = [];
const adoption = suite('connections from before');
adoption('a connection that the gateway had before the datapath came goes on, a forged one does not', async () => {
  const network = await Network.open({
    wan: 'ethernet',
    xdp: true,
    cables: 'offload',
    async prepare(lab) {
      const echo = lab
        .at('gw')
        .start(
          'python3',
          '-uc',
          [
            'import socket; s=socket.create_server(("", 2222)); print("up"); c,_=s.accept()',
            'while True: c.sendall(c.recv(100))',
          ].join('\n'),
        );
      await echo.says(/up/);
      const client = lab
        .at('out')
        .start(
          'python3',
          '-uc',
          [
            `import socket; s=socket.create_connection(("${WAN}", 2222)); print("connected"); input()`,
            's.settimeout(3); s.sendall(b"hello"); print(s.recv(100))',
          ].join('\n'),
        );
      await client.says(/connected/);
      clients.push(client);
    },
  });
  try {
    clients[0]?.write('');
    await clients[0]?.says(/hello/);
    assert.is((await network.flows()).length, 2);
    assert.is((await network.lab.at('out').run(['nc', '-z', '-w1', WAN, '2222'])).code, 1);
  } finally {
    network.close();
  }
});

adoption.after(() => rmSync(folder, { recursive: true }));
adoption.run();
