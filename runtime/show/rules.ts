import type { Manifest, ManifestRule } from '../../compiler/artifact/manifest.ts';
import type { Io } from '../cli/io.ts';
import { Refusal } from '../cli/refusal.ts';
import { readKeptManifest } from '../machine/state.ts';
import type { Connection } from './connection.ts';
import { findRunning, type Running } from './find.ts';
import { shorten } from './listing.ts';
import { readConnections } from './read-connections.ts';

/** What a line of the file has counted since it is there. */
export interface LineCounters {
  readonly file: string;
  readonly line: number;
  readonly owner: string;
  readonly text: string;
  /** That it let in (a masquerade: translated). */
  readonly connections: number;
  /** Of them, now. */
  readonly live: number;
  /** Of its connections, those that live included, both ways. */
  readonly packets: number;
  readonly bytes: number;
  /** Packets that it denied, or that were beyond its limit, which are `limited`. */
  readonly refused: number;
  readonly refusedBytes: number;
  readonly limited: number;
  /** Events of its `log` beyond their rate, and those that nobody read in time. */
  readonly heldBack: number;
  readonly lost: number;
}

const COUNTERS = [
  'connections',
  'packets',
  'bytes',
  'refused',
  'refused_bytes',
  'limited',
  'held_back',
  'lost',
] as const;
type Tally = Record<(typeof COUNTERS)[number] | 'live', number>;

/** The manifest of the generation that decides. */
export function readManifest({ state }: Running): Manifest {
  const text = readKeptManifest(state.gateway, state.netns, state.generation);
  if (text !== null) return JSON.parse(text) as Manifest;
  throw new Refusal(`The lines of generation ${state.generation} are not remembered.`, 'Apply the file again.');
}

/** The lines that have events which nobody has seen. */
export function readLosses(running: Running): Pick<LineCounters, 'file' | 'line' | 'owner' | 'heldBack' | 'lost'>[] {
  const logged = readManifest(running).rules.filter(({ log }) => log !== null);
  return [...new Map(logged.map((rule) => [rule.tally, rule])).values()]
    .map((rule) => describeLine(rule, readTally(running, rule.tally)))
    .filter(({ heldBack, lost }) => heldBack + lost > 0);
}

/** Every line that can decide, in the order of the file; rule ids with one text are one line. */
export async function readRules(running: Running): Promise<LineCounters[]> {
  const { rules } = readManifest(running);
  const tallies = new Map<number, Tally>();
  for (const rule of rules) if (!tallies.has(rule.tally)) tallies.set(rule.tally, readTally(running, rule.tally));
  const own = rules.find(({ kind }) => kind === 'self-default')?.tally ?? 0;
  for await (const page of readConnections(running)) {
    for (const connection of page) {
      for (const tally of talliesOf(connection, own)) addLive(tallies.get(tally), connection);
    }
  }
  const seen = new Set<number>();
  return rules.flatMap((rule) => {
    if (seen.has(rule.tally)) return [];
    seen.add(rule.tally);
    return [describeLine(rule, tallies.get(rule.tally) as Tally)];
  });
}

function talliesOf({ rule, translation }: Connection, own: number): Set<number> {
  return new Set([rule?.tally ?? own, ...(translation === null ? [] : [translation.tally])]);
}

function addLive(tally: Tally | undefined, { sent, received }: Connection): void {
  if (tally === undefined) return;
  tally.live += 1;
  tally.packets += sent.packets + received.packets;
  tally.bytes += sent.bytes + received.bytes;
}

function readTally({ libbpf, pins }: Running, key: number): Tally {
  using map = libbpf.BpfMap.openPinned(`${pins}/tallies`, { readOnly: true });
  const sum = { live: 0, ...Object.fromEntries(COUNTERS.map((name) => [name, 0])) } as Tally;
  for (const bytes of map.getPerCpu(key) ?? []) {
    const one = map.codec().value.decode(bytes) as Record<string, bigint>;
    for (const name of COUNTERS) sum[name] += Number(one[name] ?? 0n);
  }
  return sum;
}

function describeLine({ file, line, owner, text }: ManifestRule, tally: Tally): LineCounters {
  const { connections, live, packets, bytes, refused, limited, lost } = tally;
  const rest = { refusedBytes: tally.refused_bytes, limited, heldBack: tally.held_back, lost };
  return { file, line, owner, text, connections, live, packets, bytes, refused, ...rest };
}

export async function showRules(asJson: boolean, io: Io): Promise<void> {
  const running = await findRunning(true);
  const lines = await readRules(running);
  const { gateway, generation } = running.state;
  if (asJson) io.out(`${JSON.stringify({ schema: 'masqc/rules@1', gateway, generation, lines }, null, 2)}\n`);
  else io.out(renderRules(lines, io));
}

/** The lines with their counters in the margin. */
export function renderRules(lines: readonly LineCounters[], { colours: c }: Pick<Io, 'colours'>): string {
  const head = [
    'packets'.padStart(8),
    'bytes'.padStart(7),
    'connections'.padStart(11),
    'live'.padStart(6),
    'refused'.padStart(8),
  ];
  const width = Math.max(0, ...lines.map(({ file, line }) => `${file}:${line}`.length));
  const rows = lines.map((one) => {
    const number = (value: number, size: number, base: 1000 | 1024 = 1000) =>
      (value === 0 ? '-' : shorten(value, base)).padStart(size);
    const margin = [
      number(one.packets, 8),
      number(one.bytes, 7, 1024),
      number(one.connections, 11),
      number(one.live, 6),
      number(one.refused, 8),
    ].join(' ');
    const notes = [
      one.limited > 0 ? `${shorten(one.limited, 1000)} beyond its limit` : '',
      one.heldBack > 0 ? `${shorten(one.heldBack, 1000)} events held back` : '',
      one.lost > 0 ? `${shorten(one.lost, 1000)} events lost` : '',
    ].filter((note) => note !== '');
    const note = notes.length === 0 ? '' : c.dim(`  (${notes.join(', ')})`);
    return `${margin}  ${c.dim(`${one.file}:${one.line}`.padEnd(width))}  ${one.owner}: ${one.text}${note}\n`;
  });
  return `${c.bold(head.join(' '))}\n${rows.join('')}`;
}
