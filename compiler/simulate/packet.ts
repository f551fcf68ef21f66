/** The packet that starts a connection, as the simulator is asked about it. */
import type { Family } from '../../grammar/ast.ts';
import type { InterfaceId, Machine } from '../model.ts';
import { mayStart } from './tcp.ts';
import type { Tuple } from './tuple.ts';

/** `self` as a destination is the gateway by its address on the interface that the packet came in by. */
export interface NewPacket {
  readonly family: Family;
  /** IANA number. */
  readonly protocol: number;
  /** SELF: the gateway sends it. */
  readonly in: InterfaceId;
  readonly from: Machine;
  /** null: any (no rule asks for it; it shows which outside port a masquerade takes). ICMP queries and answers: the identifier. */
  readonly sport: number | null;
  readonly to: Machine;
  /** ICMP: type << 8 | code; protocols without ports: 0. */
  readonly dport: number;
  /** TCP's, as on the wire; absent: those that it has where nothing goes wrong. */
  readonly flags?: number;
  /** ICMP errors: the packet that they speak of, as it was on this side of the gateway. */
  readonly quotes?: Tuple;
}

export const TCP = 6;
export const UDP = 17;
export const SCTP = 132;
export const ICMP = { 4: 1, 6: 58 } as const;

export function hasPorts(protocol: number): boolean {
  return protocol === TCP || protocol === UDP || protocol === SCTP;
}

/** The answer to an ICMP query: it has the query's identifier. */
export function isAnswer({ family, protocol, dport }: NewPacket): boolean {
  return protocol === ICMP[family] && (family === 4 ? [0, 14, 16, 18] : [129]).includes(dport >> 8);
}

/**
 * TCP without SYN, and ICMP that starts nothing: errors and the answers to queries. It follows a known connection or is dropped
 * (RFC 5508 section 4.2 and REQ-5).
 */
export function isStray({ family, protocol, dport, flags }: NewPacket): boolean {
  if (protocol === TCP && flags !== undefined) return !mayStart(flags);
  if (protocol !== ICMP[family]) return false;
  const type = dport >> 8;
  return family === 4 ? [0, 3, 4, 5, 11, 12, 14, 16, 18].includes(type) : type < 128 || type === 129;
}
