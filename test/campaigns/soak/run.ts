/** The soak: what is done, and what must hold at its end. */
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { BpfMap } from '../../../native/lib/libbpf.ts';
import { countDrops, mustMasqc, writeGatewayFile } from '../../lab/masqc.ts';
import type { Program } from '../../lab/program.ts';
import { until } from '../../lab/until.ts';
import { Stage, writeFile } from './stage.ts';
import { findLeftovers, findLostSlots, findSurvivors, listObjects, type Objects, shortenRest } from './tables.ts';
import type { Counts } from './traffic.ts';

export interface SoakOptions {
  /** Of traffic. */
  readonly seconds: number;
  /** Between applies, and between lines that are printed. */
  readonly applyEvery: number;
  readonly lineEvery: number;
  readonly print: (line: string) => void;
  /** An entry is put into the flow table that nobody takes out again: the soak has to find it. */
  readonly leak?: boolean;
}
export interface Soak {
  readonly seconds: number;
  readonly applies: number;
  readonly counts: Counts;
  readonly drops: Readonly<Record<string, number>>;
  readonly before: Objects;
  readonly after: Objects;
  /** How long after the last flow's end everything was empty; null: never. */
  readonly emptyAfter: number | null;
  readonly faults: readonly string[];
}

/** What may be lost without a fault, of the kinds that have no retransmission. */
const DATAGRAM_LOSS = 0.002;
const DATAGRAMS = ['datagrams', 'in pieces', 'echoes'];
const EMPTY_MS = 60_000;
/** Bytes: lines of earlier files, of which apply keeps ten thousand before it looks whether a connection is theirs. */
const MAY_GROW: Readonly<Record<string, number>> = { charges: 11_000 * 96 };
const LEAK_MS = 8_000;
const NEVER = ['failed', 'no-policy', 'table-full', 'ports-exhausted', 'untranslated', 'limited', 'stash-full'];

export async function runSoak(options: SoakOptions): Promise<Soak> {
  const stage = await Stage.open();
  try {
    return await soak(stage, options);
  } finally {
    stage.close();
  }
}

async function soak(stage: Stage, options: SoakOptions): Promise<Soak> {
  const { gateway } = stage;
  const files = [false, true].map((other) => writeGatewayFile(writeFile(other))) as [string, string];
  const apply = async (file: string): Promise<void> => {
    await mustMasqc(gateway, 'apply', file);
    shortenRest(stage.pins);
  };
  for (const file of [...files, files[0]]) await apply(file); // as it is after many: the file before the last is still there
  const before = await listObjects(stage.pins);
  const seen = { maps: new Set(before.maps), programs: new Set(before.programs) };
  const programs = await stage.startTraffic();
  const begun = performance.now();
  const elapsed = (): number => (performance.now() - begun) / 1000;
  let [applies, line] = [0, options.lineEvery];
  while (elapsed() < options.seconds) {
    await pause(Math.min(options.applyEvery, options.seconds - elapsed()) * 1000);
    await apply(files[(applies + 1) % 2] as string);
    applies += 1;
    const now = await listObjects(stage.pins);
    for (const id of now.maps) seen.maps.add(id);
    for (const id of now.programs) seen.programs.add(id);
    if (elapsed() < line) continue;
    line += options.lineEvery;
    options.print(await describeNow(stage, elapsed(), applies, now));
  }
  await apply(files[0]);
  const counts = await endTraffic(programs);
  if (options.leak === true) leakEntry(stage.pins);
  return await judge(stage, { options, applies: applies + 1, counts, before, seen });
}

async function describeNow(
  { gateway, pins }: Stage,
  seconds: number,
  applies: number,
  { memory }: Objects,
): Promise<string> {
  using flows4 = BpfMap.openPinned(`${pins}/flows4`);
  using flows6 = BpfMap.openPinned(`${pins}/flows6`);
  const [four, six] = [await countKeys(flows4), await countKeys(flows6)];
  const drops = await countDrops(gateway);
  const shown = ['stray', 'denied', 'fragment'].map((reason) => `${drops(reason)} ${reason}`).join(', ');
  return (
    `${Math.round(seconds)} s: ${four / 2} connections of IPv4, ${six / 2} of IPv6, ${applies} applies, ` +
    `${memory.toLocaleString('en-US')} bytes of maps; dropped ${shown}`
  );
}
async function countKeys(map: BpfMap): Promise<number> {
  let count = 0;
  for await (const page of map.pages()) count += page.count;
  return count;
}

/** Lets what is under way end. What each has tried and failed, together. */
async function endTraffic(programs: readonly Program[]): Promise<Counts> {
  for (const program of programs) program.write('end');
  const counts: Counts = {};
  for (const program of programs) {
    const [, text = '{}'] = await program.says(/^result (.*)$/m, 120_000);
    for (const [name, { tried, failed }] of Object.entries(JSON.parse(text) as Counts)) {
      counts[name] ??= { tried: 0, failed: 0 };
      counts[name].tried += tried;
      counts[name].failed += failed;
    }
    await program.end();
  }
  return counts;
}

/** A flow that has one entry and no slot: nothing ever takes it away. */
function leakEntry(pins: string): void {
  using flows = BpfMap.openPinned(`${pins}/flows4`);
  flows.set(
    Uint8Array.from({ length: flows.keySize }, () => 7),
    new Uint8Array(flows.valueSize),
  );
}

interface Ended {
  readonly options: SoakOptions;
  readonly applies: number;
  readonly counts: Counts;
  readonly before: Objects;
  readonly seen: { readonly maps: Set<number>; readonly programs: Set<number> };
}

async function judge(stage: Stage, { options, applies, counts, before, seen }: Ended): Promise<Soak> {
  const { pins, gateway } = stage;
  const faults: string[] = [];
  const ended = performance.now();
  let left = await findLeftovers(pins);
  while (left.length > 0 && performance.now() - ended < (options.leak === true ? LEAK_MS : EMPTY_MS)) {
    await pause(250);
    left = await findLeftovers(pins);
  }
  const emptyAfter = left.length === 0 ? (performance.now() - ended) / 1000 : null;
  faults.push(...left.map((what) => `left behind: ${what}`), ...findLostSlots(pins));

  for (const [name, { tried, failed }] of Object.entries(counts)) {
    if (failed > (DATAGRAMS.includes(name) ? Math.max(tried * DATAGRAM_LOSS, 1) : 0))
      faults.push(`${failed} of ${tried} flows failed: ${name}`);
  }
  const dropped = await countDrops(gateway);
  const drops = Object.fromEntries(
    [...NEVER, 'stray', 'denied', 'fragment', 'overlap', 'cut'].map((reason) => [reason, dropped(reason)]),
  );
  for (const reason of NEVER)
    if (drops[reason] !== 0) faults.push(`${drops[reason]} packets were dropped as ${reason}`);

  const after = await listObjects(pins);
  for (const [name, bytes] of Object.entries(after.sizes))
    if (bytes > (before.sizes[name] ?? 0) + (MAY_GROW[name] ?? 0))
      faults.push(`the map ${name} had ${before.sizes[name]} bytes and has ${bytes}`);
  if (after.pins.length !== before.pins.length)
    faults.push(`${before.pins.length} pins before, ${after.pins.length} after: ${after.pins.join(' ')}`);
  faults.push(
    ...(await wait(async () =>
      (await findSurvivors(without(seen, after))).map((what) => `of an earlier file: ${what}`),
    )),
  );
  faults.push(
    ...(await wait(async () => (await stage.listProcesses()).map((pid) => `process ${pid} of the gateway's is left`))),
  );
  await mustMasqc(gateway, 'down');
  if (existsSync(pins)) faults.push(`down leaves ${pins}`);
  faults.push(...(await wait(async () => (await findSurvivors(seen)).map((what) => `after down: ${what}`))));
  return { seconds: options.seconds, applies, counts, drops, before, after, emptyAfter, faults };
}

const without = (seen: Ended['seen'], { maps, programs }: Objects) => ({
  maps: new Set([...seen.maps].filter((id) => !maps.has(id))),
  programs: new Set([...seen.programs].filter((id) => !programs.has(id))),
});

/** The kernel frees some things a moment later. */
async function wait(ask: () => Promise<string[]>): Promise<string[]> {
  try {
    await until('it is gone', async () => (await ask()).length === 0, 10_000);
    return [];
  } catch {
    return await ask();
  }
}
