/**
 * The syntax tree: what the text says, before any name is looked up. Every node carries the span of its first to last
 * token on its first line. Lists keep the order of the text.
 */
import type { Span } from './span.ts';

export interface Name {
  readonly text: string;
  readonly span: Span;
}

/** A number, rate or duration as written. */
export interface NumberLiteral {
  readonly value: number;
  readonly span: Span;
}

/** `90s`, `2h4m`, in milliseconds. */
export interface Duration {
  readonly ms: number;
  readonly span: Span;
}

/** `10/minute`: `count` per `perMs`. */
export interface Rate {
  readonly count: number;
  readonly perMs: number;
  readonly span: Span;
}

export interface StringLiteral {
  readonly value: string;
  readonly span: Span;
}

/** Ports `first..last` (inclusive); `first === last` for one port. 0 never occurs. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly span: Span;
}

export type Family = 4 | 6;

/** An address, network or range; `first..last` inclusive, as unsigned integers in host order. */
export interface AddressLiteral {
  readonly kind: 'address';
  readonly form: 'address' | 'network' | 'range';
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
  readonly text: string;
  readonly span: Span;
}

/** A use of a declared name. */
export interface Reference {
  readonly kind: 'name';
  readonly name: Name;
  readonly span: Span;
}
export interface AnyWord {
  readonly kind: 'any';
  readonly span: Span;
}
export interface SelfWord {
  readonly kind: 'self';
  readonly span: Span;
}
/** `file "blocked.txt"` */
export interface FileAddresses {
  readonly kind: 'file';
  readonly path: StringLiteral;
  readonly span: Span;
}

export type AddressItem = AddressLiteral | Reference | AnyWord | SelfWord | FileAddresses;
export interface Addresses {
  readonly items: readonly AddressItem[];
  readonly except: readonly AddressItem[];
  readonly span: Span;
}

export type PlaceItem = Reference | AnyWord | SelfWord;
export interface Places {
  readonly items: readonly PlaceItem[];
  readonly except: readonly Name[];
  readonly span: Span;
}

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** One item of a `what` list. A bare port list item has taken the protocol before it (`tcp 80, 443`: two items). */
export type WhatItem =
  | { readonly kind: 'ports'; readonly protocol: PortProtocol; readonly ports: PortRange; readonly span: Span }
  /** A port with no protocol before it: kept so that the checker can say so. */
  | { readonly kind: 'bare-ports'; readonly ports: PortRange; readonly span: Span }
  /** `ports` is there only when the text wrongly gives them (`icmp 80`). */
  | { readonly kind: 'icmp'; readonly type: Name | null; readonly ports: PortRange | null; readonly span: Span }
  | { readonly kind: 'gre' | 'esp'; readonly span: Span }
  | { readonly kind: 'service'; readonly name: Name; readonly span: Span };
export interface What {
  readonly items: readonly WhatItem[];
  readonly span: Span;
}

export interface Limit {
  readonly of:
    | { readonly kind: 'rate'; readonly rate: Rate; readonly burst: NumberLiteral | null }
    | { readonly kind: 'flows' | 'ports'; readonly count: NumberLiteral };
  readonly perSource: boolean;
  readonly span: Span;
}

export interface Log {
  readonly label: StringLiteral | null;
  readonly rate: Rate | null;
  readonly span: Span;
}

export type Action = 'allow' | 'deny' | 'reject';

export interface Rule {
  readonly kind: 'rule';
  readonly action: Action;
  readonly actionSpan: Span;
  readonly what: What | null;
  readonly from: Addresses | null;
  readonly to: Addresses | null;
  readonly limit: Limit | null;
  readonly log: Log | null;
  readonly span: Span;
}

/** `192.168.2.10:80`, `[2001:db8::1]:80`, `yoda:8080`, `wan:80`, `self`. */
export interface Endpoint {
  readonly machine: AddressLiteral | Reference | SelfWord;
  readonly ports: PortRange | null;
  readonly span: Span;
}

// ---- declarations -------------------------------------------------------------------------------------------------

export type GatewayLine =
  | { readonly kind: 'datapath'; readonly value: Name; readonly span: Span }
  /** `action` is any word here; the checker says why `allow` and `masquerade` are refused. */
  | { readonly kind: 'default'; readonly action: Name; readonly log: Log | null; readonly span: Span }
  | { readonly kind: 'flows'; readonly count: NumberLiteral; readonly span: Span }
  | { readonly kind: 'timeout'; readonly entries: readonly TimeoutEntry[]; readonly span: Span }
  | { readonly kind: 'confirm-within'; readonly time: Duration; readonly span: Span }
  | { readonly kind: 'confirm-by'; readonly protocol: Name; readonly endpoint: Endpoint; readonly span: Span }
  | { readonly kind: 'established'; readonly value: Name; readonly span: Span }
  | { readonly kind: 'account'; readonly addresses: Addresses; readonly span: Span }
  | Rule;
export interface TimeoutEntry {
  readonly protocol: Name; // tcp, tcp-fin, tcp-syn, udp, icmp, …: checked later
  readonly time: Duration;
  readonly span: Span;
}

export interface GatewayDecl {
  readonly kind: 'gateway';
  readonly name: Name;
  readonly lines: readonly GatewayLine[];
  /** A sentence in it was not understood: don't complain of what is missing. */
  readonly incomplete: boolean;
  readonly span: Span;
}
/** A line of an interface's block. */
export type InterfaceLine =
  | {
      readonly kind: 'mss';
      readonly of: { readonly kind: 'clamp' } | { readonly kind: 'bytes'; readonly bytes: NumberLiteral };
    }
  /** `xdp off` */
  | { readonly kind: 'xdp' };
export interface InterfaceDecl {
  readonly kind: 'interface';
  readonly name: Name;
  /** The kernel's name of the device, `eth0.100`. */
  readonly device: Name;
  readonly mss: Extract<InterfaceLine, { kind: 'mss' }>['of'] | null;
  /** false: `xdp off`. */
  readonly xdp: boolean;
  readonly span: Span;
}
export interface ZoneDecl {
  readonly kind: 'zone';
  readonly name: Name;
  readonly members: readonly Name[];
  readonly span: Span;
}
export interface NetworkDecl {
  readonly kind: 'network';
  readonly name: Name;
  readonly prefixes: readonly (AddressLiteral | { readonly kind: 'dynamic'; readonly span: Span })[];
  readonly on: Name;
  readonly span: Span;
}
export interface HostDecl {
  readonly kind: 'host';
  readonly name: Name;
  readonly addresses: readonly { readonly address: AddressLiteral; readonly in: Name | null }[];
  readonly span: Span;
}
export interface SetDecl {
  readonly kind: 'set';
  readonly name: Name;
  readonly addresses: Addresses;
  readonly span: Span;
}
export interface ServiceDecl {
  readonly kind: 'service';
  readonly name: Name;
  readonly what: What;
  readonly span: Span;
}
export interface PolicyDecl {
  readonly kind: 'policy';
  readonly name: Name;
  readonly from: Places;
  readonly to: Places;
  readonly rules: readonly Rule[];
  /** null when the block does not end in `default`: the checker reports it. */
  readonly default: {
    readonly action: Action;
    readonly actionSpan: Span;
    readonly log: Log | null;
    readonly span: Span;
  } | null;
  readonly incomplete: boolean;
  /** The closing brace (or where it is missing). */
  readonly end: Span;
  readonly span: Span;
}

/** A property of a masquerade, redirect, autofw or map block, as written; which may stand where is the checker's. */
export type Property =
  | { readonly kind: 'from'; readonly addresses: Addresses; readonly span: Span }
  | { readonly kind: 'interface'; readonly names: readonly Name[]; readonly span: Span }
  | { readonly kind: 'address'; readonly addresses: Addresses; readonly span: Span }
  | { readonly kind: 'family'; readonly words: readonly Name[]; readonly span: Span }
  /** One of the two at least. `choice`: `keep` or `random`, or any word: the checker says. */
  | { readonly kind: 'ports'; readonly ports: PortRange | null; readonly choice: Name | null; readonly span: Span }
  | { readonly kind: 'share'; readonly count: NumberLiteral; readonly span: Span }
  | { readonly kind: 'mapping'; readonly word: Name; readonly span: Span }
  | { readonly kind: 'filtering'; readonly word: Name; readonly span: Span }
  | { readonly kind: 'refresh'; readonly word: Name; readonly span: Span }
  | { readonly kind: 'balance'; readonly word: Name; readonly span: Span }
  | { readonly kind: 'limit'; readonly limit: Limit; readonly span: Span }
  | { readonly kind: 'timeout'; readonly entries: readonly TimeoutEntry[]; readonly span: Span }
  | { readonly kind: 'helper'; readonly words: readonly Name[]; readonly span: Span }
  | { readonly kind: 'log'; readonly log: Log; readonly span: Span }
  | { readonly kind: 'listen'; readonly what: What; readonly to: readonly Target[]; readonly span: Span }
  | { readonly kind: 'allow-from'; readonly addresses: Addresses; readonly span: Span }
  | { readonly kind: 'check'; readonly check: HealthCheck; readonly span: Span }
  | { readonly kind: 'drain'; readonly time: Duration; readonly span: Span }
  | { readonly kind: 'control'; readonly what: What; readonly span: Span }
  | {
      readonly kind: 'open';
      readonly what: What;
      readonly from: 'contacted' | 'any' | null;
      readonly span: Span;
    }
  | { readonly kind: 'hold'; readonly time: Duration; readonly span: Span }
  | { readonly kind: 'owner'; readonly word: Name; readonly span: Span }
  | { readonly kind: 'inside' | 'outside'; readonly network: MapSide; readonly span: Span };
/** One side of a map: a prefix, a network by its name, or the prefix that the map's interface has. */
export type MapSide = AddressLiteral | Reference | { readonly kind: 'dynamic'; readonly span: Span };
export interface Target {
  readonly endpoint: Endpoint;
  readonly weight: NumberLiteral | null;
  readonly span: Span;
}
export interface HealthCheck {
  readonly probe: { readonly kind: 'tcp' } | { readonly kind: 'http'; readonly path: StringLiteral };
  readonly every: Duration;
  readonly fall: NumberLiteral | null;
  readonly rise: NumberLiteral | null;
}
export interface BlockDecl {
  readonly kind: 'masquerade' | 'redirect' | 'autofw' | 'map';
  readonly name: Name;
  readonly properties: readonly Property[];
  readonly incomplete: boolean;
  readonly end: Span;
  readonly span: Span;
}

export type Outcome = 'denied' | 'allowed' | 'masqueraded' | 'redirected' | 'mapped';
export type Step =
  | { readonly kind: 'wait'; readonly time: Duration; readonly span: Span }
  | {
      readonly kind: 'packet';
      /** `tcp`, `udp`, `icmp`, …; `icmp` may name a type. */
      readonly protocol: Name;
      readonly icmpType: Name | null;
      readonly from: Endpoint;
      readonly on: Name;
      readonly to: Endpoint;
      readonly outcome: Outcome;
      readonly outcomeSpan: Span;
      readonly by: Name | null;
      readonly as: Endpoint | null;
      readonly becomes: Endpoint | null; // the last `to`
      readonly span: Span;
    };
export interface ExpectDecl {
  readonly kind: 'expect';
  readonly title: StringLiteral;
  readonly steps: readonly Step[];
  readonly incomplete: boolean;
  readonly span: Span;
}
export interface IncludeDecl {
  readonly kind: 'include';
  readonly path: StringLiteral;
  readonly span: Span;
}

export type Declaration =
  | GatewayDecl
  | InterfaceDecl
  | ZoneDecl
  | NetworkDecl
  | HostDecl
  | SetDecl
  | ServiceDecl
  | PolicyDecl
  | BlockDecl
  | ExpectDecl
  | IncludeDecl;

/** One parsed text. With syntax errors it holds the sentences that were understood. */
export interface Document {
  readonly file: string;
  readonly declarations: readonly Declaration[];
  /** Names declared by sentences that were not understood: their uses are no unknown names. */
  readonly broken: readonly Name[];
  readonly diagnostics: readonly import('./diagnostic.ts').Diagnostic[];
  /** Of a text in JSON, by offsets into it: the sentence of a value that is one, and the path of any. */
  readonly json?: {
    readonly sentences: ReadonlyMap<number, string>;
    readonly pathAt: (offset: number) => string;
  };
}
