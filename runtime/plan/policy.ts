import { idsPin, livePin } from '../machine/pins.ts';
import type { Snapshot, State } from '../machine/types.ts';
import { readLive } from './dynamic.ts';
import { isSameValue } from './same.ts';
import { areSetsSame, planEdit } from './sets.ts';
import type { Present, Step, Wanted } from './types.ts';

/** StateInterface.id of a device of which the active policy has not been told. */
export const UNTOLD = 0;

/** Slots of the program arrays. */
export const POLICY_SLOTS = 16;

/** What makes the policy that decides the one of the file: nothing, an edit in place, or another generation. `anew`: that in any case. */
export function* planPolicy(
  wanted: Wanted,
  snapshot: Snapshot,
  state: State | null,
  loaded: boolean,
  present: Present,
  anew: boolean,
): Generator<Step> {
  const ids = present.map((one) => ({ ifindex: one.live.ifindex, id: one.id }));
  const active = loaded ? snapshot.active : null;
  const told = (ifindex: number) => state?.interfaces.find((one) => one.ifindex === ifindex)?.id ?? UNTOLD;
  const untold = ids.filter(({ ifindex }) => told(ifindex) === UNTOLD);
  const same =
    !anew &&
    active?.filled === true &&
    (state?.ipv6 === true || !wanted.ipv6) &&
    state?.hashes.policy === wanted.hashes.policy &&
    state.hashes.datapath === wanted.hashes.datapath &&
    ids.every(({ ifindex, id }) => told(ifindex) === id || told(ifindex) === UNTOLD) &&
    (untold.length === 0 || snapshot.pins.includes(idsPin(active.slot))) &&
    (wanted.dynamic.length === 0 || snapshot.pins.includes(livePin(active.slot)));
  if (same && untold.length > 0) {
    const device = (ifindex: number) => present.find((one) => one.live.ifindex === ifindex)?.device ?? '';
    yield { kind: 'ids', slot: active.slot, ids: untold.map((one) => ({ ...one, device: device(one.ifindex) })) };
  }
  const live = readLive(wanted, snapshot.devices);
  const edit = same ? planEdit(wanted, snapshot, state) : null;
  if (same && (edit !== null || areSetsSame(wanted, state))) {
    if (edit !== null) yield edit;
    if (isSameValue(state.live, live)) return;
    yield { kind: 'prefixes', slot: active.slot, before: state.live, after: live, established: wanted.established };
    return;
  }
  const generation = (state?.generation ?? 0) + 1;
  const slot = active === null ? 0 : (active.slot + 1) % POLICY_SLOTS;
  const { rules, established } = wanted;
  const first = active?.filled !== true;
  yield { kind: 'policy', generation, slot, rules, first, established, table: 'same', live, ids };
}
