/**
 * A gateway with two uplinks to one provider, and what uplinks do: lose their address, their route, get one late.
 *
 *   han 192.168.1.20 ─── lan0 [ gw ] wan0 203.0.113.2 ─── 203.0.113.1 [ isp ] ─── out 198.51.100.10
 *                             [    ] wan1 192.0.2.2   ─── 192.0.2.1   [     ]
 */
import { setTimeout as pause } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listen } from '../lab/capture.ts';
import { Lab } from '../lab/lab.ts';
import { countDrops, listConnections, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { node, startEchoServer, startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'btf');

const file = writeGatewayFile(`gateway two { default deny }
interface wan = wan0
interface spare = wan1
interface lan = lan0
zone uplinks = wan, spare
network home = 192.168.1.0/24 on lan
host han = 192.168.1.20
policy out from lan to uplinks {
  reject tcp 25
  default allow
}
policy in from uplinks to lan { default deny }
policy me from any to self {
  allow from lan
  default deny
}
masquerade m {
  from home
  interface wan, spare
}
redirect web {
  interface wan, spare
  listen tcp 80 to han
  listen udp 7 to han
  allow from any
}
`);
const OUT = '198.51.100.10';

async function open(prepare: (lab: Lab) => Promise<void> = async () => undefined): Promise<Lab> {
  const lab = new Lab();
  await lab.add('gw', 'han', 'isp', 'out');
  const [gw, han, isp, out] = [lab.at('gw'), lab.at('han'), lab.at('isp'), lab.at('out')];
  await lab.connect(gw, 'lan0', han, 'eth0');
  await lab.connect(gw, 'wan0', isp, 'line0');
  await lab.connect(gw, 'wan1', isp, 'line1');
  await lab.connect(isp, 'out', out, 'eth0');
  for (const where of [gw, isp])
    await where.set({ 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.default.rp_filter': 0 });
  await isp.set({ 'net.ipv4.ip_forward': 1 });
  await gw.ip(
    'addr add 192.168.1.1/24 dev lan0',
    'addr add 203.0.113.2/24 dev wan0',
    'addr add 192.0.2.2/24 dev wan1',
    'route add default via 203.0.113.1',
  );
  await han.ip('addr add 192.168.1.20/24 dev eth0', 'route add default via 192.168.1.1');
  await isp.ip(
    'addr add 203.0.113.1/24 dev line0',
    'addr add 192.0.2.1/24 dev line1',
    'addr add 198.51.100.1/24 dev out',
  );
  await isp.ip('route add 192.168.0.0/16 via 203.0.113.2');
  await out.ip(`addr add ${OUT}/24 dev eth0`, 'route add default via 198.51.100.1');
  await prepare(lab);
  await Promise.all([startEchoServer(out), startEchoServer(han), startWebServer(han)]);
  await mustMasqc(gw, 'apply', file);
  return lab;
}

const uplinks = suite('uplinks');

for (const [title, lines] of [
  ['a route of higher metric', ['route add default via 192.0.2.1 metric 200']],
  ['a rule for its address', ['rule add from 192.0.2.2 lookup 100', 'route add default via 192.0.2.1 table 100']],
] as const) {
  uplinks(`a connection keeps the uplink that it came by: ${title}`, async () => {
    const lab = await open((made) => made.at('gw').ip(...lines));
    const stray = await listen(lab.at('isp'), 'line0', 'src host 192.0.2.2');
    const client = lab.at('out').start(...node('udp-client', '192.0.2.2', '7'));
    await client.says(/ready/);
    for (const word of ['one', 'two', 'three', 'four']) {
      client.write(word);
      await client.says(new RegExp(word));
      await pause(1100); // revalidated in between
    }
    assert.equal(await stray.end(), []);
    lab.close();
  });
}

uplinks('an uplink that has lost its address lends none of the inner ones', async () => {
  const lab = await open();
  const line = await listen(lab.at('isp'), 'line0', 'src net 192.168.0.0/16');
  const client = lab.at('han').start(...node('udp-client', OUT, '7'));
  await client.says(/ready/);
  client.write('hello');
  await client.says(/hello/);
  const gw = lab.at('gw');
  await gw.ip(
    'addr del 203.0.113.2/24 dev wan0',
    'route add 203.0.113.1 dev wan0',
    'route replace default via 203.0.113.1',
  );
  const drops = await countDrops(gw);
  await until('it is noticed', async () => {
    client.write('still there?');
    return (await countDrops(gw))('untranslated') > drops('untranslated');
  });
  assert.equal(await line.end(), []);
  lab.close();
});

uplinks('what was sent while there was no route goes out when there is one', async () => {
  const lab = await open();
  const gw = lab.at('gw');
  await gw.ip('route del default');
  const client = lab.at('han').start(...node('udp-client', OUT, '7', '4500'));
  await client.says(/ready/);
  client.write('lost');
  await until('the gateway has it', async () => (await listConnections(gw)).some(({ source }) => source.port === 4500));
  await gw.ip('route add default via 203.0.113.1');
  await until(
    'an answer',
    async () => {
      client.write('found');
      return /found/.test(client.output);
    },
    8000,
  );
  lab.close();
});

uplinks("an address that comes after the apply is the uplink's own", async () => {
  const lab = await open((made) => made.at('gw').ip('addr flush dev wan0', 'addr flush dev wan1'));
  await lab.at('gw').ip('addr add 203.0.113.2/24 dev wan0', 'route add default via 203.0.113.1');
  assert.match(await lab.at('out').ask('curl', '-sS', '-m', '3', 'http://203.0.113.2/'), 'han greets');
  lab.close();
});

uplinks('a SYN whose checksum is left to the device is rejected with a good one', async () => {
  const lab = await open();
  await lab.at('gw').ask('ethtool', '-K', 'lan0', 'tx', 'off'); // the kernel completes checksums, as hardware does
  const { code, milliseconds } = await lab.at('han').run(['curl', '-sS', '-m', '4', `http://${OUT}:25/`]);
  assert.is(code, 7, 'refused');
  assert.ok(milliseconds < 2000);
  lab.close();
});

const TAGGED = `
import socket, struct, sys
def mac(device): return open('/sys/class/net/%s/address' % device).read().strip()
def total(b): return sum(struct.unpack('!%dH' % (len(b) // 2), b))
def check(b):
    s = total(b)
    while s >> 16: s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff
source, target = socket.inet_aton('198.51.100.10'), socket.inet_aton('203.0.113.2')
tcp = struct.pack('!HHIIBBHHH', 7777, 2222, 1, 0, 0x50, 2, 65535, 0, 0)
digest = check(source + target + struct.pack('!HH', 6, len(tcp)) + tcp)
tcp = tcp[:16] + struct.pack('!H', digest) + tcp[18:]
ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + source + target
ip = ip[:10] + struct.pack('!H', check(ip)) + ip[12:]
tags = bytes.fromhex(sys.argv[2])
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind(('line0', 0))
link.send(bytes.fromhex(sys.argv[1].replace(':', '')) + bytes.fromhex(mac('line0').replace(':', '')) + tags + b'\\x08\\x00' + ip + tcp)
`;

uplinks('a frame of VLAN 0 goes round nothing', async () => {
  const lab = await open();
  const gw = lab.at('gw');
  await startEchoServer(gw, 2222);
  const mac = (await gw.ask('cat', '/sys/class/net/wan0/address')).trim();
  const answers = await listen(lab.at('isp'), 'line0', 'tcp and src port 2222');
  // one tag, one with a priority, a provider's, two, three
  for (const tags of ['81000000', '8100e000', '88a80000', '8100000081000000', '810000008100000081000000']) {
    const before = await countDrops(gw);
    await lab.at('isp').ask('python3', '-c', TAGGED, mac, tags);
    await until(`${tags} is dropped`, async () => {
      const now = await countDrops(gw);
      return now('denied') + now('malformed') > before('denied') + before('malformed');
    });
  }
  assert.equal(await answers.end(), []);
  lab.close();
});

uplinks.run();
