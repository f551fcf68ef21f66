/** The five values that tell packets of one flow from others, as they are on the wire on one side of the gateway. */

export interface Tuple {
  readonly protocol: number;
  readonly saddr: bigint;
  /** ICMP queries: the identifier, of an answer 0; protocols without ports: 0. */
  readonly sport: number;
  readonly daddr: bigint;
  /** ICMP: of an answer the identifier, of a query 0. */
  readonly dport: number;
}

export function reverse({ protocol, saddr, sport, daddr, dport }: Tuple): Tuple {
  return { protocol, saddr: daddr, sport: dport, daddr: saddr, dport: sport };
}

export function keyOf({ protocol, saddr, sport, daddr, dport }: Tuple): string {
  return `${protocol} ${saddr} ${sport} ${daddr} ${dport}`;
}
