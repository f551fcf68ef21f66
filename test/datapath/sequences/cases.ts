/** Gateways, and packets that come one after the other: first ones, answers, strays, strangers, neighbours. */
import type { Random } from '../fuzz/random.ts';

export type Device = 'eth0' | 'wan0';
export interface Case {
  readonly device: Device;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly saddr: string;
  readonly sport: number;
  readonly daddr: string;
  readonly dport: number;
  /** TCP: of SAFR. */
  readonly flags: string;
  /** ICMP, with the identifier in `sport`. */
  readonly type: number;
}
/** What left, as somebody outside or inside saw it. */
export interface Seen extends Pick<Case, 'device' | 'protocol' | 'saddr' | 'sport' | 'daddr' | 'dport'> {}

const INSIDE = ['192.168.1.10', '192.168.1.11', '192.168.1.20'];
const PEERS = ['192.0.2.80', '192.0.2.66', '198.51.100.9'];
const WAN = '203.0.113.1';
const POOL = { first: 20_000, last: 29_999 };

export function makeGateway(random: Random): string {
  const mapping = random.pick(['endpoint-independent', 'endpoint-independent', 'address-and-port-dependent']);
  const filtering =
    mapping === 'endpoint-independent'
      ? random.pick(['endpoint-independent', 'address-dependent', 'address-and-port-dependent'])
      : 'address-and-port-dependent';
  const rules = [
    'deny tcp 25',
    'deny udp 20-60 from 192.168.1.11',
    'allow tcp 1-79',
    'deny tcp 1-65535 to 192.0.2.66',
    'allow icmp',
  ];
  return `gateway g {
  default deny
}
interface lan = eth0
interface wan = wan0
network home = 192.168.1.0/24 on lan
policy out from lan to wan {
  ${rules.filter(() => random.chance(0.6)).join('\n  ')}
  default ${random.pick(['allow', 'allow', 'deny'])}
}
policy in from wan to lan {
  allow udp 7
  default deny
}
masquerade m {
  from home
  interface wan
  ports ${POOL.first}-${POOL.last} ${random.pick(['keep', 'random'])}
  mapping ${mapping}
  filtering ${filtering}
}
redirect www {
  interface wan
  listen tcp 80 to 192.168.1.20:8080
  listen udp 5000-5009 to 192.168.1.10:6000-6009
  allow from ${random.pick(['any', '192.0.2.0/24, home'])}
}
`;
}

/** `window` keeps the ports of a sequence from those of the ones before. */
export function makeCase(random: Random, window: number, seen: readonly Seen[]): Case {
  const protocol = random.pick(['tcp', 'udp', 'udp', 'icmp'] as const);
  const flags = random.pick(['S', 'S', 'S', 'SA', 'A', 'A', 'FA', 'R', 'RA']);
  const last = seen.length > 0 ? random.pick(seen.slice(-6)) : null;
  if (last !== null && random.chance(0.55)) {
    const back = last.device === 'wan0' && random.chance(0.9) ? 'wan0' : random.pick(['eth0', 'wan0'] as const);
    const other = random.chance(0.25);
    return {
      ...{
        device: last.device === 'eth0' ? 'eth0' : back,
        protocol: last.protocol,
        flags,
        type: last.protocol === 'icmp' ? 0 : 8,
      },
      ...{ saddr: other && random.chance(0.5) ? random.pick(PEERS) : last.daddr, daddr: last.saddr, dport: last.sport },
      sport: last.protocol === 'icmp' ? last.sport : other ? random.pick([53, 99]) : last.dport,
    };
  }
  const type = random.pick([8, 8, 8, 0]);
  const inner = random.chance(0.5) ? POOL.first : 40_000;
  const own = inner + ((window * 3) % 9_000) + random.below(3);
  if (random.chance(0.25)) {
    const dport = random.pick([80, 5003, 22, 7, own]);
    const daddr = random.pick([WAN, WAN, WAN, ...INSIDE]);
    return { device: 'wan0', protocol, flags, type, saddr: random.pick(PEERS), sport: 1000 + window, daddr, dport };
  }
  const mapped = seen.filter(({ device, protocol: one }) => device === 'wan0' && one === protocol).at(-1);
  if (mapped && random.chance(0.15)) {
    const to = { daddr: mapped.saddr, dport: mapped.sport };
    return { device: 'eth0', protocol, flags, type, saddr: random.pick(INSIDE), sport: own, ...to };
  }
  const daddr = random.chance(0.1) ? WAN : random.pick(PEERS);
  const dport = random.pick([25, 53, 80, 443, 22, 5001]);
  return { device: 'eth0', protocol, flags, type, saddr: random.pick(INSIDE), sport: own, daddr, dport };
}
