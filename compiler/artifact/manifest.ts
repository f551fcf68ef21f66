/**
 * `manifest.json` of `masqc build`: what a policy object means, for whoever plans, applies or shows it without the
 * .masq file. The same input gives the same bytes: no clock, no machine. Schema: docs/manifest.schema.json.
 */
import { writeAddress } from '../../grammar/address.ts';
import type { Family } from '../../grammar/ast.ts';
import type { SourceText } from '../../grammar/span.ts';
import { type Follows, type LiveValue, type Named, writePrefix } from '../dynamic.ts';
import { type DatapathLayout, layoutText } from '../ebpf/layout.ts';
import { KEY_SIZE } from '../ebpf/policy-maps.ts';
import type { AddressSet, Established, Masquerade, Model, Mss, RuleOrigin, Timeouts } from '../model.ts';
import { rangesOf } from '../pairing.ts';
import { isEditable } from './editable.ts';
import { describeLines, type LineMeaning } from './lines.ts';
import { formatPrefixes } from './prefixes.ts';

export const MANIFEST_SCHEMA = 'masqc/manifest@1';

export interface Manifest {
  readonly schema: typeof MANIFEST_SCHEMA;
  readonly gateway: string;
  readonly interfaces: readonly ManifestInterface[];
  /** By id: the entry at index i has id i + 1. */
  readonly rules: readonly ManifestRule[];
  readonly masquerades: readonly ManifestMasquerade[];
  readonly redirects: readonly ManifestRedirect[];
  readonly maps: readonly ManifestMap[];
  /** Sets that are looked up in tables, by number; their addresses are in sets.bin. */
  readonly sets: readonly ManifestSet[];
  /** What the policy answers with of the machine's prefixes, by number from 1. */
  readonly values: readonly LiveValue[];
  /** Networks, hosts and maps that follow the machine's prefixes, by name. */
  readonly dynamic: readonly Named[];
  /** How many flows fit. */
  readonly flows: number;
  /** Milliseconds of idleness. */
  readonly timeouts: Timeouts;
  /** Prefixes whose addresses are counted, each by itself: `192.168.1.0/24`. */
  readonly account: readonly string[];
  /** What live connections meet when this policy takes over. */
  readonly established: Established;
  /** IPv6 packets can be let in, answered or denied by a line: its tables are needed. */
  readonly ipv6: boolean;
  readonly sources: readonly { readonly file: string; readonly sha256: string }[];
  readonly hashes: Hashes;
}
export interface ManifestInterface {
  readonly id: number;
  readonly name: string;
  readonly device: string;
  /** A masquerade of IPv4 names it: no private source leaves by it untranslated. */
  readonly hides: boolean;
  /** The same for IPv6. */
  readonly hides6: boolean;
  /** What SYNs by it may ask for at most: bytes, or `clamp`: what the path's MTU allows; null: anything. */
  readonly mss: Mss | null;
  /** false: `xdp off`. */
  readonly xdp: boolean;
}
export interface ManifestRule {
  readonly id: number;
  readonly kind: RuleOrigin['kind'];
  readonly owner: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
  /** The number of its counters. */
  readonly tally: number;
  /** That of its buckets, and of its log's rate; 0: it has none. Lines of a redirect share one. */
  readonly meter: number;
  /** That of its limit of ports, 1..32767, whatever else it has; 0: it has none. */
  readonly ports: number;
  readonly limits: readonly ManifestLimit[];
  readonly log: ManifestLog | null;
}
/** A token bucket: `count` in `perMs` milliseconds, `burst` at once. */
export interface ManifestRate {
  readonly count: number;
  readonly perMs: number;
  readonly burst: number;
}
export type ManifestLimit =
  | (ManifestRate & { readonly kind: 'rate'; readonly perSource: boolean })
  | { readonly kind: 'flows' | 'ports'; readonly count: number; readonly perSource: boolean };
export type ManifestLog = ManifestRate & { readonly label: string | null };
export interface ManifestMasquerade {
  readonly id: number;
  readonly name: string;
  readonly interfaces: readonly string[];
  readonly families: readonly Family[];
  /** null: the interface's own address. */
  readonly addresses: readonly AddressRange[] | null;
  readonly ports: { readonly first: number; readonly last: number };
  readonly choice: Masquerade['choice'];
  readonly refresh: Masquerade['refresh'];
  /** So many ports for each source, counted off in this order; null: they are not divided. */
  readonly share: { readonly ports: number; readonly sources: readonly AddressRange[] } | null;
}
export interface ManifestRedirect {
  readonly name: string;
  readonly interfaces: readonly string[];
  /** null: the interface's own address. */
  readonly addresses: readonly AddressRange[] | null;
}
/** Inclusive. */
export interface AddressRange {
  readonly first: string;
  readonly last: string;
}
export interface ManifestMap {
  readonly id: number;
  readonly name: string;
  readonly interfaces: readonly string[];
  /** Prefixes, `192.168.1.0/24`. */
  readonly inside: string;
  /** null: the prefix that an interface has (`dynamic`). */
  readonly outside: string | null;
}
export interface ManifestSet {
  readonly name: string;
  readonly prefixes: number;
  /** Of its part of sets.bin, or of what it follows. */
  readonly sha256: string;
  /** Its addresses may be changed under the same program. */
  readonly editable: boolean;
  /** What the machine fills it with, whenever its prefixes change; null: sets.bin. */
  readonly follows: Follows | null;
}
/** SHA-256 in hexadecimal. */
export interface Hashes {
  /** Of the policy object, whose line info holds the texts of the rules. */
  readonly policy: string;
  /** Of the datapath's objects. */
  readonly datapath: string;
  /** Of the struct that both share. */
  readonly layout: string;
  /** Of all sources: equal for equal texts under equal names. */
  readonly text: string;
}

/** SHA-256 in hexadecimal; a text is taken as UTF-8. */
export type Digest = (data: Uint8Array | string) => string;

export interface ManifestInput {
  readonly model: Model;
  readonly sources: readonly SourceText[];
  readonly ipv6: boolean;
  readonly policy: Uint8Array;
  /** Packed, by number of the table. */
  readonly sets: readonly Uint8Array[];
  readonly layout: DatapathLayout;
  /** The compiled datapath objects in an order that does not change. */
  readonly datapath: readonly Uint8Array[];
  readonly digest: Digest;
}

export function makeManifest(input: ManifestInput): Manifest {
  const { model, sources, ipv6, policy, sets, layout, datapath, digest } = input;
  const meanings = describeLines(model, digest);
  const hashed = sources.map(({ file, text }) => ({ file, sha256: digest(text) }));
  return {
    schema: MANIFEST_SCHEMA,
    gateway: model.gateway.name,
    interfaces: describeInterfaces(model),
    rules: model.rules.map(({ id, kind, owner, text, span: { file, line, column } }, index) => {
      return { id, kind, owner, file, line, column, text, ...(meanings[index] as LineMeaning) };
    }),
    masquerades: model.masquerades.map(({ id, name, interfaces, families, addresses, ports, share, from, ...one }) => ({
      id,
      name,
      interfaces: interfaces.map((one) => nameOf(model, one)),
      families,
      addresses: addresses === null ? null : families.flatMap((family) => writeRanges(addresses, family)),
      ports: { first: ports.first, last: ports.last },
      choice: one.choice,
      refresh: one.refresh,
      share: share === null ? null : { ports: share, sources: writeRanges(from.include.addresses, 4) },
    })),
    redirects: model.redirects.map(({ name, interfaces, addresses }) => ({
      name,
      interfaces: interfaces.map((one) => nameOf(model, one)),
      addresses: addresses === null ? null : [...writeRanges(addresses, 4), ...writeRanges(addresses, 6)],
    })),
    maps: model.maps.map(({ id, name, interfaces, family, inside, outside, follows }) => ({
      id,
      name,
      interfaces: interfaces.map((one) => nameOf(model, one)),
      inside: writePrefix(inside, family),
      outside: follows === null ? writePrefix(outside, family) : null,
    })),
    sets: model.tables.map(({ id, name, follows }) => {
      if (follows !== null)
        return { name, prefixes: 0, sha256: digest(JSON.stringify(follows)), editable: false, follows };
      const keys = sets[id] ?? new Uint8Array(0);
      const common = { name, prefixes: keys.length / KEY_SIZE, sha256: digest(keys) };
      return { ...common, editable: isEditable(model, id), follows };
    }),
    values: model.values,
    dynamic: model.named,
    flows: model.gateway.flows,
    timeouts: orderTimeouts(model.gateway.timeouts),
    account: formatPrefixes(model.gateway.account),
    established: model.gateway.established,
    ipv6,
    sources: hashed,
    hashes: {
      policy: digest(policy),
      datapath: digest(datapath.map((object) => digest(object)).join('\n')),
      layout: digest(layoutText(layout)),
      text: digest(hashed.map(({ file, sha256 }) => `${sha256} ${file}`).join('\n')),
    },
  };
}

export function describeInterfaces(model: Model): ManifestInterface[] {
  const hiddenIn = (family: Family) =>
    new Set(model.masquerades.flatMap(({ families, interfaces }) => (families.includes(family) ? interfaces : [])));
  const [hidden, hidden6] = [hiddenIn(4), hiddenIn(6)];
  return model.interfaces.map(({ id, name, device, mss, xdp }) => {
    return { id, name, device, hides: hidden.has(id), hides6: hidden6.has(id), mss, xdp };
  });
}

/** In one order, whatever order the model was made in. */
function orderTimeouts(timeouts: Timeouts): Timeouts {
  const { tcp, udp, icmp, other } = timeouts;
  return { tcp, 'tcp-syn': timeouts['tcp-syn'], 'tcp-fin': timeouts['tcp-fin'], udp, icmp, other };
}

function nameOf(model: Model, id: number): string {
  return model.interfaces.find((one) => one.id === id)?.name ?? 'self';
}

function writeRanges(set: AddressSet, family: Family): AddressRange[] {
  return rangesOf(set, family).map(({ first, last }) => {
    return { first: writeAddress(first, family), last: writeAddress(last, family) };
  });
}

/** The text of an artifact file. */
export function formatArtifact(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
