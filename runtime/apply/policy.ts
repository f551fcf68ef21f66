/** A policy linked to the miss programs: loaded in its place, switched to, told of devices, its slots cleared. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { FOLLOWED, LIVE } from '../../compiler/ebpf/policy-maps.ts';
import type { Established } from '../../compiler/model.ts';
import type { BpfObject } from '../../native/lib/libbpf.ts';
import { nextEpoch } from '../machine/active.ts';
import {
  HOOKS,
  idsPin,
  livePin,
  POLICY_ARRAYS,
  parseIdsPin,
  parseLivePin,
  parseSetPin,
  policyArray,
} from '../machine/pins.ts';
import type { Step } from '../plan/types.ts';
import { fillCharges } from './charges.ts';
import { LAST_PACKET_MS, readActive, restamp, store } from './epochs.ts';
import { fillLines, lineConstants, sizeLines } from './lines.ts';
import { fillLive, isFollowing } from './live.ts';
import { familiesOf, openOver, setConstants } from './open-object.ts';
import { openIpv6 } from './programs.ts';
import { fillSets, pinsOfSets } from './sets.ts';
import { coarseNow } from './tables.ts';
import { artifactOf, datapathOf, pinPath, pinsOf, STAYS, type Undo, type Work } from './work.ts';

/** Flows stay in the old table for so long after the switch, coarse units: a packet that was under way may still make one there. */
const MOVE_DELAY = 3;

type PolicyStep = Extract<Step, { kind: 'policy' }>;

/**
 * Links the policy to the miss path, loads it, gives it the numbers of the interfaces and makes it the one that
 * decides: the last store is the switch.
 */
export async function switchPolicy(
  work: Work,
  slot: number,
  generation: number,
  established: Established,
  { ids, table, live }: Pick<PolicyStep, 'ids' | 'table' | 'live'>,
): Promise<Undo> {
  const before = readActive(work);
  await loadPolicy(work, slot, generation, established, ids, live);
  const goesOn = established === 'keep' && before.epoch !== 0;
  const next = { place: slot, epoch: goesOn ? before.epoch : nextEpoch(before.epoch) };
  await store(work, next, table === 'moving' ? { flows: work.table.flows, move_after: coarseNow() + MOVE_DELAY } : {});
  if (work.state.ipv6) openIpv6(work);
  if (established === 'flush') await restamp(work, 0, readActive(work).epoch);
  // The slot before stays: a packet that has just read its number must find it. Older ones are done with.
  if (table === 'moved') await setTimeout(LAST_PACKET_MS); // and this one holds the old flow table
  clearSlots(work, (index) => index !== slot && (index !== before.place || table === 'moved'));
  if (table !== 'same') return STAYS;
  return async () => {
    // What the new policy has decided meanwhile meets the old one again.
    await store(work, { place: before.place, epoch: nextEpoch(readActive(work).epoch) });
    clearSlots(work, (index) => index === slot && slot !== before.place);
  };
}

/** Gives the policy in place `slot` the numbers of devices that it has not met. */
export function tellPolicy(
  work: Work,
  slot: number,
  ids: readonly { readonly ifindex: number; readonly id: number }[],
): Undo {
  using map = work.libbpf.BpfMap.openPinned(pinPath(work, idsPin(slot)));
  for (const { ifindex, id } of ids) map.set(ifindex, id);
  return () => {
    for (const { ifindex } of ids) forgetDevice(work, slot, ifindex);
  };
}

/** The policy in place `slot` no longer knows a device that is gone; its table would fill up with redials. */
export function forgetDevice(work: Work, slot: number, ifindex: number): void {
  const path = pinPath(work, idsPin(slot));
  if (!existsSync(path)) return;
  using map = work.libbpf.BpfMap.openPinned(path);
  if (map.get(ifindex) !== null) map.delete(ifindex);
}

/** The policy for each family, in its place; both ask the same tables. Nothing decides by it yet. */
async function loadPolicy(
  work: Work,
  slot: number,
  generation: number,
  established: Established,
  ids: PolicyStep['ids'],
  live: PolicyStep['live'],
): Promise<void> {
  const constants = { generation: generation & 0xffff, place: slot, flush: established === 'flush' ? 1 : 0 };
  const { BpfMap, linkToBytes } = work.libbpf;
  const { manifest } = artifactOf(work);
  await fillCharges(work, generation);
  for (const family of familiesOf(work)) {
    const miss = family === 4 ? datapathOf(work).miss : datapathOf(work).miss6;
    const linked = await linkToBytes([artifactOf(work).policy, miss]);
    using object = openOver(work, linked, `policy${family}_${constants.generation}`);
    sizeLines(object, manifest);
    setConstants(object, { ...constants, ...lineConstants(manifest) });
    if (family === 6) reuseTables(work, object, slot);
    await object.load();
    if (family === 4) {
      for (const { ifindex, id } of ids) object.map('ids').set(ifindex, id);
      rmSync(pinPath(work, idsPin(slot)), { force: true });
      object.map('ids').pin(pinPath(work, idsPin(slot)));
      await fillSets(work, object, slot);
      await fillLive(work, object, slot, live);
    }
    await fillLines(work, object);
    for (const hook of HOOKS) {
      using map = BpfMap.openPinned(pinPath(work, policyArray(hook, family)));
      map.set(slot, object.program(POLICY_ARRAYS[hook].miss));
    }
  }
}

/** The numbers of interfaces and the tables are those of the policy for IPv4. */
function reuseTables(work: Work, object: BpfObject, slot: number): void {
  const { BpfMap } = work.libbpf;
  const pins = [
    ['ids', idsPin(slot)],
    ...pinsOfSets(work, object, slot),
    ...(isFollowing(work.wanted) ? ([LIVE, FOLLOWED] as const).map((name) => [name, livePin(slot, name)]) : []),
  ] as const;
  for (const [name = '', pin = ''] of pins) {
    using map = BpfMap.openPinned(pinPath(work, pin));
    object.reuseMap(name, map);
  }
}

function clearSlots(work: Work, which: (slot: number) => boolean): void {
  for (const array of familiesOf(work).flatMap((family) => HOOKS.map((hook) => policyArray(hook, family)))) {
    using map = work.libbpf.BpfMap.openPinned(pinPath(work, array));
    for (let slot = 0; slot < map.maxEntries; slot += 1) {
      if (which(slot) && map.get(slot) !== null) map.delete(slot);
    }
  }
  for (const name of readdirSync(pinsOf(work))) {
    const pin = parseSetPin(name)?.slot ?? parseIdsPin(name) ?? parseLivePin(name);
    if (pin !== null && which(pin)) rmSync(pinPath(work, name), { force: true });
  }
}
