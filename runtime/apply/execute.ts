import { rmSync } from 'node:fs';
import { findPins, preparePins, releaseBpffs } from '../machine/bpffs.ts';
import { removeGuard, writeGuard } from '../machine/guard.ts';
import { forgetSets, keepSet, readKeptSet } from '../machine/sets.ts';
import { keepManifest, readState, removeState, writeState } from '../machine/state.ts';
import { readIpForward, readIpv6Forward, writeIpForward, writeIpv6Forward } from '../machine/sysctl.ts';
import type { Guard, State, StateInterface } from '../machine/types.ts';
import { UNTOLD } from '../plan/policy.ts';
import type { Place, Step } from '../plan/types.ts';
import { attach, detach, hasClsact } from './hooks.ts';
import { changeView } from './live.ts';
import { forgetDevice, switchPolicy, tellPolicy } from './policy.ts';
import { armSweep, loadDatapath, loadDatapath6, replaceDatapath, unloadDatapath6 } from './programs.ts';
import { makeTable, settleTable, waitForMove, withdrawTable } from './resize.ts';
import { editSet } from './sets.ts';
import { clearInterface, writeInterface, writeTimeouts } from './tables.ts';
import { artifactOf, STAYS, type Undo, type Work } from './work.ts';

const NOTHING: Undo = () => undefined;

/**
 * Does one step, whole or not at all, and notes it in the state. What must be undone after a crash is noted before it
 * is done, the rest after.
 * @returns how to take it back
 */
export async function executeStep(work: Work, step: Step, now: () => Date): Promise<Undo> {
  switch (step.kind) {
    case 'forget':
      removeState(step.gateway, work.netns);
      return await forgetPins(work, step.gateway);
    case 'mount':
      work.pins = await preparePins(work.wanted.gateway, work.netns);
      return async () => {
        removePins(work);
        await releaseBpffs();
      };
    case 'load':
      return await executeLoad(work, step.flows, step.ipv6);
    case 'load6':
      return await executeLoad6(work);
    case 'replace': {
      const undo = await replaceDatapath(work, step.attachments);
      return after(work, { hashes: { ...work.state.hashes, datapath: work.wanted.hashes.datapath } }, undo);
    }
    case 'table':
      return await makeTable(work, step);
    case 'move':
      return await waitForMove(work);
    case 'settle': {
      await settleTable(work, step.attachments);
      const hashes = { ...work.state.hashes, datapath: work.wanted.hashes.datapath };
      save(work, { flows: work.table.flows, hashes });
      return STAYS;
    }
    case 'withdraw': {
      await withdrawTable(work, step.attachments);
      save(work, { hashes: { ...work.state.hashes, datapath: work.wanted.hashes.datapath } });
      return NOTHING;
    }
    case 'timeouts':
      return after(work, { timeouts: step.after }, writeTimeouts(work, step.after));
    case 'sweep':
      await armSweep(work);
      return NOTHING;
    case 'interface': {
      const { seat, name, device, ifindex, after: record } = step;
      const known = work.state.interfaces.find((one) => one.ifindex === ifindex);
      const entry: StateInterface = {
        ...(known ?? { id: UNTOLD, hooks: [], ownsQdisc: false }),
        seat,
        name,
        device,
        ifindex,
        record,
      };
      const interfaces = [...work.state.interfaces.filter((one) => one.ifindex !== ifindex), entry];
      return after(work, { interfaces }, writeInterface(work, seat, ifindex, record));
    }
    case 'policy':
      return await executePolicy(work, step, now);
    case 'ids': {
      const undo = tellPolicy(work, step.slot, step.ids);
      const idOf = new Map(step.ids.map(({ ifindex, id }) => [ifindex, id]));
      const interfaces = work.state.interfaces.map((one) => ({ ...one, id: idOf.get(one.ifindex) ?? one.id }));
      return after(work, { interfaces }, undo);
    }
    case 'set':
      return await executeEdit(work, step);
    case 'prefixes':
      return after(work, { live: step.after }, await changeView(work, step.slot, step.before, step.after));
    case 'guard':
      return await executeGuard(work, step);
    case 'attach':
      return await executeAttach(work, step.place);
    case 'detach':
      await detach(work, step.place);
      noteHook(work, step.place, false);
      return step.gone ? NOTHING : () => attach(work, step.place).then(() => noteHook(work, step.place, true));
    case 'drop-interface': {
      const gone = work.state.interfaces.find((one) => one.ifindex === step.ifindex);
      clearInterface(work, step.seat, step.ifindex);
      forgetDevice(work, work.state.active, step.ifindex);
      const interfaces = work.state.interfaces.filter((one) => one.ifindex !== step.ifindex);
      return after(work, { interfaces }, () => {
        if (gone === undefined) return;
        writeInterface(work, step.seat, step.ifindex, gone.record);
        tellPolicy(work, work.state.active, [gone]);
      });
    }
    case 'forward': {
      const [before, before6] = [readIpForward(), readIpv6Forward() ?? '0'];
      const undos: (() => void)[] = [];
      // Noted first, and the oldest value stays: it is what `down` puts back.
      if (step.families.includes(4)) {
        if (work.state.ipForward === null) save(work, { ipForward: before });
        writeIpForward('1');
        undos.push(() => writeIpForward(before));
      }
      if (step.families.includes(6)) {
        if (work.state.ipv6Forward === null) save(work, { ipv6Forward: before6 });
        writeIpv6Forward('1');
        undos.push(() => writeIpv6Forward(before6));
      }
      return async () => {
        for (const undo of undos) undo();
      };
    }
    default:
      return step satisfies never;
  }
}

/** The state is written first: what a crash leaves of the pins is replaced by the next apply. */
async function executeLoad(work: Work, flows: number, ipv6: boolean): Promise<Undo> {
  const { gateway } = work.wanted;
  const before = readState(gateway, work.netns);
  work.pins = await preparePins(gateway, work.netns);
  const undo = () => {
    removePins(work);
    if (before === null) removeState(gateway, work.netns);
    else save(work, before);
  };
  save(work, { flows, ipv6, hashes: { ...work.wanted.hashes, policy: '' } });
  try {
    await loadDatapath(work, flows, ipv6);
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

/** The policy that follows opens it. Interfaces are written again, for what the tables of IPv6 hold of them. */
async function executeLoad6(work: Work): Promise<Undo> {
  const undo = () => unloadDatapath6(work);
  try {
    await loadDatapath6(work);
  } catch (error) {
    undo();
    throw error;
  }
  save(work, { ipv6: true });
  await armSweep(work);
  for (const { seat, ifindex, record } of work.state.interfaces) writeInterface(work, seat, ifindex, record);
  return () => {
    save(work, { ipv6: false });
    undo();
  };
}

function removePins(work: Work): void {
  if (work.pins !== null) rmSync(work.pins, { recursive: true, force: true });
  work.pins = null;
}

async function executePolicy(work: Work, step: Extract<Step, { kind: 'policy' }>, now: () => Date): Promise<Undo> {
  keepManifest(work.wanted.gateway, work.netns, step.generation, artifactOf(work).manifestText);
  keepSets(work);
  const undo = await switchPolicy(work, step.slot, step.generation, step.established, step);
  const interfaces = work.state.interfaces.map((one) => {
    const id = step.ids.find((other) => other.ifindex === one.ifindex)?.id;
    const name = work.wanted.interfaces.find((other) => other.device === one.device)?.name;
    return { ...one, id: id ?? one.id, name: name ?? one.name };
  });
  const { generation, slot: active } = step;
  // One that knows both tables is not the last word: a crash must not leave it for it.
  const hashes = { ...work.state.hashes, policy: step.table === 'moving' ? '' : work.wanted.hashes.policy };
  const sets = work.wanted.sets.map(({ name, hash }) => ({ name, hash }));
  const { live } = step;
  return after(work, { generation, active, since: now().toISOString(), hashes, interfaces, sets, live }, undo);
}

/** The state says that the table is in between while it is. */
async function executeEdit(work: Work, { id, slot }: Extract<Step, { kind: 'set' }>): Promise<Undo> {
  const { gateway } = work.wanted;
  const before = work.state.sets;
  const known = readKeptSet(gateway, work.netns, before[id]?.hash ?? '');
  const wanted = work.wanted.sets[id];
  if (known === null || wanted === undefined) throw new Error(`what set ${id} holds is not known`);
  keepSets(work);
  const put = (hash: string) => save(work, { sets: before.map((one, i) => (i === id ? { ...one, hash } : one)) });
  put('');
  await editSet(work, slot, id, known, wanted.keys);
  keepManifest(gateway, work.netns, work.state.generation, artifactOf(work).manifestText);
  put(wanted.hash);
  return async () => {
    put('');
    await editSet(work, slot, id, wanted.keys, known);
    save(work, { sets: before });
  };
}

/** The sets to be, beside those that are. */
function keepSets({ wanted, netns, state }: Work): void {
  for (const { hash, keys } of wanted.sets) keepSet(wanted.gateway, netns, hash, keys);
  forgetSets(
    wanted.gateway,
    netns,
    [...wanted.sets, ...state.sets].map(({ hash }) => hash),
  );
}

async function executeGuard(work: Work, step: Extract<Step, { kind: 'guard' }>): Promise<Undo> {
  const { gateway, token } = work.state;
  const before = work.guard;
  const guard: Guard = { token, devices: step.devices, indexes: step.indexes };
  await writeGuard(gateway, guard);
  work.guard = guard;
  return async () => {
    if (before === null) await removeGuard();
    else await writeGuard(gateway, before);
    work.guard = before;
  };
}

async function executeAttach(work: Work, place: Place): Promise<Undo> {
  if (place.mode === 'clsact' && !(await hasClsact(place.device))) {
    const interfaces = work.state.interfaces.map((one) =>
      one.ifindex === place.ifindex ? { ...one, ownsQdisc: true } : one,
    );
    save(work, { interfaces });
  }
  const undo = await attach(work, place);
  noteHook(work, place, true);
  return async () => {
    await undo();
    noteHook(work, place, false);
  };
}

function noteHook(work: Work, { hook, mode, ifindex }: Place, on: boolean): void {
  const interfaces = work.state.interfaces.map((one) => {
    if (one.ifindex !== ifindex) return one;
    const others = one.hooks.filter((other) => other.hook !== hook);
    return { ...one, hooks: on ? [...others, { hook, mode }] : others };
  });
  save(work, { interfaces });
}

async function forgetPins(work: Work, gateway: string): Promise<Undo> {
  const pins = findPins(gateway, work.netns);
  if (pins !== null) rmSync(pins, { recursive: true, force: true });
  work.pins = await preparePins(gateway, work.netns).catch(() => null);
  return NOTHING;
}

function save(work: Work, change: Partial<State>): void {
  work.state = { ...work.state, ...change };
  writeState(work.state);
}

/** Saves a change; the undo puts what it changed back too. */
function after(work: Work, change: Partial<State>, undo: Undo): Undo {
  if (undo === STAYS) {
    save(work, change);
    return STAYS;
  }
  const keys = Object.keys(change) as (keyof State)[];
  const before = Object.fromEntries(keys.map((key) => [key, work.state[key]]));
  save(work, change);
  return async () => {
    await undo();
    save(work, before);
  };
}
