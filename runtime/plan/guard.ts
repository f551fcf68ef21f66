import type { Attachment, Snapshot } from '../machine/types.ts';
import type { Intent } from './attach.ts';
import { isSameValue } from './same.ts';
import type { Present, Step, Wanted } from './types.ts';

/** Shut what is not carried yet, attach, open. */
export function* planGuardAndHooks(
  wanted: Wanted,
  snapshot: Snapshot,
  stale: boolean,
  present: Present,
  missing: readonly Intent[],
  surplus: readonly Attachment[],
): Generator<Step> {
  const guard = stale ? null : snapshot.guard;
  const devices = wanted.interfaces.map((one) => one.device).sort();
  const indexes = present.map((one) => one.live.ifindex).sort((a, b) => a - b);
  // TC sees every packet: a device is shut by the guard only while that is missing.
  const bare = missing.filter((intent) => intent.place.hook !== 'xdp');
  const carried = indexes.filter((index) => !bare.some((intent) => intent.place.ifindex === index));
  const armed = guard ?? { devices: [], indexes: [] };
  const isNew = guard === null || (snapshot.state !== null && guard.token !== snapshot.state.token);
  // Shut what is not carried yet, attach, open. A device that leaves the file stays held until its programs are gone.
  const arm = [...new Set([...devices, ...(surplus.length > 0 ? armed.devices : [])])].sort();
  if (isNew || bare.length > 0) {
    if (isNew || !isSameValue([armed.devices, armed.indexes], [arm, carried])) {
      yield { kind: 'guard', devices: arm, indexes: carried, first: isNew };
    }
  }
  for (const one of surplus) {
    const why = explainSurplus(one, present);
    yield { kind: 'detach', place: { ...one, device: nameOf(one, snapshot) }, gone: false, why };
  }
  for (const one of stale ? [] : snapshot.dead) {
    yield { kind: 'detach', place: { ...one, device: nameOf(one, snapshot) }, gone: true, why: 'the device is gone' };
  }
  for (const { place, why } of missing) yield { kind: 'attach', place, why };
  const last = isNew || bare.length > 0 ? { devices: arm, indexes: carried } : armed;
  if (!isSameValue([last.devices, last.indexes], [devices, indexes])) {
    yield { kind: 'guard', devices, indexes, first: false };
  }
}

/** Of a device that stays in the file, only XDP can be too much. */
function explainSurplus({ ifindex }: Attachment, present: Present): string {
  const one = present.find(({ live }) => live.ifindex === ifindex);
  if (one === undefined) return 'no longer in the file';
  return one.xdp ? 'nothing is left for it to do: TC translates' : '`xdp off` in the file: TC translates';
}

/** As it is called now, or was when it was attached to. */
export function nameOf(one: Attachment, snapshot: Snapshot): string {
  const live = snapshot.devices.find((device) => device.ifindex === one.ifindex);
  const known = snapshot.state?.interfaces.find((other) => other.ifindex === one.ifindex);
  return live?.name ?? known?.device ?? `device ${one.ifindex}`;
}
