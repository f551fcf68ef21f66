import { comparePacked } from '../../compiler/artifact/prefixes.ts';
import { KEY_SIZE } from '../../compiler/ebpf/policy-maps.ts';
import { setPin } from '../machine/pins.ts';
import type { Snapshot, State } from '../machine/types.ts';
import type { Step, Wanted } from './types.ts';

/** More changed prefixes than these take another generation: a new table, filled before the switch. */
export const MOST_EDITS = 4096;

export function areSetsSame(wanted: Wanted, state: State): boolean {
  return (
    wanted.sets.length === state.sets.length &&
    wanted.sets.every(({ name, hash }, index) => state.sets[index]?.name === name && state.sets[index]?.hash === hash)
  );
}

/** The edit of one table that makes the machine do what the file says; null: that takes another generation. */
export function planEdit(wanted: Wanted, snapshot: Snapshot, state: State): Extract<Step, { kind: 'set' }> | null {
  const changed = wanted.sets.filter(({ hash }, index) => state.sets[index]?.hash !== hash);
  const [set] = changed;
  const slot = snapshot.active?.slot;
  if (set === undefined || changed.length > 1 || slot === undefined || wanted.sets.length !== state.sets.length)
    return null;
  const before = snapshot.sets[set.id] ?? null;
  const isThere = snapshot.pins.includes(setPin(slot, set.id)) && state.sets[set.id]?.name === set.name;
  if (!set.editable || before === null || !isThere) return null;
  const { added, removed } = comparePacked(before, set.keys);
  const counts = { added: added.length / KEY_SIZE, removed: removed.length / KEY_SIZE };
  if (counts.added + counts.removed > MOST_EDITS) return null;
  return { kind: 'set', id: set.id, name: set.name, slot, established: wanted.established, ...counts };
}
