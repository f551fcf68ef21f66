/**
 * What the fuzzer sends packets through: a gateway with three interfaces, its file, and who lives where. No program is
 * attached and nothing else sends, so that every counter and every flow comes from a test run.
 */
import type { Lab } from '../../lab/lab.ts';

export type Device = 'eth0' | 'eth1' | 'wan0';
export const DEVICES: readonly Device[] = ['eth0', 'eth1', 'wan0'];
export const OWN: Readonly<Record<Device, string>> = { eth0: '192.168.1.1', eth1: '192.168.2.1', wan0: '203.0.113.1' };
export const MAC: Readonly<Record<Device, string>> = {
  eth0: '02:00:00:00:0a:01',
  eth1: '02:00:00:00:0a:02',
  wan0: '02:00:00:00:0a:03',
};
export const PROBE: Readonly<Record<Device, string>> = {
  eth0: '192.168.1.10',
  eth1: '192.168.2.10',
  wan0: '203.0.113.2',
};
export const ISP = '203.0.113.2';
/** Nobody answers for .99: its neighbour stays unresolved. */
export const HOSTS: Readonly<Record<Device, readonly string[]>> = {
  eth0: ['192.168.1.10', '192.168.1.11', '192.168.1.99'],
  eth1: ['192.168.2.10', '192.168.2.11'],
  wan0: ['192.0.2.80', '192.0.2.81', '198.51.100.9', '192.0.2.66', ISP],
};

export const FILE = `
gateway fuzzed {
  datapath ebpf
  default  deny
  flows    4096
  deny from blocked
  deny to blocked
}
interface wan = wan0
interface lan = eth0
interface dmz = eth1
zone inside   = lan, dmz
network home    = 192.168.1.0/24 on lan
network servers = 192.168.2.0/24 on dmz
host yoda = 192.168.2.10
set blocked = 192.0.2.66
policy lan-out from lan to wan {
  deny tcp 25
  reject udp 1
  reject tcp 23
  default allow
}
policy dmz-out from dmz to wan {
  allow tcp 1-1000, udp 1-1000, icmp from servers
  default deny
}
policy between from lan to dmz {
  allow tcp 1-100, udp 1-100, icmp
  default reject
}
policy wan-in from wan to inside {
  allow udp 7 to yoda
  default deny
}
policy to-gateway from any to self {
  allow icmp echo-request
  allow udp 53, tcp 53 from inside
  default deny
}
masquerade home-out {
  from      home, servers
  interface wan
  ports     2000-2200
}
redirect www {
  interface wan
  listen    tcp 80 to yoda
  listen    tcp 81 to yoda:8080
  listen    udp 70 to yoda:53
  allow     from any
}
`;

/** @param lab where `gw` and `far` are made */
export async function buildWorld(lab: Lab): Promise<void> {
  await lab.add('gw', 'far');
  const gw = lab.at('gw');
  for (const device of DEVICES) {
    await lab.connect(gw, device, lab.at('far'), device);
    await gw.ip(`link set ${device} address ${MAC[device]}`, `addr add ${OWN[device]}/24 dev ${device}`);
    const near = device === 'wan0' ? [ISP] : HOSTS[device].filter((host) => !host.endsWith('.99'));
    await gw.ip(
      ...near.map((host, i) => `neigh replace ${host} lladdr 02:00:00:00:0${i}:99 nud permanent dev ${device}`),
    );
  }
  await gw.ip(`route add default via ${ISP}`);
  await gw.set({ 'net.ipv4.ip_forward': 1, 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.default.rp_filter': 0 });
}
