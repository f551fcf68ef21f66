import type { Mss } from '../../compiler/model.ts';

/**
 * What the plan needs to know of a machine, as plain values: read by snapshot.ts, made up in tests. Nothing here holds
 * a file descriptor.
 */

/** A device of this network namespace. */
export interface Device {
  readonly name: string;
  readonly ifindex: number;
  /** `aa:bb:cc:dd:ee:ff`; null where frames have no Ethernet header (tun, ppp, WireGuard). */
  readonly mac: string | null;
  readonly mtu: number;
  readonly up: boolean;
  /** The bridge, bond or VRF that it is a port of; null: none. */
  readonly master: string | null;
  /** How it is a part of `master`: `bridge`, `bond`, `vrf`; null: of none. */
  readonly slaveKind: string | null;
  /** The device that it stands on (a VLAN's, a macvlan's; a veth's peer, where it is here); null: none. */
  readonly parent: string | null;
  /** VLAN devices that stand on it. */
  readonly vlans: readonly string[];
  /** Its hardware takes the VLAN tags off, so that XDP can't tell a VLAN's frames from its own; null: not known. */
  readonly stripsTags: boolean | null;
  /** The kernel's kind for virtual devices (`veth`, `tun`, `vlan`), the driver's name for others; null: unknown. */
  readonly driver: string | null;
  /** IPv4 addresses, the primary one first. */
  readonly addresses: readonly string[];
  /** IPv6 addresses that are more than link-local. */
  readonly addresses6: readonly string[];
  /** The prefixes of its addresses, `2001:db8:1::/64`, without link-local ones; the best first (prefixes.ts). */
  readonly prefixes: readonly string[];
  /** An IPv4 address that is routed through this device (a gateway's, else a neighbour's); null: no route. */
  readonly probe: string | null;
  /** The same of IPv6. */
  readonly probe6: string | null;
  /** Its route comes by IPv6 router advertisements, which a router takes only with accept_ra 2. */
  readonly learnsRoute6: boolean;
  /** What the kernel says of XDP there (from 6.3 on); null: it does not say. */
  readonly xdp: { readonly native: boolean; readonly transmit: boolean } | null;
  /** Id of an XDP program that is not ours. */
  readonly foreignXdp: number | null;
}

export type Hook = 'xdp' | 'tc-ingress' | 'tc-egress';
/** How a program hangs on its hook. XDP: native or generic; TC: tcx (from 6.6) or clsact. */
export type Mode = 'native' | 'generic' | 'tcx' | 'clsact';

/** One of our programs on a device, as found in the kernel (not as remembered). */
export interface Attachment {
  readonly hook: Hook;
  readonly ifindex: number;
  readonly mode: Mode;
}

export interface Guard {
  /** Ties the table to the state that it belongs to. */
  readonly token: string;
  readonly devices: readonly string[];
  readonly indexes: readonly number[];
}

/** What is remembered of an interface in state.json. */
export interface StateInterface {
  /** Its number in the policy that is active; 0: the policy has not been told of it yet. */
  readonly id: number;
  /** Its place 1..63 in the map `interfaces`; kept as long as the device lives. */
  readonly seat: number;
  readonly name: string;
  readonly device: string;
  readonly ifindex: number;
  readonly hooks: readonly { readonly hook: Hook; readonly mode: Mode }[];
  /** The clsact qdisc was made by us and goes with us. */
  readonly ownsQdisc: boolean;
  /** What the kernel's table of interfaces holds, so that a plan sees a change of it. */
  readonly record: InterfaceRecord;
}

/** What the datapath is told of an interface (maps `interfaces` and `addresses`). */
export interface InterfaceRecord {
  readonly mac: string | null;
  readonly mtu: number;
  /** XDP frames can be transmitted there. */
  readonly transmit: boolean;
  /** A masquerade names it: nothing leaves there with a private source. */
  readonly hides: boolean;
  /** The same for IPv6. */
  readonly hides6: boolean;
  /** What SYNs by it may ask for at most (`clamp`: what the path's MTU allows); null: anything. */
  readonly mss: Mss | null;
  /** `61000-65095`, from the first to the last outside port that masquerades give out there; null: none does. */
  readonly pool: string | null;
  /** Its own addresses, where the datapath starts to look for them. */
  readonly addresses: readonly string[];
  readonly addresses6: readonly string[];
  /** An address routed through it; null: none now. */
  readonly probe: string | null;
  readonly probe6: string | null;
}

/** state.json: what apply did here, enough to undo it after a crash. */
export interface State {
  readonly schema: 'masqc/state@1';
  readonly gateway: string;
  readonly netns: number;
  readonly token: string;
  /** Counts applies that switched the policy; 0: none yet (the first apply did not end). */
  readonly generation: number;
  /** The slot of the program arrays that decides; -1: none. */
  readonly active: number;
  /** When the generation took over, ISO 8601; null: none yet. */
  readonly since: string | null;
  /** Hash of what decides (policy and rule table), of the datapath objects, of the shared structs. */
  readonly hashes: Hashes;
  /** The tables of the active policy; an empty hash: an edit was begun and not ended. */
  readonly sets: readonly { readonly name: string; readonly hash: string }[];
  /** The interfaces whose prefixes the policy follows, and those that it goes by. */
  readonly live: readonly LivePrefixes[];
  readonly flows: number;
  readonly timeouts: Timeouts;
  readonly interfaces: readonly StateInterface[];
  /** What ip_forward was before; null: not touched. */
  readonly ipForward: string | null;
  /** The same of net.ipv6.conf.all.forwarding. */
  readonly ipv6Forward: string | null;
  /** The datapath of IPv6 is loaded, too. */
  readonly ipv6: boolean;
}
/** The prefixes of an interface that is followed. */
export interface LivePrefixes {
  /** Its number in the policy. */
  readonly id: number;
  readonly name: string;
  readonly device: string;
  readonly prefixes: readonly string[];
}
export interface Hashes {
  readonly policy: string;
  readonly datapath: string;
  readonly layout: string;
}
/** Milliseconds of idleness by class, as the model has them. */
export type Timeouts = Readonly<Record<string, number>>;

export interface Table {
  /** Connections that it has room for. */
  readonly flows: number;
  /** Of two tables in a row: 0 or 1. */
  readonly number: number;
  /** Slots that are not free; where IPv6 is carried, those of the family that has more. */
  readonly used: number;
}
export interface NextTable {
  /** 0: it was not made yet. */
  readonly flows: number;
  /** New connections are made in it. */
  readonly switched: boolean;
}

export interface Snapshot {
  /** Inode of the network namespace. */
  readonly netns: number;
  readonly kernel: string;
  readonly devices: readonly Device[];
  readonly ipForward: boolean;
  /** net.ipv6.conf.all.forwarding; null: the kernel has no IPv6. */
  readonly ipv6Forward: boolean | null;
  /** net.ipv4.ip_local_port_range, inclusive. */
  readonly localPorts: readonly [number, number];
  readonly bpffsMounted: boolean;
  readonly guard: Guard | null;
  /** The state of this gateway here; null: none. */
  readonly state: State | null;
  /** Names of other gateways that have state in this namespace. */
  readonly otherGateways: readonly string[];
  readonly attachments: readonly Attachment[];
  /** Pinned links whose device is gone: nothing but a pin to remove. */
  readonly dead: readonly Attachment[];
  /** Names of the maps and program arrays that are pinned. */
  readonly pins: readonly string[];
  /** The slot that decides now, and whether all program arrays have programs there; null: maps not pinned. */
  readonly active: { readonly slot: number; readonly filled: boolean } | null;
  /** The flow table; null: not pinned. */
  readonly table: Table | null;
  /** The table of another size that an apply has begun to move to; null: none. */
  readonly next: NextTable | null;
  /** What the tables of the state hold, packed, as it was kept; null: not known. */
  readonly sets: readonly (Uint8Array | null)[];
  /** Whether TCX is there (6.6); else clsact is used. */
  readonly tcx: boolean;
}
