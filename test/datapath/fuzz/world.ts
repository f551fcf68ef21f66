/**
 * What the fuzzer sends packets through: a gateway with three interfaces, its file, and who lives where. No program is
 * attached and nothing else sends, so that every counter and every flow comes from a test run.
 */
import type { Lab } from '../../lab/lab.ts';

export type Device = 'eth0' | 'eth1' | 'wan0';
export const DEVICES: readonly Device[] = ['eth0', 'eth1', 'wan0'];
export const MAC: Readonly<Record<Device, string>> = {
  eth0: '02:00:00:00:0a:01',
  eth1: '02:00:00:00:0a:02',
  wan0: '02:00:00:00:0a:03',
};

/** Who has which address. Nobody answers for those that end in 99: their neighbour stays unresolved. */
export interface World {
  readonly own: Readonly<Record<Device, string>>;
  readonly probe: Readonly<Record<Device, string>>;
  readonly hosts: Readonly<Record<Device, readonly string[]>>;
  /** Addresses that stand for an inside host. */
  readonly mapped: readonly string[];
  /** On the WAN. */
  readonly isp: string;
}
export const WORLD4: World = {
  own: { eth0: '192.168.1.1', eth1: '192.168.2.1', wan0: '203.0.113.1' },
  probe: { eth0: '192.168.1.10', eth1: '192.168.2.10', wan0: '203.0.113.2' },
  hosts: {
    eth0: ['192.168.1.10', '192.168.1.11', '192.168.1.99'],
    eth1: ['192.168.2.10', '192.168.2.11'],
    wan0: ['192.0.2.80', '192.0.2.81', '198.51.100.9', '192.0.2.66', '203.0.113.2'],
  },
  mapped: [],
  isp: '203.0.113.2',
};
export const WORLD6: World = {
  own: { eth0: 'fd00:1::1', eth1: 'fd00:2::1', wan0: '2001:db8:3::1' },
  probe: { eth0: 'fd00:1::10', eth1: 'fd00:2::10', wan0: '2001:db8:3::2' },
  hosts: {
    eth0: ['fd00:1::10', 'fd00:1::11', '2001:db8:1::10', 'fd00:1::99'],
    eth1: ['fd00:2::10', 'fd00:2::11'],
    wan0: ['2001:db8:80::80', '2001:db8:80::81', '2001:db8:99::9', '2001:db8:80::66', '2001:db8:3::2'],
  },
  mapped: ['2001:db8:22:0:cf22::10', '2001:db8:22:0:cf22::11'],
  isp: '2001:db8:3::2',
};

/** The map of the file, as prefixes of text. */
export const NPTV6 = { inside: 'fd00:2:', outside: '2001:db8:22:' } as const;
/** RFC 6296 section 3.5 for NPTV6, /64 each: the first word of the identifier that is not all ones makes up for it. */
export function mapAddress(inside: Uint8Array): Uint8Array {
  const outside = Uint8Array.from([0x20, 0x01, 0x0d, 0xb8, 0, 0x22, 0, 0, ...inside.subarray(8)]);
  const total = (b: Uint8Array): number =>
    [0, 2, 4, 6].reduce((sum, at) => sum + (((b[at] ?? 0) << 8) | (b[at + 1] ?? 0)), 0);
  const at = [8, 10, 12, 14].find((i) => inside[i] !== 255 || inside[i + 1] !== 255);
  if (at === undefined) return outside;
  let word = ((inside[at] ?? 0) << 8) | (inside[at + 1] ?? 0);
  word = (word + total(inside) + 2 * 0xffff - (total(outside) % 0xffff)) % 0xffff;
  outside[at] = word >> 8;
  outside[at + 1] = word & 255;
  return outside;
}

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
network home    = 192.168.1.0/24, fd00:1::/64, 2001:db8:1::/64 on lan
network servers = 192.168.2.0/24, fd00:2::/64 on dmz
host yoda  = 192.168.2.10
host yoda6 = fd00:2::10
set blocked = 192.0.2.66, 2001:db8:80::66
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
  allow udp 7 to yoda, yoda6
  default deny
}
policy to-gateway from any to self {
  allow icmp echo-request
  allow udp 53, tcp 53 from inside
  default deny
}
masquerade home-out {
  from      192.168.1.0/24, 192.168.2.0/24
  interface wan
  ports     2000-2200
}
masquerade home6-out {
  from      fd00:1::/64
  interface wan
  family    ipv6
  ports     2000-2200
}
map provider {
  interface wan
  inside    fd00:2::/64
  outside   2001:db8:22::/64
}
redirect www {
  interface wan
  listen    tcp 80 to yoda
  listen    tcp 81 to yoda:8080
  listen    udp 70 to yoda:53
  allow     from any
}
redirect www6 {
  interface wan
  address   2001:db8:3::1
  listen    tcp 80 to yoda6
  listen    tcp 81 to yoda6:8080
  listen    udp 70 to yoda6:53
  allow     from any
}
`;

/** @param lab where `gw` and `far` are made */
export async function buildWorld(lab: Lab): Promise<void> {
  await lab.addDual('gw', 'far');
  const gw = lab.at('gw');
  for (const device of DEVICES) {
    await lab.connect(gw, device, lab.at('far'), device);
    await gw.ip(
      `link set ${device} address ${MAC[device]}`,
      `addr add ${WORLD4.own[device]}/24 dev ${device}`,
      `addr add ${WORLD6.own[device]}/64 dev ${device} nodad`,
    );
    if (device === 'eth0') await gw.ip('route add 2001:db8:1::/64 dev eth0');
    for (const { hosts, isp } of [WORLD4, WORLD6]) {
      const near = device === 'wan0' ? [isp] : hosts[device].filter((host) => !host.endsWith('99'));
      await gw.ip(
        ...near.map((host, i) => `neigh replace ${host} lladdr 02:00:00:00:0${i}:99 nud permanent dev ${device}`),
      );
    }
  }
  await gw.ip(`route add default via ${WORLD4.isp}`, `route add default via ${WORLD6.isp}`);
  await gw.set({
    'net.ipv4.ip_forward': 1,
    'net.ipv4.conf.all.rp_filter': 0,
    'net.ipv4.conf.default.rp_filter': 0,
    'net.ipv6.conf.all.forwarding': 1,
  });
}
