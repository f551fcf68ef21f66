/** What differs between the address families: how packets are read, composed and mutated, and what stands beyond rules. */
import type { Ip, Layer3 } from '../packets.ts';
import type { Ip6 } from '../packets6.ts';
import type { Frame, Network } from './frame.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface Tuple {
  readonly saddr: string;
  readonly daddr: string;
  readonly sport: number;
  readonly dport: number;
}
/** Of a header: everything but its addresses. */
export type Rest = Partial<Omit<Ip & Ip6, 'saddr' | 'daddr'>>;
type Header = Tuple & Rest & { readonly payload: readonly number[] };

export interface Family {
  readonly number: 4 | 6;
  readonly etherType: number;
  /** Bytes of the fixed header, of an address; offsets in that header. */
  readonly header: number;
  readonly width: number;
  readonly saddr: number;
  readonly daddr: number;
  readonly ttl: number;
  /** Protocol number. */
  readonly icmp: number;
  readonly hasHeaderSum: boolean;
  /** Types of an echo and its reply, of errors, and of those whose meaning is random. */
  readonly echo: number;
  readonly echoReply: number;
  readonly errors: readonly number[];
  readonly oddTypes: readonly number[];
  readonly oddProtocols: readonly number[];
  readonly oddAddresses: readonly string[];
  /** Of a quote, bytes from the header on. */
  readonly quoteSizes: readonly number[];
  readonly world: World;

  readNetwork(bytes: Uint8Array, l3: number, quoted: boolean): Network | null;
  addressAt(bytes: Uint8Array, at: number): string;
  isRequest(type: number): boolean;
  isReply(type: number): boolean;
  isError(type: number): boolean;
  /** "Prohibited", as reject says it. */
  isRefusal(type: number, code: number): boolean;
  coversAddresses(protocol: number): boolean;
  isNoUnicast(address: string): boolean;
  isInside(address: string): boolean;
  /** Nothing tells whether an address that means something on one link only is the gateway's there. */
  isOfLink(address: string): boolean;
  /** No rule may forbid it. */
  isBeyondRules(f: Frame): boolean;
  /** Which way a packet came: what leaves by the WAN does not say so. */
  blankWays(expected: Uint8Array, f: Frame): void;
  /** What is wrong with an address or a header that a known flow's entry could not tell; null: nothing. */
  judgeTranslation(f: Frame, left: Frame): string | null;

  /** @param piece offset and flags as IPv4 has them (0x2000: more follow), 0: whole; `id` its identification */
  makeRest(random: Random, piece: number, id: number): Rest;
  tcp(o: Header & { readonly flags: string; readonly seq: number; readonly ack: number }): Layer3;
  udp(o: Header & { readonly checksum: 'good' | 'none' | 'partial' }): Layer3;
  makeIcmp(
    o: Omit<Header, 'sport' | 'dport'> & { readonly type: number; readonly code: number; readonly id?: number },
  ): Layer3;
  other(o: Header & { readonly protocol: number }): Layer3;
  /** One field of the fixed header. */
  spoil(random: Random, bytes: Uint8Array): void;
}
