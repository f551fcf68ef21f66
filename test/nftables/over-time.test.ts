/** What a ruleset remembers: connections and their answers, limits, timeouts, accounts; and what the gateway itself sends. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../compiler/compile.ts';
import { emitNftables } from '../../compiler/nftables/emit.ts';
import { icmp, tcp, udp } from '../behaviour/wire/compose.ts';
import { needs } from '../lab/skip.ts';
import { type End, Laboratory } from './laboratory.ts';

needs('linux', 'root');

const PLACES = `
interface wan = wan0 { mss 1200 }
interface lan = lan0
interface dmz = dmz0
network home = 192.168.1.0/24, 2001:db8:1::/64 on lan
network farm = 10.0.0.0/24 on dmz
host han = 192.168.1.10
host yoda = 10.0.0.10
`;
const gateway = (lines = ''): string => `gateway g {\n  default deny\n${lines}}\n${PLACES}`;
const OUT = 'policy out from lan, dmz to wan { default allow }\n';
const HIDE = 'masquerade hide {\n  from home\n  interface wan\n  ports 30000-30999\n}\n';
const SERVER = '192.0.2.7';
const WAN = '203.0.113.7';

const test = suite('rulesets over time');
const laboratory = await Laboratory.open();

async function load(text: string): Promise<void> {
  const { model, diagnostics } = compile('g.masq', () => ({ text }));
  if (model === null) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  await laboratory.load(emitNftables(model));
}

/** `wan udp 203.0.113.7:30001>192.0.2.7:53`, a line for each packet that came out. */
async function ask(end: End, ...packets: readonly Uint8Array[]): Promise<string[]> {
  for (const packet of packets) laboratory.send(end, packet);
  const heard = await laboratory.settle();
  return heard.map(({ end: at, packet: { protocol, src, sport, dst, dport, flags } }) => {
    const name = { 1: 'icmp', 6: `tcp ${flags}`, 17: 'udp', 58: 'icmp6' }[protocol] ?? `${protocol}`;
    return `${at} ${name} ${src}:${sport}>${dst}:${dport}`;
  });
}

test('an answer finds its way back, a stranger does not', async () => {
  await load(gateway() + OUT + HIDE);
  const sent = udp({ src: '192.168.1.10', dst: SERVER, sport: 30_005, dport: 53 });
  assert.equal(await ask('lan', sent), [`wan udp ${WAN}:30005>${SERVER}:53`]);
  const answer = udp({ src: SERVER, dst: WAN, sport: 53, dport: 30_005 });
  assert.equal(await ask('wan', answer), [`lan udp ${SERVER}:53>192.168.1.10:30005`]);
  assert.equal(await ask('wan', udp({ src: '192.0.2.8', dst: WAN, sport: 53, dport: 30_005 })), []);
  const quoted = udp({ src: WAN, dst: SERVER, sport: 30_005, dport: 53 }).subarray(0, 28);
  const error = icmp({ src: '198.18.7.7', dst: WAN, type: 3, code: 1, payload: quoted });
  assert.equal(await ask('wan', error), ['lan icmp 198.18.7.7:0>192.168.1.10:0']);
});

test('a TCP connection opens, and one that nobody opened does not', async () => {
  await load(gateway() + OUT + HIDE);
  const ends = { src: '192.168.1.10', dst: SERVER, sport: 4000, dport: 80 };
  const [line = ''] = await ask('lan', tcp({ ...ends, flags: 'S', seq: 99, tcpOptions: [2, 4, 5, 180] }));
  const port = Number(/:(\d+)>/.exec(line)?.[1]);
  assert.ok(port >= 30_000 && port <= 30_999, line);
  const back = { src: SERVER, dst: WAN, sport: 80, dport: port };
  assert.equal((await ask('wan', tcp({ ...back, flags: 'SA', seq: 7, ack: 100 }))).length, 1);
  assert.equal((await ask('lan', tcp({ ...ends, flags: 'A', seq: 100, ack: 8 }))).length, 1);
  assert.equal(await ask('wan', tcp({ ...back, dport: port + 1, flags: 'A', seq: 8, ack: 100 })), []);
  assert.equal(await ask('lan', tcp({ ...ends, sport: 4001, flags: 'A', seq: 100, ack: 8 })), []);
});

test('SYNs ask for no more than fits, in both directions', async () => {
  await load(
    `${gateway() + OUT + HIDE}redirect www {\n  interface wan\n  listen tcp 80 to yoda\n  allow from any\n}\n`,
  );
  const sizes = async (end: End, packet: Uint8Array): Promise<number[]> => {
    laboratory.send(end, packet);
    return (await laboratory.settle()).map(
      ({ packet: { tcpOptions } }) => ((tcpOptions[2] ?? 0) << 8) | (tcpOptions[3] ?? 0),
    );
  };
  const syn = (fields: { src: string; dst: string; mss: number; sport: number }) =>
    tcp({ ...fields, dport: 80, flags: 'S', tcpOptions: [2, 4, fields.mss >> 8, fields.mss & 255] });
  assert.equal(await sizes('lan', syn({ src: '192.168.1.10', dst: SERVER, mss: 1460, sport: 1 })), [1200]);
  assert.equal(await sizes('lan', syn({ src: '192.168.1.10', dst: SERVER, mss: 700, sport: 2 })), [700]);
  assert.equal(await sizes('wan', syn({ src: SERVER, dst: WAN, mss: 1460, sport: 3 })), [1200]);
  const six = { src: '2001:db8:1::10', dst: '2001:db8:5::7' };
  assert.equal(await sizes('lan', syn({ ...six, mss: 1440, sport: 4 })), [1180]);
});

test('a rate is for each source, and a packet of a known connection takes nothing of it', async () => {
  await load(
    `${gateway()}policy out from lan to dmz {\n  allow udp 53 limit 1/hour burst 2 per source\n  default allow\n}\n`,
  );
  const packet = (src: string, sport: number) => udp({ src, dst: '10.0.0.10', sport, dport: 53 });
  const count = async (src: string, sport: number) => (await ask('lan', packet(src, sport))).length;
  assert.is(await count('192.168.1.10', 1001), 1);
  assert.is(await count('192.168.1.10', 1001), 1);
  assert.is(await count('192.168.1.10', 1002), 1);
  assert.is(await count('192.168.1.10', 1003), 0, 'beyond the burst');
  assert.is(await count('192.168.1.10', 1002), 1, 'a known one goes on');
  assert.is(await count('192.168.1.11', 1003), 1, 'another source');
});

test('sources of IPv6 are /64s', async () => {
  await load(
    `${gateway()}policy out from lan to wan {\n  allow udp 53 limit 1/hour burst 1 per source\n  default deny\n}\n`,
  );
  const packet = (src: string) => udp({ src, dst: '2001:db8:5::7', sport: 1, dport: 53 });
  assert.is((await ask('lan', packet('2001:db8:1::10'))).length, 1);
  assert.is((await ask('lan', packet('2001:db8:1::11'))).length, 0);
});

test('live connections are counted, of each source and of all', async () => {
  const rules = '  allow tcp 80 limit 2 flows per source\n  allow tcp 81 limit 3 flows\n  default deny\n';
  await load(`${gateway()}policy out from lan to dmz {\n${rules}}\n`);
  const syn = (src: string, sport: number, dport: number) => tcp({ src, dst: '10.0.0.10', sport, dport, flags: 'S' });
  const count = async (src: string, sport: number, dport: number) => (await ask('lan', syn(src, sport, dport))).length;
  assert.equal(
    [await count('192.168.1.10', 1, 80), await count('192.168.1.10', 2, 80), await count('192.168.1.10', 3, 80)],
    [1, 1, 0],
  );
  assert.is(await count('192.168.1.11', 4, 80), 1);
  const hosts = [10, 11, 12, 13].map((host) => `192.168.1.${host}`);
  const all: number[] = [];
  for (const [i, host] of hosts.entries()) all.push(await count(host, 100 + i, 81));
  assert.equal(all, [1, 1, 1, 0]);
});

test('a source that finds no room is beyond the limit', async () => {
  const text = `${gateway()}policy out from lan to dmz {\n  allow udp 53 limit 100/second per source\n  default deny\n}\n`;
  const { model } = compile('g.masq', () => ({ text }));
  assert.ok(model);
  await laboratory.load(emitNftables(model).replaceAll('size 65536', 'size 2'));
  const passed: number[] = [];
  for (const host of [10, 11, 12, 13, 14, 15, 16]) {
    passed.push((await ask('lan', udp({ src: `192.168.1.${host}`, dst: '10.0.0.10', sport: 1, dport: 53 }))).length);
  }
  assert.is(passed[0], 1);
  assert.is(passed.at(-1), 0, passed.join());
});

test('connections live as long as the file says', async () => {
  await load(`${gateway('  timeout udp 77s, tcp-syn 33s\n')}policy out from lan to dmz { default allow }\n`);
  await ask('lan', udp({ src: '192.168.1.10', dst: '10.0.0.10', sport: 1, dport: 53 }));
  await ask('lan', tcp({ src: '192.168.1.10', dst: '10.0.0.10', sport: 2, dport: 80, flags: 'S' }));
  const listed = await laboratory.gateway.ask('conntrack', '-L');
  assert.match(listed, /udp\s+17 7\d src=192\.168\.1\.10/);
  assert.match(listed, /tcp\s+6 [23]\d SYN_SENT src=192\.168\.1\.10/);
});

test('accounts hold what passed, and nothing of what was denied', async () => {
  const rules = 'policy out from lan to dmz {\n  allow udp 53\n  default deny\n}\n';
  await load(gateway('  account home\n') + rules);
  const sent = udp({ src: '192.168.1.10', dst: '10.0.0.10', sport: 1, dport: 53, payload: new Uint8Array(100) });
  const answer = udp({ src: '10.0.0.10', dst: '192.168.1.10', sport: 53, dport: 1, payload: new Uint8Array(50) });
  await ask('lan', sent, udp({ src: '192.168.1.11', dst: '10.0.0.10', sport: 1, dport: 54 }));
  await ask('dmz', answer, answer);
  const out = await laboratory.gateway.ask('nft', 'list', 'set', 'inet', 'masqc', 'sent-ipv4');
  assert.match(out, '192.168.1.10 counter packets 1 bytes 128');
  assert.not.match(out, '192.168.1.11');
  const back = await laboratory.gateway.ask('nft', 'list', 'set', 'inet', 'masqc', 'received-ipv4');
  assert.match(back, '192.168.1.10 counter packets 2 bytes 156');
});

test('a line counts what it decides', async () => {
  await load(`${gateway()}policy out from lan to dmz {\n  allow udp 53\n  deny tcp 25\n  default reject\n}\n`);
  const ends = { src: '192.168.1.10', dst: '10.0.0.10', sport: 1 };
  await ask(
    'lan',
    udp({ ...ends, dport: 53 }),
    tcp({ ...ends, dport: 25, flags: 'S' }),
    tcp({ ...ends, dport: 26, flags: 'S' }),
  );
  const listed = await laboratory.gateway.ask('nft', 'list', 'chain', 'inet', 'masqc', 'policy-out');
  for (const line of ['allow udp 53', 'deny tcp 25', 'default reject']) {
    assert.match(listed, new RegExp(`counter packets 1 bytes \\d+ .*${line}"`), listed);
  }
});

test('the gateway itself may send, but for what its own lines refuse', async () => {
  await load(gateway('  deny udp 5000 to 192.0.2.0/24\n  reject tcp 81\n'));
  const say = (target: string) => laboratory.gateway.run(['bash', '-c', `echo x > /dev/${target}`], { limit: 3000 });
  await say('udp/192.0.2.7/53');
  assert.match(
    (await laboratory.settle()).map(({ packet }) => `${packet.src}>${packet.dst}:${packet.dport}`).join(),
    `${WAN}>192.0.2.7:53`,
  );
  await say('udp/192.0.2.7/5000');
  assert.equal(await laboratory.settle(), []);
  const refused = await say('tcp/192.0.2.7/81');
  assert.match(refused.err, 'Connection refused');
  assert.equal(await laboratory.settle(), []);
  const answer = udp({ src: '192.0.2.7', dst: WAN, sport: 53, dport: 9 });
  assert.equal(await ask('wan', answer), [], 'nobody asked for this one');
});

test("what a map sends to the target of a redirect is the policy's to say", async () => {
  const policy = 'policy in from wan to dmz {\n  allow tcp 22\n  default deny\n}\n';
  const map = 'map m {\n  interface wan\n  inside 10.0.0.0/24\n  outside 203.0.114.0/24\n}\n';
  const redirect =
    'redirect www {\n  interface wan\n  address 203.0.113.50\n  listen tcp 80 to yoda\n  allow from any\n}\n';
  await load(gateway() + policy + map + redirect);
  const syn = (dst: string, dport: number) => tcp({ src: SERVER, dst, sport: 9, dport, flags: 'S' });
  assert.equal(await ask('wan', syn('203.0.113.50', 80)), [`dmz tcp S ${SERVER}:9>10.0.0.10:80`]);
  assert.equal(await ask('wan', syn('203.0.114.10', 80)), []);
  assert.equal(await ask('wan', syn('203.0.114.10', 22)), [`dmz tcp S ${SERVER}:9>10.0.0.10:22`]);
});

test('a redirect takes the own address of its interface, and no other one', async () => {
  const redirect = 'redirect www {\n  interface wan\n  listen tcp 80 to han\n  allow from any\n}\n';
  await load((gateway() + redirect).replace('network farm = 10.0.0.0/24 on dmz\n', ''));
  const syn = (src: string, dst: string) => tcp({ src, dst, sport: 9, dport: 80, flags: 'S' });
  assert.equal(await ask('dmz', syn('10.0.0.10', WAN)), ['lan tcp S 10.0.0.10:9>192.168.1.10:80']);
  assert.equal(await ask('dmz', syn('10.0.0.10', '10.0.0.1')), []);
  assert.equal(await ask('dmz', syn('10.0.0.10', '192.168.1.1')), []);
  assert.equal(await ask('wan', syn(SERVER, '192.168.1.1')), []);
});

test('a line with a log writes to the log of the kernel, and still decides', async () => {
  await load(
    `${gateway()}policy out from lan to dmz {\n  deny udp 53 log "x"\n  allow udp 54 log\n  default deny\n}\n`,
  );
  const ends = { src: '192.168.1.10', dst: '10.0.0.10', sport: 1 };
  const packets = Array.from({ length: 80 }, (_, i) => udp({ ...ends, sport: 100 + i, dport: 54 }));
  assert.is((await ask('lan', ...packets)).length, 80, 'beyond the rate of the log, too');
  assert.equal(await ask('lan', udp({ ...ends, dport: 53 })), []);
});

test.after(() => laboratory.close());
test.run();
