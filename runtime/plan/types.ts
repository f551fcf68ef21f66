import type { Follows, LiveValue, Named } from '../../compiler/dynamic.ts';
import type { Established, Mss } from '../../compiler/model.ts';
import type { Family } from '../../grammar/ast.ts';
import type { Device, Hashes, Hook, InterfaceRecord, LivePrefixes, Mode, Timeouts } from '../machine/types.ts';

/** What a compiled file asks of a machine; read from a manifest (wanted.ts). */
export interface Wanted {
  readonly gateway: string;
  readonly interfaces: readonly WantedInterface[];
  readonly flows: number;
  readonly timeouts: Timeouts;
  readonly established: Established;
  /** The file can do something with IPv6. */
  readonly ipv6: boolean;
  readonly hashes: Hashes;
  readonly sets: readonly WantedSet[];
  /** What the policy is told of the machine's prefixes (compiler/dynamic.ts), and what follows them by name. */
  readonly values: readonly LiveValue[];
  readonly dynamic: readonly Named[];
  /** How many lines can decide. */
  readonly rules: number;
  /** Outside ports of each masquerade, and the names of the interfaces that it hides behind. */
  readonly pools: readonly {
    readonly name: string;
    readonly interfaces: readonly string[];
    readonly first: number;
    readonly last: number;
  }[];
  readonly outsides: readonly WantedOutside[];
}

/** Outside addresses that the file writes itself: packets to them must come here, whoever has them. */
export interface WantedOutside {
  /** `masquerade cgn`, `redirect www`, `map to-other`. */
  readonly owner: string;
  /** Names of interfaces. */
  readonly interfaces: readonly string[];
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** A set that is looked up in a table. */
export interface WantedSet {
  /** Its number in the policy. */
  readonly id: number;
  readonly name: string;
  readonly hash: string;
  readonly editable: boolean;
  /** Packed (compiler/artifact/prefixes.ts). */
  readonly keys: Uint8Array;
  /** null: `keys`; else the machine fills it. */
  readonly follows: Follows | null;
}

export interface WantedInterface {
  readonly id: number;
  readonly name: string;
  readonly device: string;
  /** A masquerade names it. */
  readonly hides: boolean;
  readonly hides6: boolean;
  readonly mss: Mss | null;
  /** false: `xdp off`. */
  readonly xdp: boolean;
}

/** One thing that apply does. The order of a plan's steps is the order in which they are done. */
export type Step =
  /** Removes what a namespace that no longer exists left under this name. */
  | { readonly kind: 'forget'; readonly gateway: string }
  | { readonly kind: 'mount' }
  /** Creates and pins the maps and loads the datapath's programs. */
  | { readonly kind: 'load'; readonly flows: number; readonly ipv6: boolean; readonly bytes: number }
  /** Adds IPv6 to a datapath that was loaded without. */
  | { readonly kind: 'load6'; readonly flows: number; readonly bytes: number }
  /** Puts other datapath programs on every hook; the maps, and so the flows, stay. */
  | { readonly kind: 'replace'; readonly attachments: readonly Place[] }
  /** Makes a flow table of another size, and puts programs that know both on every hook. */
  | {
      readonly kind: 'table';
      readonly before: { readonly flows: number; readonly bytes: number };
      readonly after: { readonly flows: number; readonly bytes: number };
      readonly attachments: readonly Place[];
    }
  /** Waits until the timer has moved all flows to it. */
  | { readonly kind: 'move'; readonly used: number }
  /** Takes the old table away: programs that know the new one alone, its maps under the usual names. */
  | {
      readonly kind: 'settle';
      readonly flows: number;
      readonly bytes: number;
      readonly attachments: readonly Place[];
    }
  /** Takes back a table to which an apply that did not end has moved nothing yet. */
  | { readonly kind: 'withdraw'; readonly attachments: readonly Place[] }
  | { readonly kind: 'timeouts'; readonly before: Timeouts | null; readonly after: Timeouts }
  | { readonly kind: 'sweep' }
  /** Writes the kernel's record of an interface. `before` null: a new one. */
  | {
      readonly kind: 'interface';
      readonly id: number;
      readonly seat: number;
      readonly name: string;
      readonly device: string;
      readonly ifindex: number;
      readonly before: InterfaceRecord | null;
      readonly after: InterfaceRecord;
    }
  /** Loads the policy, with the numbers that it gives to interfaces, into a free slot, and switches by one store. */
  | {
      readonly kind: 'policy';
      readonly generation: number;
      readonly slot: number;
      readonly rules: number;
      readonly first: boolean;
      /** What live connections meet. */
      readonly established: Established;
      /** `moving`: knows the old table and the new one, and makes new connections there; `moved`: the same again, knowing the
       * new one alone. */
      readonly table: 'same' | 'moving' | 'moved';
      /** The prefixes that it goes by, where it follows some. */
      readonly live: readonly LivePrefixes[];
      readonly ids: readonly { readonly ifindex: number; readonly id: number }[];
    }
  /** Tells the active policy the numbers of devices that came after it was made. */
  | {
      readonly kind: 'ids';
      readonly slot: number;
      readonly ids: readonly { readonly ifindex: number; readonly id: number; readonly device: string }[];
    }
  /** Adds and deletes prefixes of a table of the active policy, in the place `slot`. */
  | {
      readonly kind: 'set';
      readonly id: number;
      readonly name: string;
      readonly slot: number;
      readonly established: Established;
      readonly added: number;
      readonly removed: number;
    }
  /** Tells the active policy, in the place `slot`, the prefixes that interfaces have now. */
  | {
      readonly kind: 'prefixes';
      readonly slot: number;
      readonly before: readonly LivePrefixes[];
      readonly after: readonly LivePrefixes[];
      readonly established: Established;
    }
  /** Replaces the guard table in one transaction. */
  | {
      readonly kind: 'guard';
      readonly devices: readonly string[];
      readonly indexes: readonly number[];
      readonly first: boolean;
    }
  | { readonly kind: 'attach'; readonly place: Place; readonly why: string }
  /** Takes our program off a device; `gone`: the device is no more, only its pin is left. */
  | { readonly kind: 'detach'; readonly place: Place; readonly gone: boolean; readonly why: string }
  | { readonly kind: 'drop-interface'; readonly ifindex: number; readonly seat: number; readonly device: string }
  /** Turns the kernel's forwarding on, by families. */
  | { readonly kind: 'forward'; readonly families: readonly (4 | 6)[] };

export interface Place {
  readonly device: string;
  readonly ifindex: number;
  readonly hook: Hook;
  readonly mode: Mode;
}

/** Something that the admin should know; changes nothing. */
export interface Note {
  readonly severity: 'info' | 'warning';
  readonly text: string;
}
/** Why apply would refuse, and what to do about it. */
export interface Obstacle {
  readonly text: string;
  readonly advice: string;
}

export interface Plan {
  readonly gateway: string;
  readonly netns: number;
  readonly steps: readonly Step[];
  readonly notes: readonly Note[];
  readonly obstacles: readonly Obstacle[];
  /** What follows the machine's prefixes, as it is now: `home6 = 2001:db8:1::/64, as lan has it`. */
  readonly dynamic: readonly string[];
}

/** The interfaces of the file whose devices are there. */
export type Present = readonly (WantedInterface & { readonly live: Device })[];
