/**
 * The tables and values of a policy that follow the machine's prefixes (compiler/dynamic.ts). They hold several views:
 * another one is written beside the one that decides, and one store brings it in, so that no packet meets half of each.
 */
import { setTimeout } from 'node:timers/promises';
import { packTable } from '../../compiler/artifact/prefixes.ts';
import { fillTable, fillValue } from '../../compiler/dynamic.ts';
import { KEY_SIZE, LIVE, LIVE_OFFSETS, LIVE_VALUE_SIZE, mapName, VIEW_SHIFT } from '../../compiler/ebpf/tables.ts';
import type { BpfMap, BpfObject } from '../../native/lib/libbpf.ts';
import { livePin, setPin } from '../machine/pins.ts';
import type { LivePrefixes } from '../machine/types.ts';
import { nowOf } from '../plan/dynamic.ts';
import type { Wanted } from '../plan/types.ts';
import { readWord, word } from './bytes.ts';
import { injectFault } from './faults.ts';
import { LAST_PACKET_MS, recheckFlows } from './programs.ts';
import { pinPath, type Undo, type Work } from './work.ts';

const FIRST_VIEW = 1;
const LAST_VIEW = 0xffff;
/** At this key stands the view that counts. */
const CHOSEN = 0;

export function isFollowing({ sets }: Wanted): boolean {
  return sets.some(({ follows }) => follows !== null);
}

/** Of a policy that decides nothing yet. */
export async function fillLive(
  work: Work,
  object: BpfObject,
  slot: number,
  live: readonly LivePrefixes[],
): Promise<void> {
  if (!isFollowing(work.wanted)) return;
  const values = object.map(LIVE);
  await writeView(work, (id) => object.map(mapName(id)), values, FIRST_VIEW, live);
  values.set(CHOSEN, packValue([FIRST_VIEW], 0, 0));
  const { rmSync } = await import('node:fs');
  const path = pinPath(work, livePin(slot));
  rmSync(path, { force: true });
  values.pin(path);
}

/** The policy in place `slot` goes by these prefixes; live connections meet them with their next packet. */
export async function changeView(
  work: Work,
  slot: number,
  before: readonly LivePrefixes[],
  after: readonly LivePrefixes[],
): Promise<Undo> {
  const { BpfMap } = work.libbpf;
  using values = BpfMap.openPinned(pinPath(work, livePin(slot)));
  const tables = new Map(
    followers(work).map(({ id }) => [id, BpfMap.openPinned(pinPath(work, setPin(slot, id)))] as const),
  );
  try {
    const view = readView(values);
    const next = view >= LAST_VIEW ? FIRST_VIEW : view + 1;
    forgetOthers(tables, values, view); // what an interrupted change left
    await writeView(work, (id) => tables.get(id) as BpfMap, values, next, after);
    injectFault('view');
    values.set(CHOSEN, packValue([next], 0, 0));
    await recheckFlows(work);
    await setTimeout(LAST_PACKET_MS);
    forgetOthers(tables, values, next);
  } finally {
    for (const table of tables.values()) table[Symbol.dispose]();
  }
  return async () => void (await changeView(work, slot, after, before));
}

const followers = (work: Work) => work.wanted.sets.filter(({ follows }) => follows !== null);

async function writeView(
  work: Work,
  tableOf: (id: number) => BpfMap,
  values: BpfMap,
  view: number,
  live: readonly LivePrefixes[],
): Promise<void> {
  const now = nowOf(live);
  for (const { id, follows } of followers(work)) {
    if (follows === null) continue;
    const keys = packTable(fillTable(follows, now), view);
    await tableOf(id).setPacked(keys, new Uint8Array(keys.length / KEY_SIZE));
  }
  for (const [index, value] of work.wanted.values.entries()) {
    const filled = fillValue(value, now);
    if (filled !== null) values.set(liveKey(view, index + 1), packValue(filled.words, filled.out, filled.in));
  }
}

const liveKey = (view: number, id: number): number => view * 2 ** VIEW_SHIFT + id;

function readView(values: BpfMap): number {
  const chosen = values.get(CHOSEN);
  return chosen === null ? 0 : readWord(chosen);
}

/** Entries of other views than this one go. */
function forgetOthers(tables: ReadonlyMap<number, BpfMap>, values: BpfMap, view: number): void {
  for (const [map, at] of [...[...tables.values()].map((one) => [one, 4] as const), [values, 0] as const]) {
    const stale: Uint8Array[] = [];
    for (let key = map.nextKey(null); key !== null; key = map.nextKey(key)) {
      const marked = new DataView(key.buffer, key.byteOffset).getUint32(at, true);
      if (marked >>> VIEW_SHIFT !== view && (map !== values || marked !== CHOSEN)) stale.push(key);
    }
    for (const key of stale) map.delete(key);
  }
}

function packValue(words: readonly number[], out: number, back: number): Uint8Array {
  const bytes = new Uint8Array(LIVE_VALUE_SIZE);
  for (const [index, one] of words.entries()) bytes.set(word(one), LIVE_OFFSETS.words + 4 * index);
  bytes.set(word(out), LIVE_OFFSETS.out);
  bytes.set(word(back), LIVE_OFFSETS.in);
  return bytes;
}
