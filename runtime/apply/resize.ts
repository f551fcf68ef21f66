import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Refusal } from '../cli/refusal.ts';
import { isTableMap, NEXT } from '../machine/pins.ts';
import { counted } from '../plan/render.ts';
import type { Place, Step } from '../plan/types.ts';
import { injectFault } from './faults.ts';
import { armSweep, replaceDatapath } from './programs.ts';
import { writeControl } from './tables.ts';
import { pinPath, pinsOf, STAYS, type Undo, type Work } from './work.ts';

/** How long flows may take to move beside what the number of slots takes, ms. */
const PATIENCE = 30_000;
const SLOTS_A_SECOND = 50_000;
const POLL = 50;

/**
 * Makes a flow table of another size beside the one there is, and puts programs on every hook that look in both. All flows
 * are in the old one, and new ones are made there, until the policy is switched to a program that makes them in the new one.
 */
export async function makeTable(work: Work, step: Extract<Step, { kind: 'table' }>): Promise<Undo> {
  const before = work.table;
  removeNext(work);
  mkdirSync(pinPath(work, NEXT), { mode: 0o700 });
  const { BpfMap } = work.libbpf;
  for (const name of readdirSync(pinsOf(work))) {
    if (isTableMap(name) || name === NEXT || /^(prog|link|set)_/.test(name)) continue;
    using map = BpfMap.openPinned(pinPath(work, name));
    map.pin(pinPath(work, `${NEXT}/${name}`));
  }
  injectFault('next');
  work.table = { directory: NEXT, flows: step.after.flows, number: before.number ^ 1, old: before.flows };
  let undo: (() => Promise<void>) | null = null;
  const takeBack = async () => {
    work.table = before;
    await undo?.();
    removeNext(work);
  };
  try {
    undo = await replaceDatapath(work, step.attachments, false);
    numberTables(work);
    injectFault('arm');
    await armSweep(work);
  } catch (error) {
    await takeBack();
    throw error;
  }
  return takeBack;
}

/** Names of the new table's maps that say how far its timer is: one a family. */
function listProgress(work: Work): string[] {
  return readdirSync(pinPath(work, NEXT)).filter((name) => name.startsWith('progress'));
}

/** Writes its number into the new table. */
function numberTables(work: Work): void {
  for (const name of listProgress(work)) {
    using progress = work.libbpf.BpfMap.openPinned(pinPath(work, `${NEXT}/${name}`));
    const value = progress.get(0);
    if (value === null) throw new Error(`${name} is empty`);
    progress.codec().value.encodeInto(value, { table: work.table.number });
    progress.set(0, value);
  }
}

/** Waits until the kernel has moved every flow to the new table. */
export async function waitForMove(work: Work): Promise<Undo> {
  const { BpfMap } = work.libbpf;
  const names = listProgress(work); // none: it had ended, and the names were being changed
  using slots = BpfMap.openPinned(pinPath(work, 'slots4'));
  const end = performance.now() + PATIENCE + (slots.maxEntries / SLOTS_A_SECOND) * 1000;
  for (;;) {
    const left = names.map((name) => {
      using progress = BpfMap.openPinned(pinPath(work, `${NEXT}/${name}`));
      const record = progress.codec().value.decode(progress.get(0) ?? new Uint8Array()) as Record<string, number>;
      return (record.move_done ?? 0) > 0 ? 0 : Math.max(1, record.move_left ?? 0);
    });
    const sum = left.reduce((all, one) => all + one, 0);
    if (sum === 0) return STAYS;
    if (performance.now() > end) {
      throw new Refusal(
        `${counted(sum, 'connection')} find no room in the new flow table yet.`,
        'They go on in the old one, and come over when others end; apply again later, or with more `flows`.',
      );
    }
    await setTimeout(POLL);
  }
}

/**
 * The old table is empty: programs that know the new one alone take every hook, its maps get the usual names, and those of the
 * old one are gone when the last program that knows it is. What was done of this already is done again.
 */
export async function settleTable(work: Work, places: readonly Place[]): Promise<void> {
  const next = pinPath(work, NEXT);
  const complete = readdirSync(next).includes('slots4') && readdirSync(next).includes('progress4');
  if (complete) {
    const table = readNumber(work, `${NEXT}/`);
    work.table = { directory: NEXT, ...table, old: null };
    await replaceDatapath(work, places);
    await armSweep(work);
    injectFault('adopt');
  }
  for (const name of readdirSync(next).sort(byTurn)) {
    renameSync(`${next}/${name}`, pinPath(work, name));
    injectFault(`adopt-${name}`);
  }
  writeControl(work, { move_after: 0 });
  rmdirSync(next);
  work.table = { directory: '', ...readNumber(work, ''), old: null };
}

/** By slots4 a table is known to be complete: it goes first. */
function byTurn(a: string, b: string): number {
  const turn = (name: string) => (name === 'slots4' ? 0 : 1);
  return turn(a) - turn(b) || (a < b ? -1 : 1);
}

function readNumber(work: Work, prefix: string): { flows: number; number: number } {
  using slots = work.libbpf.BpfMap.openPinned(pinPath(work, `${prefix}slots4`));
  using progress = work.libbpf.BpfMap.openPinned(pinPath(work, `${prefix}progress4`));
  const record = progress.codec().value.decode(progress.get(0) ?? new Uint8Array()) as { table: number };
  return { flows: slots.maxEntries, number: record.table };
}

/** Nothing is in the new table yet: programs that know the old one alone take every hook again. */
export async function withdrawTable(work: Work, places: readonly Place[]): Promise<void> {
  await replaceDatapath(work, places);
  await armSweep(work);
  removeNext(work);
}

function removeNext(work: Work): void {
  rmSync(pinPath(work, NEXT), { recursive: true, force: true });
}
