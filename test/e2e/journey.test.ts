/** A test for each step of a packet's journey, in the order in which a packet meets them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openApplied } from '../lab/applied.ts';
import { addresses } from '../lab/article-network.ts';
import { listen } from '../lab/capture.ts';
import { countDrops, editExample, listConnections, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import type { Ended, Namespace } from '../lab/namespace.ts';
import { node, startDhcpServer, startEchoServer, startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const journey = suite("a packet's journey");
const network = await openApplied();
const { gateway } = network;
const at = (name: string) => network.at(name);
await network.routeInnerNetworksFromOutside();
await startEchoServer(gateway, 53);
await startEchoServer(gateway, 8080);

const { internet, wan, han, luke, yoda, blocked, stranger } = addresses;
const NO_ANSWER = 28; // curl: timed out
const REFUSED = 7; // curl: could not connect

function curl(where: Namespace, ...args: string[]): Promise<Ended> {
  return where.run(['curl', '-sS', '-m', '1.5', ...args]);
}

/** Whether a host hears packets that match while something happens. */
async function hears(where: Namespace, filter: string, happens: () => Promise<unknown>): Promise<string[]> {
  const capture = await listen(where, 'eth0', filter);
  await happens();
  return capture.end();
}

/** By how much a reason's count of dropped packets grows while something happens. */
async function growth(reason: string, happens: () => Promise<unknown>): Promise<number> {
  const before = (await countDrops(gateway))(reason);
  await happens();
  return (await countDrops(gateway))(reason) - before;
}

// 1. Broken or forged

journey('1: a source that lives behind another interface is forged', async () => {
  await at('stranger').ip('addr add 192.168.2.99/32 dev lo');
  const send = () => curl(at('stranger'), '--interface', '192.168.2.99', `http://${wan}/`);
  assert.equal(await hears(at('yoda'), 'host 192.168.2.99', () => growthAtLeast('forged', 1, send)), []);
});

journey("1: the gateway's own address as a source is forged", async () => {
  await at('han').ask('ping', '-c', '1', '-W', '2', '192.168.1.1'); // it would ask for the gateway under the gateway's name
  await at('han').ip(`addr add ${wan}/32 dev lo`);
  const send = () => curl(at('han'), '--interface', wan, `http://${yoda}/`);
  const heard = hears(at('yoda'), `src host ${wan}`, () => growthAtLeast('forged', 1, send));
  await heard.finally(() => at('han').ip(`addr del ${wan}/32 dev lo`));
  assert.equal(await heard, []);
});

async function growthAtLeast(reason: string, least: number, happens: () => Promise<unknown>): Promise<void> {
  const grown = await growth(reason, happens);
  assert.ok(grown >= least, `${reason} has grown by ${grown}`);
}

// 2. Known

journey('2: the packets of a known connection follow it, though no rule would let them in', async () => {
  const client = at('han').start(...node('tcp-client', internet, '7'));
  await client.says(/seen as 203\.0\.113\.7:/);
  client.write('and back');
  await client.says(/^and back$/m);
  await client.stop();
});

journey('2: a TCP packet without SYN that belongs to no connection is dropped', async () => {
  // A port of the pool that nobody has: an ACK from outside, and one from inside that must not leave untranslated.
  const strays = await growth('stray', () =>
    at('stranger').run([
      'traceroute',
      '-n',
      '-q',
      '1',
      '-N',
      '1',
      '-w',
      '0.3',
      '-m',
      '3',
      '-T',
      '-O',
      'ack',
      '-p',
      '62999',
      wan,
    ]),
  );
  assert.ok(strays >= 1, `stray has grown by ${strays}`);
});

journey('2: a lone ACK from inside does not leave', async () => {
  const capture = await listen(at('isp'), 'line0', `tcp and dst host ${internet} and dst port 9999`);
  await at('han').run([
    'traceroute',
    '-n',
    '-q',
    '1',
    '-N',
    '1',
    '-w',
    '0.3',
    '-m',
    '4',
    '-T',
    '-O',
    'ack',
    '-p',
    '9999',
    internet,
  ]);
  assert.equal(await capture.end(), []);
});

// 3. The gateway's own deny lines

journey('3: a blocked host gets nothing from a redirect that serves everyone', async () => {
  assert.is((await curl(at('stranger'), `http://${wan}/`)).code, 0);
  const heard = await hears(at('yoda'), `host ${blocked}`, async () => {
    assert.is((await curl(at('stranger'), '--interface', blocked, `http://${wan}/`)).code, NO_ANSWER);
  });
  assert.equal(heard, []);
});

journey('3: nobody inside reaches a blocked host', async () => {
  const heard = await hears(at('stranger'), `dst host ${blocked}`, async () => {
    assert.is((await curl(at('han'), `http://${blocked}/`)).code, NO_ANSWER);
  });
  assert.equal(heard, []);
});

journey('3: nor does the gateway itself', async () => {
  const heard = await hears(at('stranger'), `dst host ${blocked}`, async () => {
    assert.is.not((await curl(gateway, `http://${blocked}/`)).code, 0);
  });
  assert.equal(heard, []);
});

// 4. redirect

journey('4: a redirect serves the outside, and its target sees who asks', async () => {
  assert.match((await curl(at('stranger'), `http://${wan}/`)).out, `yoda greets ${stranger}:`);
});

journey('4: a redirect serves the inside, too', async () => {
  assert.match((await curl(at('han'), `http://${wan}/`)).out, `yoda greets ${han}:`);
});

journey('4: a redirect serves its own network: the client appears with its outside address', async () => {
  assert.match((await curl(at('leia'), `http://${wan}/`)).out, `yoda greets ${wan}:`);
});

journey('4: whom a redirect does not allow, it denies', async () => {
  const { code } = await at('stranger').run(node('x-display', 'ask', wan, '6001'));
  assert.is(code, 1);
});

journey('4: no policy is asked for what a redirect lets in', async () => {
  // wan-in denies all but ssh from partners; yoda is reached on port 80 by the redirect alone.
  assert.is((await curl(at('stranger'), `http://${yoda}/`)).code, NO_ANSWER);
  assert.is((await curl(at('stranger'), `http://${wan}/`)).code, 0);
});

// 7. policy

journey('7: the first rule that matches decides', async () => {
  assert.is((await curl(at('han'), `http://${internet}:25/`)).code, NO_ANSWER, 'deny tcp 25');
  assert.is(
    (await curl(at('han'), `http://${internet}:26/`)).code,
    REFUSED,
    'default allow: the server itself refuses',
  );
});

journey('7: `reject` is answered at once', async () => {
  const { code, milliseconds } = await curl(at('han'), `http://${yoda}:9999/`);
  assert.is(code, REFUSED);
  assert.ok(milliseconds < 1000, `${milliseconds} ms`);
});

journey('7: `reject` answers what is not TCP by ICMP', async () => {
  const capture = await listen(at('han'), 'eth0', 'icmp[0] == 3 and icmp[1] == 13');
  const client = at('han').start(...node('udp-client', yoda, '9999'));
  await client.says(/ready/);
  client.write('anyone?');
  await capture.hears(/unreachable/);
  await client.stop();
});

journey('7: the gateway is reached as its policy says, and no further', async () => {
  assert.match(await at('stranger').ask('ping', '-c', '1', '-W', '2', wan), ' 1 received');
  const client = at('luke').start(...node('tcp-client', '192.168.1.1', '53'));
  await client.says(/seen as 192\.168\.1\.21:/);
  await client.stop();
  assert.is((await curl(at('han'), 'http://192.168.1.1:8080/')).code, NO_ANSWER);
  assert.is((await curl(at('stranger'), `http://${wan}:53/`)).code, NO_ANSWER);
});

journey('7: what the gateway starts needs no policy, and is answered', async () => {
  assert.match((await curl(gateway, `http://${internet}/`)).out, `internet greets ${wan}:`);
  assert.match(await gateway.ask('ping', '-c', '1', '-W', '2', internet), ' 1 received');
});

// 8. masquerade

journey('8: what leaves by the wan is hidden, and listed', async () => {
  const client = at('luke').start(...node('tcp-client', internet, '7'));
  const port = Number((await client.says(/seen as 203\.0\.113\.7:(\d+)/))[1]);
  assert.ok(port >= 61000 && port <= 65095, `port ${port}`);
  const found = (await listConnections(gateway)).find(({ masqueraded }) => masqueraded?.port === port);
  assert.is(found?.source.address, luke);
  assert.is(found?.masqueraded?.address, wan);
  assert.is(found?.rule?.owner, 'lan-out');
  await client.stop();
});

// Never subject to rules; undeclared interfaces; pairs without policy

journey('an undeclared interface: nothing is forwarded to it or from it, its own traffic is left alone', async () => {
  await network.lab.add('attic');
  const attic = at('attic');
  await network.lab.connect(gateway, 'eth9', attic, 'eth0');
  await gateway.ip('addr add 10.9.9.1/24 dev eth9');
  await attic.ip('addr add 10.9.9.2/24 dev eth0', 'route add default via 10.9.9.1');
  await startWebServer(attic);
  assert.match((await curl(gateway, 'http://10.9.9.2/')).out, 'attic greets 10.9.9.1');
  const heard = await hears(attic, 'tcp and src host 192.168.1.20', async () => {
    assert.is((await curl(at('han'), 'http://10.9.9.2/')).code, NO_ANSWER);
  });
  assert.equal(heard, []);
  const other = await hears(at('han'), 'tcp and src host 10.9.9.2', async () => {
    assert.is((await curl(attic, `http://${han}/`)).code, NO_ANSWER);
  });
  assert.equal(other, []);
});

journey("a pair without a policy: the gateway's `default` decides", async () => {
  // The example has none from dmz to lan.
  assert.is((await curl(at('yoda'), `http://${han}/`)).code, NO_ANSWER);
  const rejecting = editExample(['default  deny ', 'default  reject ']);
  await mustMasqc(gateway, 'apply', writeGatewayFile(rejecting));
  assert.is((await curl(at('yoda'), `http://${han}/`)).code, REFUSED);
});

journey('the gateway gets its lease on a wan whose policy denies everything', async () => {
  const closed = editExample([
    /policy to-gateway from any to self \{[^}]*\}/,
    'policy to-gateway from any to self {\n  default deny\n}',
  ]);
  const dynamic = await openApplied({ wan: 'ethernet' }, closed);
  await startDhcpServer(dynamic.at('isp'), 'line0', '203.0.113.42');
  assert.is.not(
    (await dynamic.at('isp').run(['ping', '-c', '1', '-W', '1', wan])).code,
    0,
    'everything else is denied',
  );
  assert.match(await dynamic.gateway.ask(...node('dhcp-client', 'ppp0')), 'leased 203.0.113.42 by 203.0.113.1');
  dynamic.close();
});

journey.after(() => network.close());
journey.run();
