/**
 * In the guest: a gateway end to end on the kernel at hand, with few processes, for the machine is emulated.
 *
 *   host 10.9.0.2 - eth0 [ gw ] wan0 - outside 203.0.113.9
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Lab } from '../lab/lab.ts';
import { masqcCommand, writeGatewayFile } from '../lab/masqc.ts';
import type { Ended, Namespace } from '../lab/namespace.ts';
import { until } from '../lab/until.ts';

const FILE = writeGatewayFile(`
gateway smoke {
  default deny
  flows 4096
  timeout udp 60s
  deny to blocked
}
set blocked = file "smoke-blocked.txt"
interface wan = wan0
interface lan = eth0
network home = dynamic on lan
host inner = 0.0.0.2 in home

policy out from lan to wan {
  deny tcp 25
  default allow
}
policy in from wan to lan {
  default deny
}
policy to-gateway from any to self {
  allow icmp echo-request
  default reject
}
masquerade hide {
  from home
  interface wan
  ports 61000-65095
}
redirect web {
  interface wan
  listen tcp 8080 to inner:80
  allow from any
}
`);
const LIST = join(dirname(FILE), 'smoke-blocked.txt');
writeFileSync(LIST, '203.0.113.66\n2001:db8:bad::/48\n198.51.100.0/24\n');
const PATIENT = 240_000;
let failed = 0;
let passed = 0;

async function check(fact: string, ask: () => Promise<boolean>): Promise<void> {
  let good = false;
  let why = '';
  try {
    good = await ask();
  } catch (error) {
    why = `: ${error instanceof Error ? error.message : error}`;
  }
  console.log(`${good ? 'ok' : 'NOT OK'}  ${fact}${why}`);
  if (good) passed++;
  else failed++;
}

/** The emulator sometimes kills Node with a signal; the same command then runs again, as an admin would run it. */
async function masqc(...args: string[]): Promise<Ended> {
  for (let again = 2; ; again--) {
    const ended = await gw.run([...masqcCommand, ...args], { limit: PATIENT });
    if (ended.code !== null || again === 0) return ended;
    console.log(`  masqc ${args.join(' ')} was killed after ${Math.round(ended.milliseconds / 1000)} s: once more`);
  }
}
async function show(what: string): Promise<string> {
  const { code, out, err } = await masqc('show', what);
  if (code !== 0) throw new Error(err);
  return out;
}

/** A listener that sends who it is and whom it sees. */
const serve = (where: Namespace, port: number) =>
  where.start(
    'ncat',
    '-lk',
    String(port),
    '--sh-exec',
    `echo "${where.name} sees $NCAT_REMOTE_ADDR:$NCAT_REMOTE_PORT"`,
  );
/** What a listener sends, '' when there is no answer in time. */
async function ask(where: Namespace, address: string, port: number): Promise<string> {
  const { out } = await where.run(['ncat', '--recv-only', '-w', '8', address, String(port)], { limit: PATIENT });
  return out;
}

const lab = new Lab();
await lab.add('host', 'gw', 'outside');
const [host, gw, outside] = ['host', 'gw', 'outside'].map((name) => lab.at(name)) as [Namespace, Namespace, Namespace];
await lab.connect(host, 'eth0', gw, 'eth0');
await lab.connect(gw, 'wan0', outside, 'eth0');
await host.ip('addr add 10.9.0.2/24 dev eth0', 'route add default via 10.9.0.1');
await gw.ip('addr add 10.9.0.1/24 dev eth0', 'addr add 203.0.113.1/24 dev wan0');
await outside.ip(
  'addr add 203.0.113.9/24 dev eth0',
  'addr add 203.0.113.66/24 dev eth0',
  'route add 10.9.0.0/24 via 203.0.113.1',
);
const qdiscs = () => gw.ask('tc', 'qdisc', 'show');
const before = await qdiscs();

const { code, out, err } = await masqc('apply', FILE);
console.log(`${out}${err}`);
await check('apply ends well', async () => code === 0);
await check('programs hang on clsact or TCX', async () => /TC in (clsact|tcx)/.test(await show('status')));
await check('doctor: this kernel takes every program', async () =>
  (await masqc('doctor', FILE)).out.includes('its verifier takes every program'),
);
await check('a second plan is empty', async () => (await masqc('plan', FILE)).code === 0);
for (const [where, port] of [
  [outside, 80],
  [outside, 25],
  [host, 80],
] as const)
  serve(where, port);
await until('the listeners are there', async () => (await ask(outside, '127.0.0.1', 80)) !== '', PATIENT);
await check('what leaves is masqueraded, from the pool', async () => {
  const seen = /sees 203\.0\.113\.1:(\d+)/.exec(await ask(host, '203.0.113.9', 80));
  return seen !== null && Number(seen[1]) >= 61000 && Number(seen[1]) <= 65095;
});
await check('a redirect serves the outside', async () =>
  (await ask(outside, '203.0.113.1', 8080)).includes('host sees 203.0.113.9'),
);
await check('a line denies', async () => (await ask(host, '203.0.113.9', 25)) === '');
await check('a set from a file denies, and an edit of it changes the table in place', async () => {
  if ((await ask(host, '203.0.113.66', 80)) !== '') return false;
  writeFileSync(LIST, '198.51.100.0/24\n');
  const { out } = await masqc('plan', FILE);
  if (!out.includes('−2 prefixes in blocked') || (await masqc('apply', FILE)).code !== 0) return false;
  return (await ask(host, '203.0.113.66', 80)) !== '';
});
await check('the inside is not reached directly', async () => (await ask(outside, '10.9.0.2', 80)) === '');
await check('ping through and to the gateway', async () => {
  const out = await host.run(['ping', '-c1', '-W8', '203.0.113.9'], { limit: PATIENT });
  const to = await outside.run(['ping', '-c1', '-W8', '203.0.113.1'], { limit: PATIENT });
  return out.code === 0 && to.code === 0;
});
await check('connections are listed', async () => (await show('connections')).includes('10.9.0.2'));
await check('a flow expires without a process', async () => {
  await host.run(['bash', '-c', 'echo x > /dev/udp/203.0.113.9/9']);
  const listed = async () => (await show('connections')).includes('udp');
  if (!(await listed())) throw new Error(`not listed:\n${await show('connections')}${await show('drops')}`);
  return until('the flow is gone', async () => !(await listed()), PATIENT);
});
await check('down leaves nothing', async () => {
  const { code } = await masqc('down');
  return code === 0 && (await qdiscs()) === before && (await gw.ask('nft', 'list', 'tables')) === '';
});
lab.close();
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exit(failed > 0 ? 1 : 0);
