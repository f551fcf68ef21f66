/**
 * In the guest: a gateway between cards with a driver, whose XDP hands frames from one to the other by queues of their own.
 *
 *   host 10.9.0.2 - virtio [ gw ] virtio - outside 203.0.113.9
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Lab } from '../lab/lab.ts';
import { writeGatewayFile } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { until } from '../lab/until.ts';
import { CARDS } from './cards-list.ts';
import { ask, Facts, PATIENT, serve } from './guest.ts';

const FILE = writeGatewayFile(`
gateway cards {
  default deny
  flows 4096
}
interface wan = wan0
interface lan = eth0
network home = 10.9.0.0/24 on lan
policy out from lan to wan {
  deny tcp 25
  default allow
}
policy to-gateway from any to self {
  allow icmp
  default deny
}
masquerade hide {
  from home
  interface wan
  ports 61000-65095
}
`);

const lab = new Lab();
await lab.add('host', 'gw', 'outside');
const [host, gw, outside] = ['host', 'gw', 'outside'].map((name) => lab.at(name)) as [Namespace, Namespace, Namespace];
for (const { mac, end, device } of CARDS) {
  const found = readdirSync('/sys/class/net').find((one) => addressOf(one) === mac);
  if (found === undefined) throw new Error(`the machine has no card ${mac}`);
  await lab.adopt(found, lab.at(end), device);
}
function addressOf(device: string): string {
  return readFileSync(`/sys/class/net/${device}/address`, 'utf8').trim();
}
await host.ip('addr add 10.9.0.2/24 dev eth0', 'route add default via 10.9.0.1');
await gw.ip('addr add 10.9.0.1/24 dev eth0', 'addr add 203.0.113.1/24 dev wan0');
await outside.ip('addr add 203.0.113.9/24 dev eth0', 'route add 10.9.0.0/24 via 203.0.113.1');

const facts = new Facts(gw);
const qdiscs = () => gw.ask('tc', 'qdisc', 'show');
const before = await qdiscs();
const { code, out, err } = await facts.masqc('apply', FILE);
console.log(`${out}${err}`);
await facts.check('apply ends well', async () => code === 0);
await facts.check('both cards carry XDP of their driver, not the generic one', async () => {
  const links = await gw.ask('ip', '-d', 'link', 'show');
  return (links.match(/prog\/xdp/g) ?? []).length === 2 && !links.includes('xdpgeneric');
});
for (const port of [80, 25]) serve(outside, port);
await until('the listeners are there', async () => (await ask(outside, '127.0.0.1', 80)) !== '', PATIENT);
await facts.check('what leaves is masqueraded, from the pool', async () => {
  const seen = /sees 203\.0\.113\.1:(\d+)/.exec(await ask(host, '203.0.113.9', 80));
  return seen !== null && Number(seen[1]) >= 61000 && Number(seen[1]) <= 65095;
});
await facts.check('a line denies', async () => (await ask(host, '203.0.113.9', 25)) === '');
await facts.check('frames go from card to card by XDP: the stack of the gateway forwards none', async () => {
  const forwarded = async () => /Ip: \d.*/.exec(await gw.ask('cat', '/proc/net/snmp'))?.[0].split(' ')[6];
  const before = await forwarded();
  const sent = await host.run(['ping', '-q', '-c20', '-i0.05', '-W8', '203.0.113.9'], { limit: PATIENT });
  return sent.out.includes(' 0% packet loss') && (await forwarded()) === before;
});
await facts.check('down leaves nothing', async () => {
  const { code } = await facts.masqc('down');
  return code === 0 && (await qdiscs()) === before && !(await gw.ask('ip', '-d', 'link', 'show')).includes('prog/xdp');
});
await facts.check(
  'a card that does not take XDP as it is set up: said with what mends it, nothing changed',
  async () => {
    await gw.ip('link set wan0 mtu 9000');
    const refused = await facts.masqc('apply', FILE);
    console.log(refused.err);
    const left = `${await qdiscs()}${await gw.ask('nft', 'list', 'tables')}`;
    return refused.code === 3 && refused.err.includes('interface wan = wan0 { xdp off }') && left === before;
  },
);
await facts.check('and what mends it works', async () => {
  writeFileSync(FILE, readFileSync(FILE, 'utf8').replace('interface wan = wan0', 'interface wan = wan0 { xdp off }'));
  return (await facts.masqc('apply', FILE)).code === 0 && (await ask(host, '203.0.113.9', 80)).includes('203.0.113.1');
});
lab.close();
process.exit(facts.sum());
