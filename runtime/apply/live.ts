/**
 * The tables and values of a policy that follow the machine's prefixes (compiler/dynamic.ts). They hold several views:
 * another one is written beside the one that decides, and one store brings it in, so that no packet meets half of each.
 */
import { rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { packTable } from '../../compiler/artifact/prefixes.ts';
import { fillTable, fillValue } from '../../compiler/dynamic.ts';
import {
  FOLLOWED,
  KEY_SIZE,
  LAST_VIEW,
  LIVE,
  LIVE_OFFSETS,
  LIVE_VALUE_SIZE,
  TABLE_SHIFT,
  VIEW_SHIFT,
} from '../../compiler/ebpf/policy-maps.ts';
import type { BpfMap, BpfObject } from '../../native/lib/libbpf.ts';
import { livePin } from '../machine/pins.ts';
import type { LivePrefixes } from '../machine/types.ts';
import { nowOf } from '../plan/dynamic.ts';
import type { Wanted } from '../plan/types.ts';
import { readWord, word } from './bytes.ts';
import { LAST_PACKET_MS, recheckFlows } from './epochs.ts';
import { injectFault } from './faults.ts';
import { pinPath, type Undo, type Work } from './work.ts';

const FIRST_VIEW = 1;
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
  const [tables, values] = [object.map(FOLLOWED), object.map(LIVE)];
  await writeView(work, tables, values, FIRST_VIEW, live);
  values.set(CHOSEN, packValue([FIRST_VIEW], 0, 0));
  for (const [name, map] of [
    [FOLLOWED, tables],
    [LIVE, values],
  ] as const) {
    const path = pinPath(work, livePin(slot, name));
    rmSync(path, { force: true });
    map.pin(path);
  }
}

/** The policy in place `slot` goes by these prefixes; live connections meet them with their next packet. */
export async function changeView(
  work: Work,
  slot: number,
  before: readonly LivePrefixes[],
  after: readonly LivePrefixes[],
): Promise<Undo> {
  const { BpfMap } = work.libbpf;
  using tables = BpfMap.openPinned(pinPath(work, livePin(slot, FOLLOWED)));
  using values = BpfMap.openPinned(pinPath(work, livePin(slot, LIVE)));
  const view = readView(values);
  const next = view >= LAST_VIEW ? FIRST_VIEW : view + 1;
  forgetOthers(tables, values, view); // what an interrupted change left
  await writeView(work, tables, values, next, after);
  injectFault('view');
  values.set(CHOSEN, packValue([next], 0, 0));
  await recheckFlows(work);
  await setTimeout(LAST_PACKET_MS);
  forgetOthers(tables, values, next);
  return async () => void (await changeView(work, slot, after, before));
}

async function writeView(
  work: Work,
  tables: BpfMap,
  values: BpfMap,
  view: number,
  live: readonly LivePrefixes[],
): Promise<void> {
  const now = nowOf(live);
  for (const { id, follows } of work.wanted.sets) {
    if (follows === null) continue;
    const keys = packTable(fillTable(follows, now), (id << TABLE_SHIFT) | (view << VIEW_SHIFT));
    await tables.setPacked(keys, new Uint8Array(keys.length / KEY_SIZE));
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
function forgetOthers(tables: BpfMap, values: BpfMap, view: number): void {
  const sweep = (map: BpfMap, at: number): void => {
    const stale: Uint8Array[] = [];
    for (let key = map.nextKey(null); key !== null; key = map.nextKey(key)) {
      const mark = new DataView(key.buffer, key.byteOffset).getUint32(at, true);
      if (((mark >>> VIEW_SHIFT) & LAST_VIEW) !== view && (map === tables || mark !== CHOSEN)) stale.push(key);
    }
    for (const key of stale) map.delete(key);
  };
  sweep(tables, 4);
  sweep(values, 0);
}

function packValue(words: readonly number[], out: number, back: number): Uint8Array {
  const bytes = new Uint8Array(LIVE_VALUE_SIZE);
  for (const [index, one] of words.entries()) bytes.set(word(one), LIVE_OFFSETS.words + 4 * index);
  bytes.set(word(out), LIVE_OFFSETS.out);
  bytes.set(word(back), LIVE_OFFSETS.in);
  return bytes;
}
