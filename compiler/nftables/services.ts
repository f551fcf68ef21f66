/** Protocols and ports. */
import { normalize } from '../addresses.ts';
import { ICMP_TYPES } from '../check/icmp-types.ts';
import type { Range, Service } from '../model.ts';
import { EVERYTHING, inFamily, type Match } from './matches.ts';
import { oneOf } from './names.ts';

type WithPorts = 'tcp' | 'udp' | 'sctp';
const WITH_PORTS: readonly WithPorts[] = ['tcp', 'udp', 'sctp'];

/** What a `what` asks; an empty one asks nothing. */
export function matchServices(services: readonly Service[]): readonly Match[] {
  if (services.length === 0) return [EVERYTHING];
  return [...matchPorts(services), ...matchWhole(services), ...matchIcmp(services)];
}

export const writePorts = ({ first, last }: Range<number>): string =>
  first === last ? `${first}` : `${first}-${last}`;

/** One protocol: `tcp dport { 80, 443 }`. Several: `meta l4proto . th dport { tcp . 80, udp . 53 }`. */
function matchPorts(services: readonly Service[]): Match[] {
  const found = WITH_PORTS.flatMap((protocol) => {
    if (isWhole(services, protocol)) return [];
    const ranges = services.flatMap((one) => (one.protocol === protocol && one.ports !== null ? [one.ports] : []));
    return ranges.length === 0 ? [] : [{ protocol, ports: normalize(ranges).map(writePorts) }];
  });
  const [only] = found;
  if (only === undefined) return [];
  if (found.length === 1) return [inFamily(null, `${only.protocol} dport ${oneOf(only.ports)}`)];
  const same = found.every(({ ports }) => ports.join() === only.ports.join());
  if (same) {
    const protocols = found.map(({ protocol }) => protocol);
    return [inFamily(null, `meta l4proto ${oneOf(protocols)} th dport ${oneOf(only.ports)}`)];
  }
  const pairs = found.flatMap(({ protocol, ports }) => ports.map((port) => `${protocol} . ${port}`));
  return [inFamily(null, `meta l4proto . th dport ${oneOf(pairs)}`)];
}

function matchWhole(services: readonly Service[]): Match[] {
  const whole = (['tcp', 'udp', 'sctp', 'gre', 'esp'] as const).filter((protocol) => isWhole(services, protocol));
  return whole.length === 0 ? [] : [inFamily(null, `meta l4proto ${oneOf(whole)}`)];
}

function isWhole(services: readonly Service[], protocol: Service['protocol']): boolean {
  return services.some((one) => one.protocol === protocol && one.ports === null);
}

function matchIcmp(services: readonly Service[]): Match[] {
  const icmp = services.filter(({ protocol }) => protocol === 'icmp');
  if (icmp.length === 0) return [];
  if (icmp.some((one) => one.icmp === null)) {
    return [inFamily(4, 'meta l4proto icmp'), inFamily(6, 'meta l4proto ipv6-icmp')];
  }
  const v4 = [...new Set(icmp.flatMap((one) => one.icmp?.v4 ?? []))];
  const v6 = [...new Set(icmp.flatMap((one) => one.icmp?.v6 ?? []))];
  return [
    ...(v4.length === 0 ? [] : [inFamily(4, `icmp type ${oneOf(v4.map((type) => nameIcmp(type, 'v4')))}`)]),
    ...(v6.length === 0 ? [] : [inFamily(6, `icmpv6 type ${oneOf(v6.map((type) => nameIcmp(type, 'v6')))}`)]),
  ];
}

/** What nft calls otherwise. */
const NFT_NAMES: Readonly<Record<string, string>> = {
  'v6 router-advertisement': 'nd-router-advert',
  'v6 router-solicitation': 'nd-router-solicit',
  'v6 redirect': 'nd-redirect',
  'v6 neighbour-solicitation': 'nd-neighbor-solicit',
  'v6 neighbour-advertisement': 'nd-neighbor-advert',
  'v6 multicast-listener-query': 'mld-listener-query',
  'v6 multicast-listener-report': 'mld-listener-report',
  'v6 multicast-listener-done': 'mld-listener-done',
};

function nameIcmp(type: number, family: 'v4' | 'v6'): string {
  for (const [name, numbers] of ICMP_TYPES) if (numbers[family] === type) return NFT_NAMES[`${family} ${name}`] ?? name;
  return `${type}`;
}
