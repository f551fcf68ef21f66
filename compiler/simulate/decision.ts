/** What becomes of a packet. */
import type { Family } from '../../grammar/ast.ts';
import type { InterfaceId, Machine, Network, Range, RuleId } from '../model.ts';

/** Why a packet is dropped that no line of the file denies, or that a line lets through. */
export type DropReason =
  | { readonly kind: 'forged'; readonly network: Network }
  /** Its source is an address of the gateway, and the gateway did not send it. */
  | { readonly kind: 'forged-own' }
  /** Its source is elsewhere, where the private address that it asks for must not show in answers. */
  | { readonly kind: 'answers-outside' }
  /** Its source is its destination. */
  | { readonly kind: 'malformed' }
  /** An ICMP error or answer, or TCP without SYN, that belongs to no connection. */
  | { readonly kind: 'stray' }
  /** A private source would leave an interface that a masquerade names, untranslated. */
  | { readonly kind: 'untranslated' }
  /** An IPv6 address that its map can't translate (RFC 6296 section 3.6). */
  | { readonly kind: 'unmappable' }
  /** It is beyond the limit of the line that lets it in. */
  | { readonly kind: 'limited' }
  /** It belongs to a connection that goes by another interface. */
  | { readonly kind: 'wrong-interface' }
  /** No outside port is left for it. */
  | { readonly kind: 'ports-exhausted' }
  /** Its answers could not be told from those of another connection. */
  | { readonly kind: 'port-taken' };

/** Where a masqueraded or mapped client appears from. */
export interface Appearance {
  /** This address (a source is paired with one), or the one that the interface has. */
  readonly address:
    | { readonly kind: 'own'; readonly interface: InterfaceId }
    | { readonly kind: 'outside'; readonly family: Family; readonly address: bigint };
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
  readonly stage:
    | 'malformed'
    | 'forged'
    | 'stray'
    | 'connection'
    | 'gateway'
    | 'redirect'
    | 'door'
    | 'map'
    | 'routing'
    | 'policy'
    | 'masquerade'
    | 'limit'
    | 'port';
  /** In the admin's words, e.g. `leaves by wan`. */
  readonly text: string;
  /** The line that spoke, 0: none. */
  readonly rule: RuleId;
}

export interface Decision {
  readonly outcome: 'denied' | 'allowed' | 'masqueraded' | 'redirected' | 'mapped';
  /** `denied` packets: are they answered (TCP by RST, the rest by ICMP)? */
  readonly rejected: boolean;
  /** The line that decided, 0: none did. */
  readonly rule: RuleId;
  /** The masquerade or map that applies to the source (also of redirected packets), 0: none. */
  readonly nat: RuleId;
  /** Name of the block that decided, as `expect` names it after `by`. */
  readonly by: string | null;
  readonly drop: DropReason | null;
  /** By which interface it leaves (SELF: it is for the gateway); null: it was dropped before that was asked. */
  readonly out: InterfaceId | null;
  readonly as: Appearance | null;
  /** Where a redirect or a map sends it. */
  readonly becomes: Destination | null;
  readonly trail: readonly Station[];
}
