/** A gateway for IPv6, and for IPv4 beside it, with real programs through XDP and through a wan without Ethernet header. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Lab } from '../lab/lab.ts';
import { countDrops, listConnections, masqc, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const HAN = '2001:db8:1::10';
const YODA = '2001:db8:1::20';
const SERVER = '2001:db8:80::80';
const WAN = '2001:db8:2::1';

const text = (out: string): string => `
gateway six {
  datapath ebpf
  default  deny
  flows    4096
}
interface wan = wan0
interface lan = eth0
network home = 2001:db8:1::/64, 192.168.1.0/24 on lan
host yoda = ${YODA}
policy out from lan to wan {
  ${out}
  default allow
}
policy in from wan to lan {
  allow tcp 8443 to ${HAN}
  default deny
}
policy mine from any to self {
  allow icmp echo-request
  allow tcp 8000 from home
  default deny
}
masquerade hidden {
  from      192.168.1.0/24
  interface wan
  ports     40000-49999
}
redirect www {
  interface wan
  listen    tcp 80 to yoda:8080
  allow     from any
}
`;

const folder = mkdtempSync(join(tmpdir(), 'masqc-web6-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const content = Buffer.alloc(3_000_000, 'masqc moves packets of both families. ');
const digest = createHash('sha256').update(content).digest('hex');
writeFileSync(join(folder, 'file'), content);

for (const wan of ['ethernet', 'tun'] as const) {
  const test = suite(`IPv6, wan ${wan}`);
  const lab = new Lab();
  let plan = '';
  const at = (name: string): Namespace => lab.at(name);

  const serve = async (name: string, address: string, port: number): Promise<void> => {
    at(name).start('python3', '-m', 'http.server', '-d', folder, '--bind', address, String(port));
    await until(`${name} serves`, async () => (await at(name).ask('ss', '-tln')).includes(`:${port} `), 30_000);
  };
  const fetchDigest = async (name: string, url: string): Promise<string> => {
    const { out, err } = await at(name).run(['sh', '-c', `curl -gsS -m 20 '${url}' | sha256sum`]);
    return `${out.split(' ')[0]}${err}`;
  };

  test.before(async () => {
    await lab.addDual('gw', 'switch', 'han', 'yoda', 'out');
    const [gw, bridge, han, yoda, out] = ['gw', 'switch', 'han', 'yoda', 'out'].map(at) as [
      Namespace,
      Namespace,
      Namespace,
      Namespace,
      Namespace,
    ];
    await bridge.ip('link add br0 type bridge', 'link set br0 up');
    for (const [index, host] of [gw, han, yoda].entries()) {
      await lab.connect(host, 'eth0', bridge, `p${index}`);
      await bridge.ip(`link set p${index} master br0`);
    }
    if (wan === 'tun') await lab.connectTun(gw, 'wan0', out, 'wan0');
    else await lab.connect(gw, 'wan0', out, 'wan0');
    await Promise.all([gw.ip('link set wan0 up'), out.ip('link set wan0 up')]);
    const peer = wan === 'tun' ? ' peer 203.0.113.2' : '/24';
    await gw.ip(
      'addr add 2001:db8:1::1/64 dev eth0 nodad',
      'addr add 192.168.1.1/24 dev eth0',
      `addr add ${WAN}/64 dev wan0 nodad`,
      `addr add 203.0.113.1${peer} dev wan0`,
      'route add default via 203.0.113.2',
      wan === 'tun' ? 'route add ::/0 dev wan0' : 'route add ::/0 via 2001:db8:2::2',
    );
    for (const [host, id] of [
      [han, 10],
      [yoda, 20],
    ] as const) {
      await host.ip(
        `addr add 2001:db8:1::${id}/64 dev eth0 nodad`,
        `addr add 192.168.1.${id}/24 dev eth0`,
        'route add ::/0 via 2001:db8:1::1',
        'route add default via 192.168.1.1',
      );
    }
    await out.ip(
      'addr add 2001:db8:2::2/64 dev wan0 nodad',
      wan === 'tun' ? 'addr add 203.0.113.2 peer 203.0.113.1 dev wan0' : 'addr add 203.0.113.2/24 dev wan0',
      `addr add ${SERVER}/128 dev lo`,
      wan === 'tun' ? 'route add 2001:db8:1::/64 dev wan0' : `route add 2001:db8:1::/64 via ${WAN}`,
    );
    await Promise.all([
      serve('out', '::', 80),
      serve('yoda', '::', 8080),
      serve('han', '::', 8443),
      serve('gw', '::', 8000),
    ]);
    plan = (await masqc(gw, 'plan', writeGatewayFile(text('deny tcp 25')))).out;
    await mustMasqc(gw, 'apply', writeGatewayFile(text('deny tcp 25')));
  });
  test.after(() => lab.close());

  test('a plan says what both tables take, and what is turned on', async () => {
    assert.match(plan, /4,096 connections each of IPv4 and IPv6.* MiB of kernel memory/);
    assert.match(plan, /sysctl .*net\.ipv6\.conf\.all\.forwarding 0 → 1/);
    assert.match(await at('gw').ask('sysctl', '-n', 'net.ipv6.conf.all.forwarding'), '1');
  });
  test('3 MB come in over IPv6 unharmed, from the address that the host has', async () => {
    assert.is(await fetchDigest('han', `http://[${SERVER}]/file`), digest);
    const listed = await listConnections(at('gw'));
    const one = listed.find(({ source, destination }) => source.address === HAN && destination.address === SERVER);
    assert.ok(one, JSON.stringify(listed));
    assert.equal([one?.protocol, one?.masqueraded, one?.redirected, one?.destination.port], ['tcp', null, null, 80]);
    assert.is(one?.rule?.owner, 'out');
  });
  test('IPv4 is masqueraded beside it', async () => {
    assert.is(await fetchDigest('han', 'http://203.0.113.2/file'), digest);
  });
  test('what the policy lets in from outside comes in, and nothing else', async () => {
    assert.is(await fetchDigest('out', `http://[${HAN}]:8443/file`), digest);
    const shut = await at('out').run(['curl', '-gsS', '-m', '1', `http://[${YODA}]:8080/file`]);
    assert.is(shut.code, 28);
    const own = await at('out').run(['curl', '-gsS', '-m', '1', `http://[${WAN}]:8000/file`]);
    assert.is(own.code, 28);
    assert.ok((await countDrops(at('gw')))('denied') >= 2);
  });
  test('a redirect serves the outside, and the segment that the target is on', async () => {
    assert.is(await fetchDigest('out', `http://[${WAN}]/file`), digest);
    assert.is(await fetchDigest('han', `http://[${WAN}]/file`), digest);
    const listed = (await listConnections(at('gw'))).filter(({ destination }) => destination.address === WAN);
    assert.ok(listed.length >= 2);
    for (const { redirected } of listed) assert.equal(redirected, { address: YODA, port: 8080 });
  });
  test('ping, traceroute and tracepath see the gateway and what is behind it', async () => {
    assert.is((await at('han').run(['ping', '-6', '-c2', '-i0.3', '-W2', SERVER])).code, 0);
    assert.is((await at('out').run(['ping', '-6', '-c1', '-W1', HAN])).code, 1, 'nobody may ask from outside');
    const { out } = await at('han').run(['traceroute', '-6', '-n', '-q1', '-w2', SERVER]);
    assert.match(out, / 1 {2}2001:db8:1::1 /);
    assert.match(out, / 2 {2}2001:db8:80::80 /);
    const path = await at('han').run(['tracepath', '-6', '-n', '-m', '4', SERVER]);
    assert.match(path.out, / 1: {2}2001:db8:1::1 /);
    assert.match(path.out, /2001:db8:80::80 .*reached/);
  });
  test("the gateway's own connections work, and it is reached where the policy allows", async () => {
    assert.is(await fetchDigest('gw', `http://[${SERVER}]/file`), digest);
    assert.is(await fetchDigest('han', 'http://[2001:db8:1::1]:8000/file'), digest);
    assert.is((await at('gw').run(['ping', '-6', '-c1', '-W2', HAN])).code, 0);
    assert.is((await at('han').run(['ping', '-6', '-c1', '-W2', 'fe80::1%eth0'])).code, 1, 'nobody has that address');
  });
  test('a path that is narrower than the way to it is found', async () => {
    await at('gw').ip('link set wan0 mtu 1300');
    assert.is(await fetchDigest('out', `http://[${HAN}]:8443/file`), digest);
    const big = await at('han').run(['ping', '-6', '-c2', '-i0.3', '-W2', '-M', 'do', '-s', '1400', SERVER]);
    assert.match(`${big.out}${big.err}`, /too big|too long|mtu=1300|Packet too big/i);
    await at('gw').ip('link set wan0 mtu 1500');
  });
  if (wan === 'ethernet') {
    test('another policy meets live connections with their next packet', async () => {
      const sink = at('out').start('sh', '-c', `exec socat -u TCP6-LISTEN:9000,bind=[${SERVER}] -`);
      await until('the sink listens', async () => (await at('out').ask('ss', '-tln')).includes(':9000 '));
      const sender = at('han').start('socat', '-u', '-', `TCP6:[${SERVER}]:9000`);
      sender.write('first');
      await sink.says(/first/);
      await mustMasqc(at('gw'), 'apply', writeGatewayFile(text('deny tcp 443')));
      sender.write('second');
      await sink.says(/second/);
      await mustMasqc(at('gw'), 'apply', writeGatewayFile(text('deny tcp 9000')));
      sender.write('third');
      await until('it is cut', async () => (await countDrops(at('gw')))('cut') >= 1);
      assert.not.match(sink.output, 'third');
    });
  }
  test('status counts the connections of each family', async () => {
    const status = JSON.parse(await mustMasqc(at('gw'), 'show', 'status', '--json')) as {
      flows: { used: number; used6: number };
      warnings: string[];
    };
    assert.ok(status.flows.used6 >= 1 && status.flows.used >= 1, JSON.stringify(status.flows));
    assert.equal(status.warnings, []);
  });
  test('down closes what was opened and puts the settings back', async () => {
    await mustMasqc(at('gw'), 'down');
    assert.match(await at('gw').ask('sysctl', '-n', 'net.ipv6.conf.all.forwarding'), '0');
    assert.is((await at('han').run(['curl', '-gsS', '-m', '1', `http://[${SERVER}]/file`])).code, 28);
  });
  if (wan === 'ethernet')
    test('a file that names IPv4 only loads nothing for IPv6, and gets it when another one needs it', async () => {
      const narrow = `
gateway six {
  datapath ebpf
  default  deny
  flows    4096
}
interface wan = wan0
interface lan = eth0
network home = 192.168.1.0/24 on lan
policy out from lan to wan {
  allow tcp 80 from home
  default deny
}
masquerade hidden {
  from      home
  interface wan
}
`;
      await mustMasqc(at('gw'), 'apply', writeGatewayFile(narrow));
      assert.is(await fetchDigest('han', 'http://203.0.113.2/file'), digest);
      assert.is((await at('han').run(['curl', '-gsS', '-m', '1', `http://[${SERVER}]/file`])).code, 28);
      const more = await masqc(at('gw'), 'plan', writeGatewayFile(text('deny tcp 25')));
      assert.match(more.out, 'connections of IPv6, its programs');
      await mustMasqc(at('gw'), 'apply', writeGatewayFile(text('deny tcp 25')));
      assert.is(await fetchDigest('han', `http://[${SERVER}]/file`), digest);
      await mustMasqc(at('gw'), 'down');
    });
  if (wan === 'ethernet') {
    test('a route that is learned from advertisements is not lost in silence', async () => {
      const gw = at('gw');
      await gw.ip('route del ::/0', 'route add ::/0 via 2001:db8:2::2 proto ra');
      const refused = await masqc(gw, 'apply', writeGatewayFile(text('deny tcp 25')));
      assert.is(refused.code, 3, `${refused.out}${refused.err}`);
      assert.match(refused.err, 'sysctl -w net.ipv6.conf.wan0.accept_ra=2');
      await gw.set({ 'net.ipv6.conf.wan0.accept_ra': 2 });
      assert.not.match((await masqc(gw, 'plan', writeGatewayFile(text('deny tcp 25')))).err, 'accept_ra');
    });
  }
  test.run();
}
