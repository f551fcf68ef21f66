import type { Gateway } from './gateways/gateway.ts';
import type { BehaviourNetwork, Obstruction } from './network.ts';
import type { Setting } from './setting.ts';

/** What a check has in its hands. */
export interface Scene {
  readonly network: BehaviourNetwork;
  readonly gateway: Gateway;
  readonly setting: Setting;
}

/**
 * A gateway that is broken in just the way that the row forbids; the check must then fail. `how` is printed.
 *
 * - setting: it is told to be otherwise
 * - obstruct: something stands before it that spoils just this
 * - commands: run after it is set up, in the gateway's namespace or in another one
 */
export type Broken = { readonly how: string } & (
  | { readonly setting: Setting }
  | { readonly obstruct: () => Obstruction }
  | { readonly commands: readonly string[]; readonly in?: 'gw' | 'isp' | 'inside' }
);

export interface Row {
  /** Kept for good, e.g. `udp-1`. */
  readonly id: string;
  /** e.g. `RFC 4787 REQ-1` */
  readonly rfc: string;
  /** must or should, as the RFC says. */
  readonly level: 'must' | 'should';
  /** What is required, in one sentence. */
  readonly text: string;
  /** How it is seen, where that needs saying (a timer that is read, not waited for). */
  readonly how?: string;
  readonly setting?: Setting;
  /** Only on an Ethernet wan. */
  readonly ethernet?: true;
  /** Leaves the machine in a state that others should not meet: it gets a network of its own. */
  readonly alone?: true;
  /** Asks real programs. */
  readonly programs?: readonly string[];
  /** @throws Failure when the gateway does not do it */
  check(scene: Scene): Promise<void>;
  readonly broken: Broken;
}

export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
}
