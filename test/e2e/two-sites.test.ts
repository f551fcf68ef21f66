/**
 * Two sites with one network, 192.168.1.0/24, each behind a gateway with a map; between them a tunnel. Real programs, and
 * both gateways are masqc.
 *
 *   one .20 ── eth0 [ gw1 ] wg0 ────────── wg0 [ gw2 ] eth0 ── two .20
 *              10.1.0.0/24 for the other   10.2.0.0/24 for the other
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Lab } from '../lab/lab.ts';
import { listConnections, mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import { startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const sites = suite('two sites with one network');
const lab = new Lab();
await lab.add('one', 'gw1', 'gw2', 'two');
const [one, gw1, gw2, two] = ['one', 'gw1', 'gw2', 'two'].map((name) => lab.at(name));
if (!one || !gw1 || !gw2 || !two) throw new Error('no lab');
await lab.connect(one, 'eth0', gw1, 'eth0');
await lab.connect(two, 'eth0', gw2, 'eth0');
await lab.connectTun(gw1, 'wg0', gw2, 'wg0');
for (const [host, gateway, number, other] of [
  [one, gw1, 1, 2],
  [two, gw2, 2, 1],
] as const) {
  await host.ip('addr add 192.168.1.20/24 dev eth0', 'route add default via 192.168.1.1');
  await gateway.ip(
    'addr add 192.168.1.1/24 dev eth0',
    `addr add 172.31.0.${number} peer 172.31.0.${other} dev wg0`,
    'link set wg0 up',
    `route add 10.${other}.0.0/24 dev wg0`,
  );
  await mustMasqc(
    gateway,
    'apply',
    writeGatewayFile(`gateway site {
  default deny
}
interface lan = eth0
interface tunnel = wg0
network home = 192.168.1.0/24 on lan
network there = 10.${other}.0.0/24 on tunnel
policy out from lan to tunnel {
  default allow
}
policy in from tunnel to lan {
  allow tcp 80 from there
  allow icmp echo-request
  default deny
}
map to-other {
  interface tunnel
  inside    192.168.1.0/24
  outside   10.${number}.0.0/24
}
`),
  );
}
await Promise.all([startWebServer(one), startWebServer(two)]);
/** Who answers, and whom it sees; an empty text: nobody. */
const fetch = async (host: typeof one, to: string) => (await host.run(['curl', '-s', '-m', '3', `http://${to}/`])).out;

sites('reach each other under the networks of the maps, both ways at once', async () => {
  const [there, here] = await Promise.all([fetch(one, '10.2.0.20'), fetch(two, '10.1.0.20')]);
  assert.match(there, /^two greets (::ffff:)?10\.1\.0\.20:/);
  assert.match(here, /^one greets (::ffff:)?10\.2\.0\.20:/);
  assert.is((await one.run(['ping', '-c', '1', '-W', '3', '10.2.0.20'])).code, 0);
});

sites('are shown with both addresses', async () => {
  const connections = await listConnections(gw1);
  const sent = connections.find(({ source, destination }) => destination.address === '10.2.0.20' && source.port > 0);
  assert.is(sent?.source.address, '192.168.1.20');
  assert.is(sent?.masqueraded?.address, '10.1.0.20');
  assert.is(sent?.masqueraded?.port, sent?.source.port, 'the port stays');
  const received = connections.find(({ destination }) => destination.address === '10.1.0.20');
  assert.is(received?.redirected?.address ?? received?.destination.address, '192.168.1.20');
});

sites('are not open: the policy decides about inside addresses', async () => {
  await startWebServer(two, 8080);
  assert.is(await fetch(one, '10.2.0.20:8080'), '');
});

sites.after(async () => {
  for (const gateway of [gw1, gw2]) await mustMasqc(gateway, 'down');
  lab.close();
});
sites.run();
