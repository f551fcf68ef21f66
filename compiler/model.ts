/**
 * The checked model: every name looked up, every value typed, every sentence known to make sense. The decision diagram
 * and the targets read this and nothing else of the text; spans are kept so that they can point back at it.
 */
import type { Family } from '../grammar/ast.ts';
import type { Span } from '../grammar/span.ts';
import type { Follows, LiveValue, Named } from './dynamic.ts';

/** Inclusive ranges of addresses as unsigned integers in host order; sorted, disjoint, not adjacent. */
export interface AddressSet {
  readonly v4: readonly Range<number>[];
  readonly v6: readonly Range<bigint>[];
}
export interface Range<T> {
  readonly first: T;
  readonly last: T;
}

/** 1, 2, … in the order of the file. 0 is the gateway itself (`self`). */
export type InterfaceId = number;
export const SELF: InterfaceId = 0;

export interface Interface {
  readonly id: InterfaceId;
  readonly name: string;
  readonly device: string;
  /** What SYNs by it may ask for at most: bytes, `clamp`: what the MTU of the path allows; null: anything. */
  readonly mss: Mss | null;
  /** false: `xdp off`, so that TC does all the work there. */
  readonly xdp: boolean;
  readonly span: Span;
}
export type Mss = 'clamp' | number;

/** Index into `Model.tables`. */
export type TableId = number;

/**
 * A set that is one question of the diagram, "is the address in it?", and is looked up in a map of its own: its
 * addresses may change under the same program.
 */
export interface Table {
  readonly id: TableId;
  /** As the file calls it: `blocked`, or `file "blocked.txt"`. */
  readonly name: string;
  /** Of a table that follows the machine: as they are with the stand-ins of its prefixes. */
  readonly addresses: AddressSet;
  /** What the machine fills it with; null: `addresses`. */
  readonly follows: Follows | null;
}

/** One side of a rule. A packet is on it if one of its parts holds; `any` alone means everything. */
export interface Side {
  readonly any: boolean;
  /** from: came in by one of these; to: leaves by one of these. May hold SELF. */
  readonly interfaces: readonly InterfaceId[];
  readonly addresses: AddressSet;
  /** Large sets, and sets from files: not in `addresses`. */
  readonly tables: readonly TableId[];
  /** Interfaces whose own (perhaps dynamic) address is meant, e.g. `to wan` where an address is asked for. */
  readonly own: readonly InterfaceId[];
}
export interface Sides {
  readonly include: Side;
  /** null: nothing is excepted. */
  readonly except: Side | null;
}

export type Protocol = 'tcp' | 'udp' | 'sctp' | 'icmp' | 'gre' | 'esp';

/** What a rule speaks of, one entry a clause; an empty list means every protocol. */
export interface Service {
  readonly protocol: Protocol;
  /** null: all ports, or a protocol without. */
  readonly ports: Range<number> | null;
  /** ICMP type numbers for IPv4 and IPv6; null: every type. */
  readonly icmp: { readonly v4: number | null; readonly v6: number | null } | null;
}

export type Decision = 'allow' | 'deny' | 'reject';

/**
 * Every line of the file that can decide something has an id, 1, 2, …: it is what the kernel stores with a flow and
 * what `show` turns back into a file and a line.
 */
export type RuleId = number;

/** `count` in `perMs` milliseconds on the long run, `burst` at once (a token bucket of that depth). */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
  readonly burst: number;
}

/** What is beyond it is denied. Of each kind, with and without `perSource`, a line or block has at most one. */
export type Limit =
  /** New connections. */
  | { readonly kind: 'rate'; readonly rate: Rate; readonly perSource: boolean; readonly span: Span }
  /** Live ones. */
  | { readonly kind: 'flows'; readonly count: number; readonly perSource: boolean; readonly span: Span }
  /** Of a masquerade: outside ports, and ICMP identifiers, that a source holds (RFC 6888 REQ-4). */
  | { readonly kind: 'ports'; readonly count: number; readonly perSource: true; readonly span: Span };

/** Events are written at most at this rate; the rest is counted. */
export interface Log {
  readonly label: string | null;
  readonly rate: Rate;
}

export interface Rule {
  readonly id: RuleId;
  readonly decision: Decision;
  readonly services: readonly Service[];
  readonly from: Sides;
  readonly to: Sides;
  /** Only where it allows. */
  readonly limits: readonly Limit[];
  /** null: it logs nothing. */
  readonly log: Log | null;
  readonly span: Span;
}

export interface Default {
  readonly id: RuleId;
  readonly decision: Decision;
  readonly log: Log | null;
  readonly span: Span;
}

/** Milliseconds of idleness after which a flow ends. RFC 5382 REQ-5, RFC 4787 REQ-5, RFC 5508 REQ-2. */
export interface Timeouts {
  readonly tcp: number; // established
  readonly 'tcp-syn': number; // not yet established (transitory)
  readonly 'tcp-fin': number; // closing
  readonly udp: number;
  readonly icmp: number;
  readonly other: number;
}

/** So long the outside port of a mapping that has ended is kept for its inside socket (RFC 6888 REQ-8), in milliseconds. */
export const PORT_REST_MS = 120_000;

/**
 * What a new policy does to live connections: `recheck` decides each again with its next packet, `keep` lets them go on as
 * they were decided, `flush` ends them.
 */
export type Established = 'recheck' | 'keep' | 'flush';

export interface Gateway {
  readonly name: string;
  readonly datapath: 'ebpf' | 'nftables' | 'auto';
  readonly default: Default;
  readonly flows: number;
  readonly timeouts: Timeouts;
  readonly established: Established;
  /** Its own `deny` and `reject` lines. */
  readonly rules: readonly Rule[];
  /** Addresses whose traffic is counted, each by itself. */
  readonly account: AddressSet;
  readonly span: Span;
}

/** A `network … on`: these sources, seen on any other interface, are forged. */
export interface Network {
  readonly name: string;
  readonly addresses: AddressSet;
  /** The prefixes as written, for longest-prefix-first. */
  readonly prefixes: readonly FamilyPrefix[];
  readonly interface: InterfaceId;
  /** The prefixes that the interface has now are of it, too; `addresses` and `prefixes` hold their stand-ins. */
  readonly dynamic: boolean;
  /** `prefixes` without stand-ins. */
  readonly written: readonly FamilyPrefix[];
  readonly span: Span;
}

export interface Policy {
  readonly name: string;
  readonly from: readonly InterfaceId[]; // never SELF: what the gateway starts needs no policy
  readonly to: readonly InterfaceId[]; // may hold SELF
  readonly rules: readonly Rule[];
  readonly default: Default;
  readonly span: Span;
}

export type Mapping = 'endpoint-independent' | 'address-and-port-dependent';
export type Filtering = Mapping | 'address-dependent';

export interface Masquerade {
  readonly id: RuleId;
  readonly name: string;
  readonly from: Sides;
  readonly interfaces: readonly InterfaceId[];
  /** The families that it translates, ascending; one at least. */
  readonly families: readonly Family[];
  /** Outside addresses, some of each family; null: the interface's own, read when needed. */
  readonly addresses: AddressSet | null;
  /** The pool of outside ports. */
  readonly ports: Range<number>;
  /** How one of them is chosen: the source's own where it is free, or by chance (RFC 6056). */
  readonly choice: 'keep' | 'random';
  /** RFC 7422: so many ports for each source, always the same ones (share.ts); null: all of `ports` for everyone. */
  readonly share: number | null;
  /** RFC 4787 section 4.1. */
  readonly mapping: Mapping;
  /** RFC 4787 section 5: whom the outside port of an endpoint-independent mapping lets in. */
  readonly filtering: Filtering;
  /** RFC 4787 REQ-6: the packets that keep a flow and its mapping alive. */
  readonly refresh: 'outbound' | 'both';
  readonly limits: readonly Limit[];
  /** Of allocations: a line when an inside socket gets its outside port, and one when it loses it. */
  readonly log: Log | null;
  readonly span: Span;
}

/** A prefix; the bits after it are 0 in `first`. */
export interface Prefix {
  readonly first: bigint;
  readonly length: number;
}

/** Number in `Model.values`, from 1. */
export type ValueId = number;

/** A prefix that says its family. */
export interface FamilyPrefix extends Prefix {
  readonly family: Family;
}

/** A network that appears as another one of the same size beyond these interfaces. */
export interface AddressMap {
  readonly id: RuleId;
  readonly name: string;
  readonly interfaces: readonly InterfaceId[];
  readonly family: Family;
  readonly inside: Prefix;
  /** A stand-in, where it follows an interface. */
  readonly outside: Prefix;
  /** The outside prefix is the one that an interface has: its value, and the table that holds it. */
  readonly follows: { readonly value: ValueId; readonly table: TableId } | null;
  readonly span: Span;
}

/** An address with a port; `own` stands for the address that an interface has when asked. */
export type Machine =
  | { readonly kind: 'address'; readonly family: Family; readonly address: bigint }
  | { readonly kind: 'own'; readonly interface: InterfaceId }
  | { readonly kind: 'self' };

export interface Listen {
  readonly id: RuleId;
  readonly service: Service;
  readonly target: Machine;
  /** `target` is a stand-in for this value; null: it is the target. */
  readonly value: ValueId | null;
  /** As many as the listened ports; null: the port stays. */
  readonly targetPorts: Range<number> | null;
  readonly span: Span;
}

export interface Redirect {
  readonly name: string;
  readonly interfaces: readonly InterfaceId[];
  /** Destinations that it owns; null: the own addresses of `interfaces`. */
  readonly addresses: AddressSet | null;
  readonly listens: readonly Listen[];
  readonly allowFrom: Sides;
  /** The id of the denial of whom `allow from` does not allow. */
  readonly denyId: RuleId;
  /** Of all its `listen`s together. */
  readonly limits: readonly Limit[];
  readonly log: Log | null;
  readonly allowSpan: Span;
  readonly span: Span;
}

export interface ExpectedPacket {
  readonly protocol: Protocol;
  readonly icmpType: number | null;
  readonly family: Family;
  readonly from: Machine;
  readonly fromPort: number | null;
  readonly on: InterfaceId;
  readonly to: Machine;
  readonly toPort: number | null;
  readonly outcome: 'denied' | 'allowed' | 'masqueraded' | 'redirected' | 'mapped';
  readonly by: string | null;
  readonly as: { readonly machine: Machine; readonly port: number | null } | null;
  readonly becomes: { readonly machine: Machine; readonly port: number | null } | null;
  readonly span: Span;
}
/** `wait`: so much time passes. */
export interface ExpectedWait {
  readonly waitMs: number;
  readonly span: Span;
}
export interface Expectation {
  readonly title: string;
  /** One after the other: what is limited is limited within one expectation. */
  readonly steps: readonly (ExpectedPacket | ExpectedWait)[];
  readonly span: Span;
}

/** What a rule id stands for; index i describes id i + 1. */
export interface RuleOrigin {
  readonly id: RuleId;
  readonly kind:
    | 'gateway-rule'
    | 'gateway-default'
    | 'policy-rule'
    | 'policy-default'
    | 'self-default' // what the gateway itself starts
    | 'redirect'
    | 'redirect-denied'
    | 'masquerade'
    | 'map';
  /** Name of the block, e.g. `lan-out`. */
  readonly owner: string;
  /** The sentence as it stands in the file, without its comment. */
  readonly text: string;
  readonly span: Span;
}

export interface Model {
  readonly gateway: Gateway;
  readonly interfaces: readonly Interface[];
  readonly networks: readonly Network[];
  readonly policies: readonly Policy[];
  readonly masquerades: readonly Masquerade[];
  readonly redirects: readonly Redirect[];
  readonly maps: readonly AddressMap[];
  readonly expectations: readonly Expectation[];
  readonly rules: readonly RuleOrigin[];
  readonly tables: readonly Table[];
  /** What the policy is told of the machine's prefixes: the value at index i has number i + 1. */
  readonly values: readonly LiveValue[];
  /** What follows the machine, by the names that the file gives it. */
  readonly named: readonly Named[];
}
