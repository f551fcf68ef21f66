/** Sets in the kernel: the tables of a policy and the outlines of the large ones, filled before it decides, edited while it does. */
import { existsSync, rmSync } from 'node:fs';
import { compareOutlines, drawOutline } from '../../compiler/artifact/outline.ts';
import { comparePacked } from '../../compiler/artifact/prefixes.ts';
import { KEY_SIZE, mapName, outlineName } from '../../compiler/ebpf/policy-maps.ts';
import type { BpfMap, BpfObject } from '../../native/lib/libbpf.ts';
import { outlinePin, setPin } from '../machine/pins.ts';
import { recheckFlows } from './epochs.ts';
import { injectFault } from './faults.ts';
import { pinPath, type Work } from './work.ts';

/** Name in the object and pin of each map that holds a set of the file. */
export function pinsOfSets({ wanted }: Work, object: BpfObject, slot: number): (readonly [map: string, pin: string])[] {
  const there = new Set(object.maps.map(({ name }) => name));
  return wanted.sets
    .filter(({ follows }) => follows === null)
    .flatMap(({ id }) => [[mapName(id), setPin(slot, id)] as const, [outlineName(id), outlinePin(slot, id)] as const])
    .filter(([name]) => there.has(name));
}

/** Fills the tables of a policy that decides nothing yet, and pins them for later edits. */
export async function fillSets(work: Work, object: BpfObject, slot: number): Promise<void> {
  const pins = pinsOfSets(work, object, slot);
  const isThere = new Set(pins.map(([name]) => name));
  for (const { id, keys, follows } of work.wanted.sets) {
    if (follows !== null) continue;
    await setAll(object.map(mapName(id)), keys);
    if (isThere.has(outlineName(id))) await redraw(object.map(outlineName(id)), drawOutline(), drawOutline(keys));
  }
  for (const [name, pin] of pins) {
    rmSync(pinPath(work, pin), { force: true });
    object.map(name).pin(pinPath(work, pin));
  }
}

/**
 * Additions first: no address that stays is missing in between; the outline says at least what the table says. Then, with
 * `recheck`, live connections meet the table as it is now with their next packet: another epoch. (`keep` and `flush` are about
 * another policy, which this is not.)
 */
export async function editSet(
  work: Work,
  slot: number,
  id: number,
  before: Uint8Array,
  after: Uint8Array,
): Promise<void> {
  const { added, removed } = comparePacked(before, after);
  const path = pinPath(work, outlinePin(slot, id));
  using outline = existsSync(path) ? work.libbpf.BpfMap.openPinned(path) : null;
  const both = outline ? drawOutline(before, after) : null;
  if (outline && both) await redraw(outline, drawOutline(before), both);
  using map = work.libbpf.BpfMap.openPinned(pinPath(work, setPin(slot, id)));
  await setAll(map, added);
  injectFault('edit');
  const keys = Array.from({ length: removed.length / KEY_SIZE }, (_, i) => {
    return removed.subarray(i * KEY_SIZE, (i + 1) * KEY_SIZE);
  });
  await map.deleteMany(keys);
  if (outline && both) await redraw(outline, both, drawOutline(after));
  await recheckFlows(work);
}

async function setAll(map: BpfMap, keys: Uint8Array): Promise<void> {
  await map.setPacked(keys, new Uint8Array(keys.length / KEY_SIZE));
}

async function redraw(map: BpfMap, before: Uint8Array, after: Uint8Array): Promise<void> {
  const { keys, values } = compareOutlines(before, after);
  await map.setPacked(keys, values);
}
