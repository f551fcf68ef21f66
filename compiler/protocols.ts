/** Protocols by the words of the language, and by their numbers (IANA, "Assigned Internet Protocol Numbers"). */
import type { Family } from '../grammar/ast.ts';
import type { Protocol } from './model.ts';

const NUMBERS: Readonly<Record<Exclude<Protocol, 'icmp'>, number>> = { tcp: 6, udp: 17, gre: 47, esp: 50, sctp: 132 };
const ICMP: Readonly<Record<Family, number>> = { 4: 1, 6: 58 };

/** Each family has an ICMP of its own. */
export function protocolNumber(protocol: Protocol, family: Family): number {
  return protocol === 'icmp' ? ICMP[family] : NUMBERS[protocol];
}

/** Words by numbers: `icmp` is that of either family. */
export const PROTOCOL_NAMES: Readonly<Record<number, string>> = {
  ...Object.fromEntries(Object.entries(NUMBERS).map(([name, number]) => [number, name])),
  [ICMP[4]]: 'icmp',
  [ICMP[6]]: 'icmp',
};
