/**
 * Ordered interval decision diagrams over the packet that starts a connection. A diagram is a shared, acyclic graph:
 * inner nodes ask for one field and have edges that cover its whole domain, leaves say what happens. Fields are asked
 * in the order of FIELDS, each at most once on a path; equal nodes are one node (hash-consed), and no node has two
 * neighbouring edges to the same child or only one child.
 *
 * A policy whose diagram would grow with the square of its length is a chain of such diagrams instead: where the former
 * has decided nothing stands the root of the next. Fields are then asked again, and paths may be long (first-match.ts).
 */
import type { RuleId } from '../model.ts';

/**
 * `in`, `out`: interface ids (0 the gateway, 255 none or undeclared); `own`: the interface whose own address daddr is
 * (0 none, 255 another local address); `dport`: the port, for ICMP type << 8 | code, else 0. Domains: in, out, own,
 * protocol 0..255; family 4 or 6 (domain 0..255); dport 0..65535; the *4 fields 0..2^32-1; the *6 fields 0..2^128-1.
 */
export const FIELDS = [
  'family',
  'in',
  'out',
  'own',
  'protocol',
  'dport',
  'daddr4',
  'saddr4',
  'daddr6',
  'saddr6',
] as const;
type PlainField = (typeof FIELDS)[number];
/** Whether the source (the destination) is in table N: 0 or 1. */
export type TableField = `${number}:saddr` | `${number}:daddr`;
/** Questions about tables come behind all others, by number, the source first. */
export type Field = PlainField | TableField;

/** Edges are sorted by `last` (inclusive); the first starts at 0, each next one after its neighbour's `last`. */
export interface Branch<L> {
  readonly kind: 'branch';
  readonly id: number;
  readonly field: Field;
  readonly edges: readonly { readonly last: bigint; readonly to: Node<L> }[];
}
export interface Leaf<L> {
  readonly kind: 'leaf';
  readonly id: number;
  readonly value: L;
}
export type Node<L> = Branch<L> | Leaf<L>;

/** What `masqc_policy_ingress` answers (native/datapath/packet.h). */
export type IngressLeaf =
  | { readonly verdict: 'continue' }
  | { readonly verdict: 'forged' }
  | { readonly verdict: 'deny' | 'reject'; readonly rule: RuleId; readonly log: boolean }
  /** The redirect's listen line `rule`: target and port shift are found in the model. */
  | { readonly verdict: 'redirect'; readonly rule: RuleId; readonly log: boolean }
  /** The destination moves into the inside network of the map `rule`; then the policy is asked. */
  | { readonly verdict: 'map'; readonly rule: RuleId };

/** What the policies say, before any thought of translation. */
export interface PolicyLeaf {
  readonly verdict: 'allow' | 'deny' | 'reject';
  readonly rule: RuleId;
  readonly log: boolean;
}

/**
 * How what is let in leaves (the last step of the packet's journey). `nat`: the map's or masquerade's rule id, 0: none.
 * `untranslated`: a private source that no masquerade takes would leave an interface that some masquerade names.
 */
export interface NatLeaf {
  readonly nat: RuleId;
  readonly untranslated: boolean;
}

export interface PolicyDiagram {
  readonly ingress: Node<IngressLeaf>;
  /** What `masqc_policy_forward` asks. Where it says `allow`, `nat` is asked: together they are as large as their sum. */
  readonly policy: Node<PolicyLeaf>;
  readonly nat: Node<NatLeaf>;
  /** In place of both for packets that a redirect let in; shares its nodes with `nat`. */
  readonly redirected: Node<NatLeaf>;
}
