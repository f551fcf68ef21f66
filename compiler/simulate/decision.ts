/** What becomes of a packet. */
import type { InterfaceId, Machine, Network, Range, RuleId } from '../model.ts';

/** Why a packet is dropped that no line of the file denies, or that a line lets through. */
export type DropReason =
  | { readonly kind: 'forged'; readonly network: Network }
  /** Its source is an address of the gateway, and the gateway did not send it. */
  | { readonly kind: 'forged-own' }
  /** An ICMP error or answer that belongs to no connection. */
  | { readonly kind: 'stray' }
  /** A private source would leave an interface that a masquerade names, untranslated. */
  | { readonly kind: 'untranslated' };

/** Where a masqueraded client appears from. */
export interface Appearance {
  /** One of these addresses, or the one that the interface has. */
  readonly address:
    | { readonly kind: 'own'; readonly interface: InterfaceId }
    | { readonly kind: 'pool'; readonly ranges: readonly Range<number>[] };
  /** One of these; a single one when the source's own port is in the pool (it is kept while it is free). */
  readonly ports: Range<number> | null;
}

export interface Destination {
  readonly machine: Machine;
  /** null: the protocol has none. */
  readonly port: number | null;
}

/** One station of the journey, in the order in which they are met. */
export interface Station {
  readonly stage: 'forged' | 'stray' | 'gateway' | 'redirect' | 'routing' | 'policy' | 'masquerade';
  /** In the admin's words, e.g. `leaves by wan`. */
  readonly text: string;
  /** The line that spoke, 0: none. */
  readonly rule: RuleId;
}

export interface Decision {
  readonly outcome: 'denied' | 'allowed' | 'masqueraded' | 'redirected';
  /** `denied` packets: are they answered (TCP by RST, the rest by ICMP)? */
  readonly rejected: boolean;
  /** The line that decided, 0: none did. */
  readonly rule: RuleId;
  /** The masquerade that applies (also to redirected packets), 0: none. */
  readonly nat: RuleId;
  /** Name of the block that decided, as `expect` names it after `by`. */
  readonly by: string | null;
  readonly drop: DropReason | null;
  /** By which interface it leaves (SELF: it is for the gateway); null: it was dropped before that was asked. */
  readonly out: InterfaceId | null;
  readonly as: Appearance | null;
  /** Where a redirect sends it. */
  readonly becomes: Destination | null;
  readonly trail: readonly Station[];
}
