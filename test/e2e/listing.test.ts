/** `masqc show connections` over tables of many pages, of both families; and readers that go away before its end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Lab } from '../lab/lab.ts';
import { listConnections, masqc, masqcCommand, mustMasqc, pinsOf, writeGatewayFile } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { node } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'btf');

const COUNT = 9000;
const FIRST = 10_000;
const HOSTS = ['192.168.1.10', '2001:db8:1::10'];
const SERVERS = ['203.0.113.2', '2001:db8:2::2'];
const OUTSIDE = ['203.0.113.1', '2001:db8:2::1'];
const textFor = (flows: number) => `
gateway many {
  default deny
  flows   ${flows}
}
interface wan = wan0
interface lan = lan0
network home = 192.168.1.0/24, 2001:db8:1::/64 on lan
policy out from lan to wan {
  default allow
}
policy mine from any to self {
  allow icmp from home
  default deny
}
masquerade hidden {
  from      home
  interface wan
  family    ipv4, ipv6
  ports     40000-49999
}
`;

const test = suite('listing');
const lab = new Lab();
const at = (name: string): Namespace => lab.at(name);

test.before(async () => {
  await lab.addDual('gw', 'han', 'out');
  const [gw, han, out] = ['gw', 'han', 'out'].map(at) as [Namespace, Namespace, Namespace];
  await lab.connect(han, 'eth0', gw, 'lan0');
  await lab.connect(gw, 'wan0', out, 'eth0');
  await han.ip('addr add 192.168.1.10/24 dev eth0', 'addr add 2001:db8:1::10/64 dev eth0 nodad');
  await gw.ip('addr add 192.168.1.1/24 dev lan0', 'addr add 2001:db8:1::1/64 dev lan0 nodad');
  await gw.ip('addr add 203.0.113.1/24 dev wan0', 'addr add 2001:db8:2::1/64 dev wan0 nodad');
  await out.ip('addr add 203.0.113.2/24 dev eth0', 'addr add 2001:db8:2::2/64 dev eth0 nodad');
  await han.ip('route add default via 192.168.1.1', 'route add ::/0 via 2001:db8:1::1');
  await mustMasqc(gw, 'apply', writeGatewayFile(textFor(20_000)));
  for (const server of SERVERS) {
    await (await han.start(...node('udp-spread', server, String(FIRST), String(COUNT)))).says(/^sent$/m);
  }
});
test.after(() => lab.close());

/** The ports of a server that it has connections to. */
async function listPorts(server: string): Promise<readonly number[]> {
  const mine = (await listConnections(at('gw'))).filter((one) => one.destination.address === server);
  return mine.map((one) => one.destination.port).sort((a, b) => a - b);
}
const ALL = Array.from({ length: COUNT }, (_, index) => FIRST + index);

test('lists every connection of both families once, as it is', async () => {
  const shown = await listConnections(at('gw'));
  for (const [index, server] of SERVERS.entries()) {
    assert.equal(await listPorts(server), ALL, server);
    for (const one of shown.filter(({ destination }) => destination.address === server)) {
      const { protocol, source, masqueraded, redirected, own, rule } = one;
      assert.is(source.address, HOSTS[index]);
      assert.is(masqueraded?.address, OUTSIDE[index]);
      const port = masqueraded?.port ?? 0;
      assert.ok(port >= 40_000 && port <= 49_999, String(port));
      assert.equal([protocol, redirected, own, rule?.owner], ['udp', null, null, 'out']);
    }
  }
  const lines = (await mustMasqc(at('gw'), 'show', 'connections')).trimEnd().split('\n').slice(2);
  assert.is(lines.length, shown.length);
  assert.ok(lines.every((line) => /^(udp|icmp)/.test(line)));
});

test('lists those of one host, of one state, of one line', async () => {
  const count = async (...filter: string[]) => {
    const out = await mustMasqc(at('gw'), 'show', 'connections', '--json', ...filter);
    return out.split('\n').length - 1;
  };
  assert.is(await count('--host', `[${SERVERS[1]}]:${FIRST + 8999}`), 1);
  assert.is(await count('--host', HOSTS[0]!, '--by', 'hidden', '--state', 'unanswered'), COUNT);
  assert.is(await count('--host', `${SERVERS[0]}:${FIRST}`, '--state', 'established'), 0);
  const nothing = await mustMasqc(at('gw'), 'show', 'connections', '--by', 'nobody');
  assert.is(nothing, 'IP masquerading entries\n');
  const wrong = await masqc(at('gw'), 'show', 'connections', '--host', 'han');
  assert.is(wrong.code, 1);
  assert.match(wrong.err, '`han` is no address.');
});

test('who asks the live tables, and says so when it could not', async () => {
  const gw = at('gw');
  const file = writeGatewayFile(textFor(20_000));
  const shown = await listConnections(gw);
  for (const [index, server] of SERVERS.entries()) {
    const { source, masqueraded } = shown.find((one) => one.destination.address === server)!;
    const say = (address: string, port = 0) => (index === 0 ? `${address}:${port}` : `[${address}]:${port}`);
    const outside = say(OUTSIDE[index]!, masqueraded?.port);
    const told = await masqc(gw, 'who', file, outside);
    const line = `${say(source.address, source.port)} is ${outside} now (udp, ${COUNT} connections, the first `;
    assert.ok(told.out.startsWith(line), told.out);
    assert.equal([told.code, told.err], [0, '']);
  }
  const nobody = await masqc(gw, 'who', file, '203.0.113.1:39999');
  assert.is(nobody.code, 1);
  assert.match(nobody.err, /no map and no `share` of .* no connection has it now; who had it before is in the log/);
  const elsewhere = await masqc(at('han'), 'who', file, '203.0.113.1:40000');
  assert.is(elsewhere.code, 1);
  assert.match(elsewhere.err, /was asked, not a running gateway: No gateway is applied in this network namespace/);
  const other = writeGatewayFile(textFor(20_000).replace('gateway many', 'gateway few'));
  assert.match(
    (await masqc(gw, 'who', other, '203.0.113.1:40000')).err,
    /applied here is "many", and this file is of "few"/,
  );
});

test('lists those of both tables while `flows` changes the size', async () => {
  const [gw, han] = [at('gw'), at('han')];
  const file = writeGatewayFile(textFor(30_000));
  // The table is made and switched to, and then nobody waits until all have moved.
  const { code } = await gw.run(['env', 'MASQC_FAULT=kill 2', ...masqcCommand, 'apply', file], { limit: 120_000 });
  assert.is.not(code, 0);
  assert.ok(readdirSync(pinsOf(gw, 'many')).includes('next'));
  await (await han.start(...node('udp-spread', SERVERS[0]!, String(FIRST + COUNT), '100'))).says(/^sent$/m);
  const more = Array.from({ length: 100 }, (_, index) => FIRST + COUNT + index);
  assert.equal([...new Set(await listPorts(SERVERS[0]!))], [...ALL, ...more]);
  await mustMasqc(gw, 'apply', file);
  assert.equal(await listPorts(SERVERS[0]!), [...ALL, ...more]);
});

for (const format of [[], ['--json']]) {
  const start = () => {
    const [program = '', ...args] = at('gw').command([...masqcCommand, 'show', 'connections', ...format]);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let complaints = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaints += text;
    });
    return { child, complaints: () => complaints };
  };

  test(`ends quietly when the reader goes away ${format.join('')}`, async () => {
    const { child, complaints } = start();
    await once(child.stdout, 'data');
    child.stdout.destroy();
    const [code, signal] = await once(child, 'close');
    assert.equal([code, signal, complaints()], [0, null, '']);
  });

  test(`ends quietly at Ctrl-C ${format.join('')}`, async () => {
    const { child, complaints } = start();
    await once(child.stdout, 'data');
    child.stdout.pause(); // it waits for its reader
    child.kill('SIGINT');
    const [, signal] = await once(child, 'exit');
    child.stdout.destroy();
    assert.equal([signal, complaints()], ['SIGINT', '']);
  });
}

test.run();
