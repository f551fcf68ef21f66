/** The word that says which policy decides, and what flows with older stamps meet. */
import { type Active, findWornBlock, makeActiveWord, nextEpoch, readActiveWord } from '../machine/active.ts';
import { programPin, RESTAMP_PROGRAM } from '../machine/pins.ts';
import { familiesOf } from './open-object.ts';
import { writeControl } from './tables.ts';
import { pinPath, type Work } from './work.ts';

/** So long a packet that has read the place of a policy may be under way to it. */
export const LAST_PACKET_MS = 100;

export function readActive(work: Work): Active {
  using control = work.libbpf.BpfMap.openPinned(pinPath(work, 'control'));
  const value = control.get(0);
  return readActiveWord(value === null ? 0 : (control.codec().value.decode(value) as { active: number }).active);
}

/** The switch. No flow carries an old stamp of this epoch afterwards. */
export async function store(work: Work, active: Active, others: Readonly<Record<string, number>> = {}): Promise<void> {
  const worn = active.epoch === readActive(work).epoch ? null : findWornBlock(active.epoch);
  if (worn !== null) await restamp(work, worn.first, worn.last);
  writeControl(work, { active: makeActiveWord(active), ...others });
}

/** Slots that one run of the program looks at (restamp.h). */
const RESTAMP_STEP = 10_000;

/** Walks over all flows: those of the epochs first..last count as long ago decided; `first` 0: all but those of `last` end. */
export async function restamp(work: Work, first: number, last: number): Promise<void> {
  for (const family of familiesOf(work)) {
    using program = work.libbpf.BpfProgram.openPinned(pinPath(work, programPin(RESTAMP_PROGRAM, family)));
    for (let mark = 0, more = true; more; mark += RESTAMP_STEP) {
      const context = { mark, priority: (first << 8) | last };
      const { retval } = await program.testRun({ data: new Uint8Array(64), context });
      more = retval === 1;
    }
  }
}

/** With `recheck`, live connections meet what tables hold now with their next packet. */
export async function recheckFlows(work: Work): Promise<void> {
  const { place, epoch } = readActive(work);
  if (work.wanted.established === 'recheck' && epoch !== 0) await store(work, { place, epoch: nextEpoch(epoch) });
}
