/**
 * A gateway for both families between a home and the world, with web and echo servers (ports 80 and 7) on each host:
 *
 *   han .10 ──┐
 *   yoda .20 ─┴─ eth0 [ gw ] wan0 ───── [ out ] 2001:db8:80::80
 *
 * lan 2001:db8:1::/64 and fd00:1::/64 (the gateway is ::1 in both) and 192.168.1.0/24, wan 2001:db8:2::1 and 203.0.113.1 with
 * ::2 and .2 as its peer, which knows the way to 2001:db8:1::/64 and 2001:db8:f::/64, and to no other inside address.
 */
import { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import { startEchoServer, startWebServer } from './servers.ts';

export const six = {
  gateway: '2001:db8:1::1',
  han: '2001:db8:1::10',
  yoda: '2001:db8:1::20',
  /** Unique local ones (RFC 4193), for translation. */
  hanLocal: 'fd00:1::10',
  yodaLocal: 'fd00:1::20',
  server: '2001:db8:80::80',
  wan: '2001:db8:2::1',
  peer: '2001:db8:2::2',
} as const;

export interface SixNetwork {
  readonly lab: Lab;
  readonly at: (name: 'gw' | 'han' | 'yoda' | 'out') => Namespace;
}

export async function openSix(wan: 'ethernet' | 'tun' = 'ethernet'): Promise<SixNetwork> {
  const lab = new Lab();
  await lab.addDual('gw', 'switch', 'han', 'yoda', 'out');
  const at = (name: string): Namespace => lab.at(name);
  const [gw, bridge, out] = [at('gw'), at('switch'), at('out')];
  await bridge.ip('link add br0 type bridge', 'link set br0 up');
  for (const [index, name] of ['gw', 'han', 'yoda'].entries()) {
    await lab.connect(at(name), 'eth0', bridge, `p${index}`);
    await bridge.ip(`link set p${index} master br0`);
  }
  if (wan === 'tun') await lab.connectTun(gw, 'wan0', out, 'wan0');
  else await lab.connect(gw, 'wan0', out, 'wan0');
  await Promise.all([gw.ip('link set wan0 up'), out.ip('link set wan0 up')]);
  const via = (address: string) => (wan === 'tun' ? 'dev wan0' : `via ${address}`);
  await gw.ip(
    `addr add ${six.gateway}/64 dev eth0 nodad`,
    'addr add fd00:1::1/64 dev eth0 nodad',
    'addr add 192.168.1.1/24 dev eth0',
    `addr add ${six.wan}/64 dev wan0 nodad`,
    `addr add 203.0.113.1${wan === 'tun' ? ' peer 203.0.113.2' : '/24'} dev wan0`,
    `route add ::/0 ${via(six.peer)}`,
    `route add default ${via('203.0.113.2')}`,
  );
  for (const [name, id] of [
    ['han', 10],
    ['yoda', 20],
  ] as const) {
    await at(name).ip(
      `addr add 2001:db8:1::${id}/64 dev eth0 nodad`,
      `addr add fd00:1::${id}/64 dev eth0 nodad`,
      `addr add 192.168.1.${id}/24 dev eth0`,
      `route add ::/0 via ${six.gateway}`,
      'route add default via 192.168.1.1',
    );
  }
  await out.ip(
    `addr add ${six.peer}/64 dev wan0 nodad`,
    `addr add 203.0.113.2${wan === 'tun' ? ' peer 203.0.113.1' : '/24'} dev wan0`,
    `addr add ${six.server}/128 dev lo`,
    `route add 2001:db8:1::/64 ${via(six.wan)}`,
    `route add 2001:db8:f::/64 ${via(six.wan)}`,
  );
  // As on cables: frames of at most the MTU with complete checksums, and devices that can take frames from XDP.
  const ends = [['han', 'eth0'], ['yoda', 'eth0'], ...(wan === 'tun' ? [] : [['out', 'wan0']])] as const;
  for (const [name = '', device = ''] of ends) {
    await at(name).ask('ethtool', '-K', device, ...['gro', 'on', 'tx', 'off', 'tso', 'off', 'gso', 'off']);
  }
  await bridge.ask('ethtool', '-K', 'p0', 'gro', 'on');
  for (const device of wan === 'tun' ? ['eth0'] : ['eth0', 'wan0']) await gw.ask('ethtool', '-K', device, 'gro', 'on');
  // An echo comes from the address that it was asked at.
  for (const [name, address] of [
    ['han', six.han],
    ['yoda', six.yoda],
    ['out', six.server],
  ] as const) {
    await Promise.all([startWebServer(at(name), 80, '::'), startEchoServer(at(name), 7, address)]);
  }
  return { lab, at };
}
