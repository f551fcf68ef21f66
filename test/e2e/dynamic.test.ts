/** Prefixes that change under a gateway that runs: `masqc watch` follows, and what is said without it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listen } from '../lab/capture.ts';
import { Lab } from '../lab/lab.ts';
import { countDrops, masqc, masqcCommand, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import type { Program } from '../lab/program.ts';
import { node, startEchoServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'btf');

const WAN = '2001:db8:2::1';
const SERVER = '2001:db8:80::80';
/** Where the host is all the time. */
const FIXED = 'fd00:5::80';

const HEAD = `
gateway six {
  default  deny
  flows    4096
}
interface wan = wan0
interface lan = eth0
`;
const FOLLOWING = `${HEAD}
network home  = fd00:5::/64, dynamic on lan
network wide  = dynamic on wan
host    yoda  = ::80 in home
policy out from lan to wan {
  deny tcp 9 from home
  default allow
}
policy in from wan to lan {
  allow tcp 7 to yoda
  default deny
}
redirect echo {
  interface wan
  listen    tcp 70 to yoda:7
  allow     from wide
}
`;
const TRANSLATING = `${HEAD}
interface spare = pd0
network home      = fd00:5::/64 on lan
network delegated = dynamic on spare
policy out from lan to wan {
  default allow
}
policy in from wan to lan {
  allow tcp 7 to ${FIXED}
  default deny
}
map provider {
  interface wan
  inside    fd00:5::/64
  outside   delegated
}
`;

const test = suite('prefixes that change');
const lab = new Lab();
const at = (name: string): Namespace => lab.at(name);
let watcher: Program | null = null;

test.before(async () => {
  await lab.addDual('gw', 'han', 'out');
  const [gw, han, out] = [at('gw'), at('han'), at('out')];
  await lab.connect(gw, 'eth0', han, 'eth0');
  await lab.connect(gw, 'wan0', out, 'wan0');
  await gw.ip(
    'link add pd0 type bridge',
    'link set pd0 up',
    'addr add fd00:5::1/64 dev eth0 nodad',
    `addr add ${WAN}/64 dev wan0 nodad`,
    'route add ::/0 via 2001:db8:2::2',
  );
  await han.ip(`addr add ${FIXED}/64 dev eth0 nodad`, 'route add ::/0 via fd00:5::1');
  await out.ip(
    'addr add 2001:db8:2::2/64 dev wan0 nodad',
    `addr add ${SERVER}/128 dev lo`,
    `route add 2001:db8:f000::/36 via ${WAN}`,
    `route add fd00:5::/64 via ${WAN}`,
  );
  await Promise.all([startEchoServer(han, 7, '::'), startEchoServer(out, 7, '::')]);
});
test.after(() => lab.close());

/** The provider delegates 2001:db8:fN00::/64, or nothing any more. */
async function renumber(device: string, before: number | null, after: number | null, hosts = ''): Promise<void> {
  const [gw, han] = [at('gw'), at('han')];
  const prefix = (n: number) => `2001:db8:f${n}00:`;
  if (after !== null) await gw.ip(`addr add ${prefix(after)}:1/64 dev ${device} nodad`);
  // Deprecated there, so that what the host itself starts comes from its fixed address.
  if (after !== null && hosts !== '')
    await han.ip(`addr add ${prefix(after)}:${hosts}/64 dev eth0 nodad preferred_lft 0`);
  if (before !== null) await gw.ip(`addr del ${prefix(before)}:1/64 dev ${device}`);
}
const address = (n: number, host = '80') => `2001:db8:f${n}00::${host}`;

const greeted = (from: string, to: string, port = 7) =>
  at(from).run(['sh', '-c', `echo hello | timeout 2 socat -t1 - 'TCP6:[${to}]:${port},connect-timeout=1'`]);
const gets = async (from: string, to: string, port = 7) => (await greeted(from, to, port)).out !== '';
const generation = async () =>
  (JSON.parse(await mustMasqc(at('gw'), 'show', 'status', '--json')) as { generation: number }).generation;
const warnings = async () =>
  (JSON.parse(await mustMasqc(at('gw'), 'show', 'status', '--json')) as { warnings: string[] }).warnings;

test('a plan says what the names stand for, and what stands for nothing', async () => {
  const file = writeGatewayFile(FOLLOWING);
  const { out } = await masqc(at('gw'), 'plan', file);
  assert.match(out, 'home = fd00:5::/64, as lan has it');
  assert.match(out, 'yoda = fd00:5::80, as lan has it');
  assert.match(out, 'wide = 2001:db8:2::/64, as wan has it');
  await mustMasqc(at('gw'), 'apply', file);
  assert.is((await masqc(at('gw'), 'plan', file)).code, 0);
  assert.ok(await gets('out', FIXED));
  assert.not(await gets('out', address(1)), 'nobody has that yet');
});

test('the watcher brings a prefix in: host, network and redirect follow', async () => {
  watcher = at('gw').start(...masqcCommand, 'watch');
  await watcher.says(/^Watching/m);
  await renumber('eth0', null, 1, '80');
  await until('it is followed', () => /prefixes of lan .*2001:db8:f100::/.test(watcher?.output ?? ''));
  assert.ok(await gets('out', address(1)));
  await at('han').ip(`addr add ${address(1, '81')}/64 dev eth0 nodad preferred_lft 0`);
  assert.not(await gets('out', address(1, '81')), 'another host of the prefix');
  assert.ok(await gets('out', WAN, 70), 'the redirect, from the network of wan');
  assert.is(await generation(), 1, 'under the same program');
});

test('with another prefix the connections of the old one end, and the others go on', async () => {
  const [old, other] = [address(1), FIXED].map((to) => at('out').start(...node('tcp-client', to, '7')));
  const own = at('han').start(...node('tcp-client', SERVER, '7'));
  for (const one of [old, other, own]) await one?.says(/seen as/);
  await renumber('eth0', 1, 2, '80');
  await until('it is followed', () => /2001:db8:f100::.* → .*2001:db8:f200::/.test(watcher?.output ?? ''));
  assert.ok(await gets('out', address(2)));
  assert.not(await gets('out', address(1)), 'what was open is shut');
  const cut = (await countDrops(at('gw')))('cut');
  old?.write('old');
  other?.write('other');
  await other?.says(/^other$/m);
  await until('the old one is cut', async () => (await countDrops(at('gw')))('cut') > cut);
  assert.not.match(old?.output ?? '', /^old$/m);
  own.write('own');
  await own.says(/^own$/m);
  assert.is(await generation(), 1);
  for (const one of [old, other, own]) await one?.stop('SIGKILL');
});

test('a source of the prefix is forged anywhere else', async () => {
  const forged = (await countDrops(at('gw')))('forged');
  const stolen = `${address(2, '99')}/128 dev lo`;
  await at('out').ip(`addr add ${stolen}`);
  const to = `TCP6:[${FIXED}]:7,bind=[${address(2, '99')}],connect-timeout=1`;
  await at('out').run(['timeout', '1', 'socat', '-u', 'OPEN:/dev/null', to]);
  assert.ok((await countDrops(at('gw')))('forged') > forged);
  await at('out').ip(`addr del ${stolen}`);
});

test('a deprecated prefix is still there, and new redirects go to the one that is not', async () => {
  await at('gw').ip(`addr add ${address(3, '1')}/64 dev eth0 nodad`);
  await at('han').ip(`addr add ${address(3)}/64 dev eth0 nodad preferred_lft 0`);
  await until('it is followed', () => /2001:db8:f300::\/64/.test(watcher?.output ?? ''));
  await at('gw').ip(`addr change ${address(3, '1')}/64 dev eth0 preferred_lft 0`);
  await until('the order follows', async () =>
    /→ 2001:db8:f200::\/64 .*2001:db8:f300::\/64/.test(
      watcher?.output.split('\n').findLast((line) => line.includes('→')) ?? '',
    ),
  );
  assert.ok(await gets('out', address(3)), 'its addresses live');
  assert.ok(await gets('out', WAN, 70));
  const shown = await mustMasqc(at('gw'), 'show', 'connections', '--json');
  const redirected = shown.split('\n').filter((line) => line.includes('"redirected":{'));
  assert.ok(
    redirected.some((line) => line.includes(address(2))),
    shown,
  );
  await at('gw').ip(`addr del ${address(3, '1')}/64 dev eth0`);
});

test('without a watcher the change is said, and attach or apply brings it in', async () => {
  await watcher?.stop('SIGTERM');
  await mustMasqc(at('gw'), 'attach');
  assert.equal(await warnings(), []);
  await renumber('eth0', 2, 4, '80');
  assert.match(
    (await warnings()).join('\n'),
    /lan has .*2001:db8:f400::\/64.* now, and the policy goes by .*2001:db8:f200::/,
  );
  assert.match((await masqc(at('gw'), 'doctor')).out, /prefixes of lan .*2001:db8:f200::.* → .*2001:db8:f400::/);
  assert.not(await gets('out', address(4)), 'not before');
  assert.match(await mustMasqc(at('gw'), 'attach'), '2001:db8:f400::/64');
  assert.ok(await gets('out', address(4)));
  assert.equal(await warnings(), []);
});

test('a change that was interrupted is done by the next one', async () => {
  await renumber('eth0', 4, 5, '80');
  const [program = '', ...args] = masqcCommand;
  const killed = await at('gw').run(['env', 'MASQC_FAULT=kill view', program, ...args, 'attach']);
  assert.is.not(killed.code, 0);
  assert.not(await gets('out', address(5)), 'the whole old view decides');
  await mustMasqc(at('gw'), 'attach');
  assert.ok(await gets('out', address(5)));
  assert.not(await gets('out', address(4)));
});

test('without a prefix nothing matches', async () => {
  await renumber('eth0', 5, null);
  await at('gw').ip('addr del fd00:5::1/64 dev eth0');
  const attached = await masqc(at('gw'), 'attach');
  assert.is(attached.code, 0, attached.err);
  await at('gw').ip(`route add ${address(5)}/128 dev eth0`);
  assert.not(await gets('out', address(5)));
  assert.not(await gets('out', WAN, 70));
  await at('gw').ip(`route del ${address(5)}/128 dev eth0`, 'addr add fd00:5::1/64 dev eth0 nodad');
  await at('han').ip('route replace ::/0 via fd00:5::1');
  await mustMasqc(at('gw'), 'down');
});

test('NPTv6 follows the prefix outside; without one nothing leaves', async () => {
  const file = writeGatewayFile(TRANSLATING);
  const leaks = await listen(at('out'), 'wan0', 'ip6 src net fd00:5::/64');
  const first = await masqc(at('gw'), 'apply', file);
  assert.is(first.code, 0, first.err);
  assert.match(first.out, 'The map provider translates nothing: spare has no prefix that fd00:5::/64 fits.');
  assert.not(await gets('han', SERVER), 'there is none yet');
  watcher = at('gw').start(...masqcCommand, 'watch');
  await watcher.says(/^Watching/m);
  await renumber('pd0', null, 1);
  await until('it is followed', () => /spare none → 2001:db8:f100::\/64/.test(watcher?.output ?? ''));
  const old = at('han').start(...node('tcp-client', SERVER, '7'));
  await old.says(/seen as .*2001:db8:f100:/);
  const seen = /seen as \[?(2001:db8:f100:[0-9a-f:]+?)\]?:\d+$/m.exec(old.output)?.[1] ?? '';
  assert.ok(await gets('out', seen), `what comes in to ${seen}`);
  await renumber('pd0', 1, 2);
  await until('it is followed', () => /2001:db8:f100::\/64 → 2001:db8:f200::\/64/.test(watcher?.output ?? ''));
  const next = at('han').start(...node('tcp-client', SERVER, '7'));
  await next.says(/seen as .*2001:db8:f200:/);
  assert.not(await gets('out', seen));
  const cut = (await countDrops(at('gw')))('cut');
  old.write('old');
  await until('the old one is cut', async () => (await countDrops(at('gw')))('cut') > cut);
  await renumber('pd0', 2, null);
  await until('it is followed', () => /2001:db8:f200::\/64 → none/.test(watcher?.output ?? ''));
  const lost = (await countDrops(at('gw')))('untranslated');
  assert.not(await gets('han', SERVER));
  assert.ok((await countDrops(at('gw')))('untranslated') > lost);
  assert.equal(await leaks.end(), [], 'no inside address was ever seen outside');
  await watcher.stop('SIGTERM');
  await mustMasqc(at('gw'), 'down');
});

test.run();
