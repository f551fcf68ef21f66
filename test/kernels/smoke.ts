/**
 * In the guest: a gateway end to end on the kernel at hand.
 *
 *   host 10.9.0.2 - eth0 [ gw ] wan0 - outside 203.0.113.9
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Lab } from '../lab/lab.ts';
import { writeGatewayFile } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { until } from '../lab/until.ts';
import { ask, Facts, PATIENT, serve } from './guest.ts';

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
const facts = new Facts(gw);
const qdiscs = () => gw.ask('tc', 'qdisc', 'show');
const before = await qdiscs();

const { code, out, err } = await facts.masqc('apply', FILE);
console.log(`${out}${err}`);
await facts.check('apply ends well', async () => code === 0);
await facts.check('programs hang on clsact or TCX', async () => /TC in (clsact|tcx)/.test(await facts.show('status')));
await facts.check('doctor: this kernel takes every program', async () =>
  (await facts.masqc('doctor', FILE)).out.includes('its verifier takes every program'),
);
await facts.check('a second plan is empty', async () => (await facts.masqc('plan', FILE)).code === 0);
for (const [where, port] of [
  [outside, 80],
  [outside, 25],
  [host, 80],
] as const)
  serve(where, port);
await until('the listeners are there', async () => (await ask(outside, '127.0.0.1', 80)) !== '', PATIENT);
await facts.check('what leaves is masqueraded, from the pool', async () => {
  const seen = /sees 203\.0\.113\.1:(\d+)/.exec(await ask(host, '203.0.113.9', 80));
  return seen !== null && Number(seen[1]) >= 61000 && Number(seen[1]) <= 65095;
});
await facts.check('a redirect serves the outside', async () =>
  (await ask(outside, '203.0.113.1', 8080)).includes('host sees 203.0.113.9'),
);
await facts.check('a line denies', async () => (await ask(host, '203.0.113.9', 25)) === '');
await facts.check('a set from a file denies, and an edit of it changes the table in place', async () => {
  if ((await ask(host, '203.0.113.66', 80)) !== '') return false;
  writeFileSync(LIST, '198.51.100.0/24\n');
  const { out } = await facts.masqc('plan', FILE);
  if (!out.includes('−2 prefixes in blocked') || (await facts.masqc('apply', FILE)).code !== 0) return false;
  return (await ask(host, '203.0.113.66', 80)) !== '';
});
await facts.check('the inside is not reached directly', async () => (await ask(outside, '10.9.0.2', 80)) === '');
await facts.check('ping through and to the gateway', async () => {
  const out = await host.run(['ping', '-c1', '-W8', '203.0.113.9'], { limit: PATIENT });
  const to = await outside.run(['ping', '-c1', '-W8', '203.0.113.1'], { limit: PATIENT });
  return out.code === 0 && to.code === 0;
});
await facts.check('connections are listed', async () => (await facts.show('connections')).includes('10.9.0.2'));
await facts.check('a flow expires without a process', async () => {
  await host.run(['bash', '-c', 'echo x > /dev/udp/203.0.113.9/9']);
  const listed = async () => (await facts.show('connections')).includes('udp');
  if (!(await listed())) throw new Error(`not listed:\n${await facts.show('connections')}${await facts.show('drops')}`);
  return until('the flow is gone', async () => !(await listed()), PATIENT);
});
await facts.check('down leaves nothing', async () => {
  const { code } = await facts.masqc('down');
  return code === 0 && (await qdiscs()) === before && (await gw.ask('nft', 'list', 'tables')) === '';
});
lab.close();
process.exit(facts.sum());
