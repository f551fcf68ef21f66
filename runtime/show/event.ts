import type { ManifestRule } from '../../compiler/artifact/manifest.ts';
import { PROTOCOL_NAMES } from '../../compiler/protocols.ts';
import type { BtfRecord } from '../../native/lib/libbpf.ts';
import { readKey } from './accounts.ts';
import type { Endpoint } from './connection.ts';

/** One line of the log, in values. docs/log.md describes it. */
export interface Event {
  readonly schema: 'masqc/event@1';
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly verdict: 'allowed' | 'denied' | 'rejected' | 'limited' | 'cut' | 'mapped' | 'unmapped';
  /** The line that says so; null: of a generation that is no longer remembered. */
  readonly rule: { readonly file: string; readonly line: number; readonly owner: string; readonly text: string } | null;
  readonly label: string | null;
  /** Interfaces of the file, or devices; null: the gateway itself, or not known. */
  readonly in: string | null;
  readonly out: string | null;
  readonly protocol: string;
  readonly source: Endpoint | null;
  readonly destination: Endpoint | null;
  /** The new source, and the new destination; null: they stay. */
  readonly as: Endpoint | null;
  readonly to: Endpoint | null;
  /** TCP flags, `S`, `SA`. */
  readonly flags: string | null;
  /** ICMP type and code, `8/0`. */
  readonly icmp: string | null;
  /** Of the IP packet, bytes; null for a mapping. */
  readonly length: number | null;
}

export interface EventNames {
  /** Of enum event_kind, without its prefix, in small letters. */
  readonly kinds: ReadonlyMap<number, string>;
  readonly rule: (generation: number, rule: number) => ManifestRule | null;
  readonly device: (ifindex: number) => string;
  /** Milliseconds since 1970 for a time of CLOCK_MONOTONIC in ns. */
  readonly wallTime: (monotonic: bigint) => number;
}

/** RFC 9293 section 3.1, from bit 0 on. */
const TCP_FLAGS = 'FSRPAUEC';

/** `record` is a struct event as its BTF decodes it. */
export function describeEvent(record: BtfRecord, names: EventNames): Event {
  const number = (name: string) => Number(record[name] ?? 0);
  const address = (name: string) =>
    readKey(new Uint8Array(new Uint32Array((record[name] as unknown as Words).word).buffer));
  const protocol = number('protocol');
  const endpoint = (at: string, port: string): Endpoint | null => {
    const text = address(at);
    return text === null ? null : { address: text, port: swap(number(port)) };
  };
  const rule = names.rule(number('generation'), number('rule'));
  const device = (ifindex: number) => (ifindex === 0 ? null : names.device(ifindex));
  const verdict = (names.kinds.get(number('kind')) ?? 'denied') as Event['verdict'];
  const isMapping = verdict === 'mapped' || verdict === 'unmapped';
  const isIcmp = protocol === 1 || protocol === 58;
  return {
    schema: 'masqc/event@1',
    time: new Date(names.wallTime(BigInt(record.time as bigint))).toISOString(),
    verdict,
    rule: rule === null ? null : { file: rule.file, line: rule.line, owner: rule.owner, text: rule.text },
    label: rule?.log?.label ?? null,
    in: device(number('in')),
    out: device(number('out')) ?? (number('local') === 1 ? 'self' : null),
    protocol: PROTOCOL_NAMES[protocol] ?? String(protocol),
    source: endpoint('saddr', 'sport'),
    destination: endpoint('daddr', 'dport'),
    as: endpoint('to_saddr', 'to_sport'),
    to: endpoint('to_daddr', 'to_dport'),
    flags: protocol === 6 && !isMapping ? [...TCP_FLAGS].filter((_, bit) => number('tcp') & (1 << bit)).join('') : null,
    icmp: isIcmp && !isMapping ? `${number('icmp_type')}/${number('icmp_code')}` : null,
    length: isMapping ? null : number('length'),
  };
}
interface Words {
  readonly word: readonly number[];
}

function swap(port: number): number {
  return ((port & 0xff) << 8) | (port >>> 8);
}

/** logfmt: `key=value` with blanks between; a value that holds a blank or a quote stands in quotes (as JSON). */
export function renderEvent(event: Event): string {
  const place = (end: Endpoint | null) => {
    if (end === null) return null;
    const host = end.address.includes(':') ? `[${end.address}]` : end.address;
    return end.port === 0 ? end.address : `${host}:${end.port}`;
  };
  const fields: readonly (readonly [string, string | number | null])[] = [
    ['time', event.time],
    ['verdict', event.verdict],
    ['rule', event.rule === null ? null : `${event.rule.file}:${event.rule.line}`],
    ['by', event.rule?.owner ?? null],
    ['label', event.label],
    ['in', event.in],
    ['out', event.out],
    ['proto', event.protocol],
    ['src', place(event.source)],
    ['dst', place(event.destination)],
    ['as', place(event.as)],
    ['to', place(event.to)],
    ['flags', event.flags],
    ['icmp', event.icmp],
    ['len', event.length],
  ];
  const written = fields.filter(([, value]) => value !== null && value !== '');
  return `${written.map(([key, value]) => `${key}=${quote(String(value))}`).join(' ')}\n`;
}

function quote(value: string): string {
  return /[\s"=\\]/.test(value) ? JSON.stringify(value) : value;
}
