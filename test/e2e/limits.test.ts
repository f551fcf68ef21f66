/** `limit`, `log`, `account` and the counters of lines, with real programs. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { countDrops, masqc, masqcCommand, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { startEchoServer, startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const TEXT = `gateway deathstar {
  default deny
  timeout udp 2s, tcp-fin 1s
  account home
}
interface wan = ppp0
interface lan = eth0
interface dmz = eth1
network home = 192.168.1.0/24 on lan
network servers = 192.168.2.0/24 on dmz
host yoda = 192.168.2.10

policy lan-out from lan to wan {
  deny tcp 25 log "no mail"
  allow tcp 7 limit 2/hour burst 2 per source log
  default allow
}
policy lan-to-dmz from lan to dmz {
  allow tcp 80 limit 2 flows
  default reject log 1/hour
}
policy to-gateway from any to self {
  allow icmp echo-request
  default deny
}
masquerade home-out {
  from home
  interface wan
  ports 61000-65095
  log
}
`;

interface Shown {
  readonly lines: readonly {
    readonly text: string;
    readonly connections: number;
    readonly packets: number;
    readonly bytes: number;
    readonly refused: number;
    readonly limited: number;
    readonly heldBack: number;
  }[];
}
const network = await ArticleNetwork.open({ wan: 'ethernet', cables: 'wire' });
const { gateway } = network;
await startWebServer(network.at('internet'));
await startEchoServer(network.at('internet'));
await startWebServer(network.at('yoda'));
await mustMasqc(gateway, 'apply', writeGatewayFile(TEXT));
process.on('exit', () => network.close());

const test = suite('limits, logs and counters');

const connect = async (from: string, host: string, port: number) =>
  (await network.at(from).run(['nc', '-z', '-w', '1', host, String(port)])).code === 0;
const showLine = async (text: string) => {
  const { lines } = JSON.parse(await mustMasqc(gateway, 'show', 'rules', '--json')) as Shown;
  const found = lines.find((line) => line.text === text);
  assert.ok(found, text);
  return found as Shown['lines'][number];
};
const readLog = async () =>
  (await mustMasqc(gateway, 'log', '--json'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

test('a rate per source denies what is beyond it, and nobody else', async () => {
  const passed: boolean[] = [];
  for (const from of ['han', 'han', 'han', 'luke']) passed.push(await connect(from, addresses.internet, 7));
  assert.equal(passed, [true, true, false, true]);
  assert.ok((await countDrops(gateway))('limited') >= 1);
  const line = await showLine('allow tcp 7 limit 2/hour burst 2 per source log');
  assert.is(line.connections, 3);
  assert.ok(line.limited >= 1 && line.limited === line.refused);
});

test('live connections are limited, and their end makes room', async () => {
  const holders = await Promise.all(
    ['han', 'luke'].map(async (from) => {
      const holder = network.at(from).start('nc', addresses.yoda, '80');
      return holder;
    }),
  );
  await until('both are there', async () => (await showLine('allow tcp 80 limit 2 flows')).connections === 2, 20_000);
  assert.not(await connect('han', addresses.yoda, 80));
  await Promise.all(holders.map((holder) => holder.stop()));
  await until('there is room again', () => connect('han', addresses.yoda, 80), 30_000);
});

test('the log has who, where and by which line, and is read once', async () => {
  await readLog();
  assert.not(await connect('han', addresses.internet, 25));
  await until('it is written', async () => (await showLine('deny tcp 25 log "no mail"')).refused > 0);
  const [event] = (await readLog()).filter((one) => one.verdict === 'denied');
  assert.equal(
    [event.label, event.in, event.out, event.protocol, event.source.address, event.destination, event.flags],
    ['no mail', 'lan', 'wan', 'tcp', addresses.han, { address: addresses.internet, port: 25 }, 'S'],
  );
  assert.match(event.rule.file, /gateway-\d+\.masq$/);
  assert.equal([event.rule.line, event.rule.owner], [14, 'lan-out']);
  assert.ok(Math.abs(Date.parse(event.time) - Date.now()) < 60_000);
  assert.equal(
    (await readLog()).filter((one) => one.verdict === 'denied'),
    [],
  );
});

test('follows, with a line for each event, and refuses a second reader', async () => {
  const reader = gateway.start(...masqcCommand, 'log', '-f');
  await until('it reads', async () => {
    await network.at('luke').run(['nc', '-u', '-w', '1', addresses.internet, '9'], { input: 'x' });
    return /verdict=mapped/.test(reader.output);
  });
  assert.match(
    reader.output,
    /^time=\S+Z verdict=mapped rule=\S+:\d+ by=home-out out=wan proto=udp src=192\.168\.1\.21:\d+ as=203\.0\.113\.7:6\d+$/m,
  );
  const second = await masqc(gateway, 'log');
  assert.is(second.code, 3);
  assert.match(second.err, /log/);
  await until('the end of the mapping, too', () => /verdict=unmapped/.test(reader.output), 20_000);
  await reader.stop();
});

test('a log has a rate, and says what it held back', async () => {
  for (let i = 0; i < 8; i++) await connect('han', addresses.yoda, 81);
  const { refused, heldBack } = await showLine('default reject log 1/hour');
  assert.ok(refused >= 8);
  assert.is(heldBack, refused - 5);
});

test('counters have live and ended connections, and stay with their lines when the file changes', async () => {
  const before = await showLine('deny tcp 25 log "no mail"');
  assert.ok(before.refused > 0);
  await mustMasqc(
    gateway,
    'apply',
    writeGatewayFile(TEXT.replace('  default allow', '  deny tcp 26\n  default allow')),
  );
  assert.is((await showLine('deny tcp 25 log "no mail"')).refused, before.refused);
  assert.is((await showLine('deny tcp 26')).refused, 0);
  assert.not(await connect('han', addresses.internet, 26));
  await until('it counts', async () => (await showLine('deny tcp 26')).refused > 0);
  assert.not(await connect('han', addresses.internet, 7), 'the bucket is as it was');
});

test('each address of `account` has what it sent and received', async () => {
  const text = await network.at('han').ask('curl', '-sS', '-m', '5', `http://${addresses.internet}/`);
  assert.match(text, 'internet greets');
  const { accounts } = JSON.parse(await mustMasqc(gateway, 'show', 'accounts', '--json'));
  const han = accounts.find((one: { address: string }) => one.address === addresses.han);
  assert.ok(han.sent.packets > 5 && han.received.packets > 5 && han.received.bytes > 300, JSON.stringify(accounts));
  assert.not(accounts.some((one: { address: string }) => one.address === addresses.internet));
  const total = await showLine('default allow');
  assert.ok(total.packets > 0 && total.bytes > 300);
  assert.match(await mustMasqc(gateway, 'show', 'rules'), /default allow/);
});

test.run();
