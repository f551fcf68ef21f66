/** Where a connection can stand. */
export const STATES = ['opening', 'established', 'closing', 'reset', 'unanswered', 'answered', 'ending'] as const;

/** One connection as the maps have it, in values: addresses as text, ports in host order, times in milliseconds. */
export interface Connection {
  /** `tcp`, `udp`, `icmp`, or the number of the protocol. */
  readonly protocol: string;
  /** As the packet that started it arrived. For ICMP the ports are the identifier and 0. */
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** The source that the other side sees; null: its own. */
  readonly masqueraded: Endpoint | null;
  /** Where a redirect sends it; null: to its destination. */
  readonly redirected: Endpoint | null;
  /** The gateway's own: it sent the first packet, or received it; null: forwarded. */
  readonly own: 'sent' | 'received' | null;
  /** No line was asked for it: it is of the gateway's own, and was there before masqc. */
  readonly adopted: boolean;
  readonly state: (typeof STATES)[number];
  /** Until it ends if nothing more is heard; 0: it is ending. */
  readonly expiresMs: number;
  readonly ageMs: number;
  /** From who started it, and back. */
  readonly sent: Counters;
  readonly received: Counters;
  /** The line that let it in; null: the gateway's own, or of a generation that is no longer remembered. */
  readonly rule: Origin | null;
  /** The masquerade or redirect that translates it. */
  readonly translation: Origin | null;
  /** Generation of the file that decided it. */
  readonly generation: number;
}
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}
export interface Counters {
  readonly packets: number;
  readonly bytes: number;
}
export interface Origin {
  readonly file: string;
  readonly line: number;
  /** Name of the block, e.g. `lan-out`. */
  readonly owner: string;
  /** The sentence itself. */
  readonly text: string;
  /** The number of its counters; not shown. */
  readonly tally: number;
}
