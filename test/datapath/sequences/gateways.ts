/** Gateways as files: both families, each masqueraded or mapped, with limits, shares, redirects, and doors of every kind. */
import type { Random } from '../fuzz/random.ts';

/** What a redirect listens on that is no address of the gateway. */
export const LISTENING = { 4: '203.0.113.9', 6: '2001:db8:2::9' } as const;
export const POOL = { first: 20_000, last: 29_999 };

/** So small that cases meet them; a rate gives nothing back before the cases are done. */
function makeLimit(random: Random, kinds: readonly ('rate' | 'flows' | 'ports')[]): string {
  const most = Math.round(2 ** (2 + random.below(8)));
  const source = random.chance(0.6) ? ' per source' : '';
  switch (random.pick(kinds)) {
    case 'rate':
      return `limit 1/hour burst ${most}${source}`;
    case 'flows':
      return `limit ${most} flows${source}`;
    case 'ports':
      return `limit ${most} ports per source`;
  }
}

export function makeGateway(random: Random): string {
  const limited = (line: string) => (random.chance(0.25) ? `${line} ${makeLimit(random, ['rate', 'flows'])}` : line);
  const rules = [
    'deny tcp 25',
    'deny udp 20-60 from 192.168.1.11, 2001:db8:1::11',
    limited('allow tcp 1-79'),
    'deny tcp 1-65535 to 192.0.2.66, 2001:db8:80::66',
    limited('allow icmp'),
    limited('allow udp 1-65535'),
  ];
  const within = ['allow udp 1-65535', limited('allow tcp 80-8080')].filter(() => random.chance(0.5));
  const own = ['allow icmp', 'allow udp 53', limited('allow tcp 22')].filter(() => random.chance(0.4));
  const [map4, map6] = [random.chance(0.25), random.chance(0.35)];
  return `gateway g {
  default deny
}
interface lan = eth0
interface wan = wan0
network home = 192.168.1.0/24 on lan
network home6 = 2001:db8:1::/64 on lan
policy out from lan to wan {
  ${rules.filter(() => random.chance(0.6)).join('\n  ')}
  default ${random.pick(['allow', 'allow', 'deny'])}
}
policy in from wan to lan {
  ${limited('allow udp 7')}
  default deny
}
policy within from lan to lan {
  ${[...within, 'default deny'].join('\n  ')}
}
policy own from any to self {
  ${[...own, 'default deny'].join('\n  ')}
}
${map4 ? makeMap('one', '192.168.1.0/24', '198.18.0.0/24') : makeMasquerade(random, 4)}
${map6 ? makeMap('six', '2001:db8:1::/64', '2001:db8:5:6::/64') : random.chance(0.8) ? makeMasquerade(random, 6) : ''}
redirect www {
  interface wan
  ${map4 || random.chance(0.2) ? `address ${LISTENING[4]}` : ''}
  listen tcp 80 to 192.168.1.20:8080
  listen udp 5000-5009 to 192.168.1.10:6000-6009
  allow from ${random.pick(['any', '192.0.2.0/24, home'])}
  ${random.chance(0.2) ? makeLimit(random, ['rate', 'flows']) : ''}
}
redirect www6 {
  interface wan
  ${map6 || random.chance(0.2) ? `address ${LISTENING[6]}` : ''}
  listen tcp 80 to [2001:db8:1::20]:8080
  listen udp 5000-5009 to [2001:db8:1::10]:6000-6009
  allow from ${random.pick(['any', '2001:db8:80::/64, home6'])}
}
`;
}

function makeMasquerade(random: Random, family: 4 | 6): string {
  const mapping = random.pick(['endpoint-independent', 'endpoint-independent', 'address-and-port-dependent']);
  const filtering =
    mapping === 'endpoint-independent'
      ? random.pick(['endpoint-independent', 'address-dependent', 'address-and-port-dependent'])
      : 'address-and-port-dependent';
  const outside = family === 4 ? '198.18.1.1-198.18.1.7' : '2001:db8:5::ffff-2001:db8:5::1:3';
  // a block of ports for each of the 256
  const share = family === 4 && random.chance(0.25);
  return `masquerade m${family} {
  from ${family === 4 ? 'home' : 'home6'}
  interface wan
  family ipv${family}
  ports ${POOL.first}-${POOL.last} ${random.pick(['keep', 'random'])}
  mapping ${mapping}
  filtering ${filtering}
  ${random.chance(0.3) ? `address ${outside}` : ''}
  ${share ? `share ${random.pick([10, 30, 39])} ports per source` : ''}
  ${random.chance(0.3) ? makeLimit(random, share ? ['flows'] : ['flows', 'ports']) : ''}
}`;
}

const makeMap = (name: string, inside: string, outside: string) => `map ${name} {
  interface wan
  inside ${inside}
  outside ${outside}
}`;
