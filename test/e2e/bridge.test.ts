/** A bridge as the inside, as in most homes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Lab } from '../lab/lab.ts';
import { mustMasqc, writeGatewayFile } from '../lab/masqc.ts';
import type { Namespace } from '../lab/namespace.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'btf');

const FILE = `
gateway home {
  default deny
  flows 4096
}
interface wan = wan0
interface lan = br0
network house = 10.5.0.0/24 on lan
policy out from lan to wan {
  default allow
}
policy to-gateway from any to self {
  allow icmp from house
  default deny
}
masquerade hide {
  from house
  interface wan
}
`;
const ping = (from: Namespace, to: string) => from.run(['ping', '-q', '-c', '3', '-i', '0.1', '-W', '2', to]);

interface Home {
  lab: Lab;
  gateway: Namespace;
  first: Namespace;
}
const bridge = suite<Home>('bridge');

bridge.before(async (home) => {
  const lab = new Lab();
  await lab.add('gateway', 'first', 'second', 'outside');
  const [gateway, first, second, outside] = ['gateway', 'first', 'second', 'outside'].map((name) => lab.at(name)) as [
    Namespace,
    Namespace,
    Namespace,
    Namespace,
  ];
  await gateway.ip('link add br0 type bridge', 'link set br0 up', 'addr add 10.5.0.1/24 dev br0');
  await lab.connect(gateway, 'port1', first, 'eth0');
  await lab.connect(gateway, 'port2', second, 'eth0');
  await lab.connect(gateway, 'wan0', outside, 'eth0');
  await gateway.ip('link set port1 master br0', 'link set port2 master br0', 'addr add 203.0.113.1/24 dev wan0');
  await first.ip('addr add 10.5.0.2/24 dev eth0', 'route add default via 10.5.0.1');
  await second.ip('addr add 10.5.0.3/24 dev eth0', 'route add default via 10.5.0.1');
  await outside.ip('addr add 203.0.113.9/24 dev eth0');
  await mustMasqc(gateway, 'apply', writeGatewayFile(FILE));
  Object.assign(home, { lab, gateway, first });
});
bridge.after(({ lab }) => lab.close());

bridge('hosts on it leave masqueraded', async ({ first }) => {
  const { code, out } = await ping(first, '203.0.113.9');
  assert.is(code, 0, out);
});

bridge('what it hands from port to port is not forwarding, even where netfilter sees it', async (home) => {
  // br_netfilter, a module that containers bring along; where it is absent there is nothing to see.
  await home.gateway.run(['sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=1']);
  const { code, out } = await ping(home.first, '10.5.0.3');
  assert.is(code, 0, out);
});

bridge('the gateway answers on it', async ({ first }) => {
  const { code, out } = await ping(first, '10.5.0.1');
  assert.is(code, 0, out);
});

bridge.run();
