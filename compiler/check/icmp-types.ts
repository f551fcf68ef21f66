/**
 * Names of ICMP types, with their numbers in ICMP (RFC 792, 950, 1256) and ICMPv6 (RFC 4443, 4861, 3810, 2710). null: the family has no such type.
 */
export interface IcmpType {
  readonly v4: number | null;
  readonly v6: number | null;
}

export const ICMP_TYPES: ReadonlyMap<string, IcmpType> = new Map([
  ['echo-request', { v4: 8, v6: 128 }],
  ['echo-reply', { v4: 0, v6: 129 }],
  ['destination-unreachable', { v4: 3, v6: 1 }],
  ['time-exceeded', { v4: 11, v6: 3 }],
  ['parameter-problem', { v4: 12, v6: 4 }],
  ['redirect', { v4: 5, v6: 137 }],
  ['router-advertisement', { v4: 9, v6: 134 }],
  ['router-solicitation', { v4: 10, v6: 133 }],
  ['source-quench', { v4: 4, v6: null }],
  ['timestamp-request', { v4: 13, v6: null }],
  ['timestamp-reply', { v4: 14, v6: null }],
  ['info-request', { v4: 15, v6: null }],
  ['info-reply', { v4: 16, v6: null }],
  ['address-mask-request', { v4: 17, v6: null }],
  ['address-mask-reply', { v4: 18, v6: null }],
  ['packet-too-big', { v4: null, v6: 2 }],
  ['multicast-listener-query', { v4: null, v6: 130 }],
  ['multicast-listener-report', { v4: null, v6: 131 }],
  ['multicast-listener-done', { v4: null, v6: 132 }],
  ['neighbour-solicitation', { v4: null, v6: 135 }],
  ['neighbour-advertisement', { v4: null, v6: 136 }],
  ['neighbor-solicitation', { v4: null, v6: 135 }],
  ['neighbor-advertisement', { v4: null, v6: 136 }],
]);

/** What people call them elsewhere. */
export const ICMP_ALIASES: ReadonlyMap<string, string> = new Map([
  ['ping', 'echo-request'],
  ['pong', 'echo-reply'],
  ['echo', 'echo-request'],
  ['unreachable', 'destination-unreachable'],
  ['ttl-exceeded', 'time-exceeded'],
  ['too-big', 'packet-too-big'],
  ['fragmentation-needed', 'destination-unreachable'],
]);
