/** ICMP errors find the one that they concern, in the words of their own side; packets that the stack must help with. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { countDrops, editExample, mustMasqc } from '../lab/masqc.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const errors = suite('icmp');
const { internet, wan, yoda } = addresses;

/** The example with a redirect for UDP, and a name for a port where nobody listens. */
const file = editExample([
  'redirect xterm {',
  `redirect talk {
  interface wan
  listen    udp 517 to yoda:7
  listen    udp 518 to yoda:9999
  allow     from any
}

redirect xterm {`,
]);
const network = await openApplied({}, file);
const { gateway } = network;
const at = (name: string) => network.at(name);

errors('a closed UDP port outside is told to the program inside', async () => {
  const { out } = await at('han').run(['dig', '+time=2', '+tries=1', '-p', '9999', `@${internet}`, 'x.example']);
  assert.match(out, 'connection refused');
});

errors('a redirect carries UDP, and its answers come from where they were asked for', async () => {
  const client = at('stranger').start(...node('udp-client', wan, '517', '62050'));
  await client.says(/ready/);
  const capture = await listen(at('stranger'), 'eth0', 'udp port 517');
  client.write('hello');
  await client.says(/192\.0\.2\.7:62050 hello/);
  assert.match((await capture.end()).join('\n'), `IP ${wan}.517 > 192.0.2.7.62050`);
  await client.stop();
});

errors('a closed port behind a redirect is told outside, without an inside address', async () => {
  const capture = await listen(at('stranger'), 'eth0', 'icmp[0] == 3');
  const { out } = await at('stranger').run(['dig', '+time=2', '+tries=1', '-p', '518', `@${wan}`, 'x.example']);
  assert.match(out, 'connection refused');
  const heard = await capture.end();
  assert.ok(heard.length > 0);
  for (const packet of heard) {
    assert.not.match(packet, '192.168.');
    assert.match(packet, `ICMP ${wan} udp port 518 unreachable`);
  }
});

errors('an error about no connection is dropped', async () => {
  // The provider complains of a packet that nobody has sent: a port unreachable that quotes the wan's address.
  const before = (await countDrops(gateway))('stray');
  const ear = await listen(at('han'), 'eth0', 'icmp');
  await at('isp').run(node('icmp-error', wan, '62999', internet, '53'));
  assert.equal(await ear.end(), []);
  assert.ok((await countDrops(gateway))('stray') > before, 'counted as stray');
});

errors('datagrams in pieces pass: from han, to the gateway, through a redirect, and nothing is dropped', async () => {
  const pieces = ['fragment', 'tiny-fragment', 'overlap', 'stash-full', 'failed'];
  const before = await countDrops(gateway);
  for (const [name, target] of [
    ['han', internet],
    ['luke', yoda],
  ] as const) {
    const ping = await at(name).run(['ping', '-c', '2', '-i', '0.2', '-W', '2', '-s', '8000', target]);
    assert.is(ping.code, 0, ping.out + (await mustMasqc(gateway, 'show', 'drops')));
  }
  const client = await at('stranger').run([
    'python3',
    '-c',
    [
      'import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(4)',
      's.setsockopt(socket.IPPROTO_IP, 10, 0)', // IP_MTU_DISCOVER: not, so that routers may cut
      `s.sendto(b"x" * 8000, ("${wan}", 517)); print(s.recv(9000).endswith(b"x" * 8000))`,
    ].join('\n'),
  ]);
  assert.is(client.out.trim(), 'True', client.err); // the server writes before it whom it sees
  const after = await countDrops(gateway);
  for (const reason of pieces) assert.is(after(reason), before(reason), reason);
});

errors('path MTU discovery works for what han sends', async () => {
  await at('isp').ip('link set internet mtu 1300');
  await at('isp').ip('link set net mtu 1300');
  const { code, err } = await at('han').runWith(
    Buffer.alloc(1_000_000, 'x'),
    ['curl', '-sS', '-m', '10', '-T', '-', '-H', 'Expect:', `http://${internet}/upload`],
    15_000,
  );
  assert.is(code, 0, err);
  const { out } = await at('han').run(['ip', 'route', 'get', internet]);
  assert.match(out, 'mtu 1300');
});

errors('path MTU discovery works for what yoda sends through a redirect', async () => {
  const { code, err } = await at('stranger').run(
    ['curl', '-sS', '-m', '10', '-o', '/dev/null', `http://${wan}/bytes/1000000`],
    { limit: 15_000 },
  );
  assert.is(code, 0, err);
  const { out } = await at('yoda').run(['ip', 'route', 'get', addresses.stranger]);
  assert.match(out, 'mtu 1300');
});

errors('the first packet to a machine that is not known yet is not lost', async () => {
  for (const [name, target] of [
    ['han', yoda],
    ['luke', internet],
  ] as const) {
    await gateway.ip('neigh flush dev eth0', 'neigh flush dev eth1');
    assert.match(await at(name).ask('ping', '-c', '1', '-W', '1', target), ' 1 received');
  }
  await gateway.ip('neigh flush dev eth0', 'neigh flush dev eth1');
  const page = await at('stranger').run(['curl', '-sS', '-m', '0.8', `http://${wan}/`]);
  assert.is(page.code, 0, 'before TCP would try again');
});

errors.after(() => network.close());
errors.run();
