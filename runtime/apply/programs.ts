import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { sizeTables } from '../../compiler/artifact/maps.ts';
import { comparePacked } from '../../compiler/artifact/prefixes.ts';
import { FOLLOWED, KEY_SIZE, LIVE, mapName } from '../../compiler/ebpf/tables.ts';
import type { Established } from '../../compiler/model.ts';
import type { BpfObject, BpfProgram } from '../../native/lib/libbpf.ts';
import { type Active, findWornBlock, makeActiveWord, nextEpoch, readActiveWord } from '../machine/active.ts';
import {
  ARM_PROGRAM,
  CLSACT,
  type Family,
  HOOKS,
  idsPin,
  linkPin,
  livePin,
  POLICY_ARRAYS,
  PROGRAMS,
  parseIdsPin,
  parseLinkPin,
  parseLivePin,
  parseOldMap,
  parseSetPin,
  policyArray,
  programPin,
  REQUIRED_PINS,
  RESTAMP_PROGRAM,
  requiredPins,
  setPin,
} from '../machine/pins.ts';
import { runTool } from '../machine/tool.ts';
import type { Place, Step } from '../plan/types.ts';
import { fillCharges } from './charges.ts';
import { injectFault } from './faults.ts';
import { fillLines, lineConstants, sizeLines } from './lines.ts';
import { fillLive, isFollowing } from './live.ts';
import { coarseNow, toCoarse, writeControl } from './tables.ts';
import { artifactOf, datapathOf, pinPath, pinsOf, STAYS, type Undo, type Work } from './work.ts';

/** RFC 6888 REQ-8: so long nobody else gets the port of a mapping that has ended. */
const PORT_REST_MS = 120_000;

/** Flows stay in the old table for so long after the switch, coarse units: a packet that was under way may still make one there. */
const MOVE_DELAY = 3;
/** So long a packet that has read the place of a policy may be under way to it. */
export const LAST_PACKET_MS = 100;

type PolicyStep = Extract<Step, { kind: 'policy' }>;

/** Makes and pins the maps, loads and pins the hit path's programs. What an interrupted load left is replaced. */
export async function loadDatapath(work: Work, flows: number, ipv6: boolean): Promise<void> {
  for (const name of readdirSync(pinsOf(work))) rmSync(pinPath(work, name), { recursive: true, force: true });
  work.table = { directory: '', flows, number: 0, old: null };
  using object = openDatapath(work, 4);
  await object.load();
  const seed = randomBytes(4).readUInt32LE();
  writeControl(work, { active: 0, flows, rest: toCoarse(PORT_REST_MS), seed, source_sets: sizeTables(flows).sources });
  pinPrograms(work, object, 4);
  if (ipv6) await loadDatapath6(work);
}

/** Adds IPv6: its maps and programs. No packet comes to them before `openIpv6`. */
export async function loadDatapath6(work: Work, restamps = true): Promise<void> {
  using object = openDatapath(work, 6);
  await object.load();
  pinPrograms(work, object, 6, restamps);
}

/** The attached programs hand IPv6 over from now on. */
function openIpv6(work: Work): void {
  const { BpfMap, BpfProgram } = work.libbpf;
  for (const hook of HOOKS) {
    using entry = BpfMap.openPinned(pinPath(work, POLICY_ARRAYS[hook].entry6));
    using program = BpfProgram.openPinned(pinPath(work, programPin(PROGRAMS[hook], 6)));
    entry.set(0, program);
  }
}

/** Takes IPv6 away again: packets of it are dropped, or are the gateway's own. */
export function unloadDatapath6(work: Work): void {
  for (const hook of HOOKS) {
    using entry = work.libbpf.BpfMap.openPinned(pinPath(work, POLICY_ARRAYS[hook].entry6));
    if (entry.get(0) !== null) entry.delete(0);
  }
  for (const name of requiredPins(true)) {
    if (!REQUIRED_PINS.includes(name)) rmSync(pinPath(work, name), { force: true });
  }
}

/** The families that are carried. */
function familiesOf({ state }: Work): readonly Family[] {
  return state.ipv6 ? [4, 6] : [4];
}

function openDatapath(work: Work, family: Family): BpfObject {
  const bytes = family === 4 ? datapathOf(work).datapath : datapathOf(work).datapath6;
  return openOver(work, bytes, `datapath${family}`);
}

/** An object of the datapath over the flow table of `work`, to be loaded. */
function openOver(work: Work, bytes: Uint8Array, name: string): BpfObject {
  const { libbpf, table } = work;
  const object = libbpf.BpfObject.open(bytes, { name, pinRoot: tablePath(work) });
  sizeMaps(object, table.flows);
  setConstants(object, { moving: table.old === null ? 0 : 1, table: table.number });
  for (const { name, pinPath: path } of object.maps) {
    if (path === null || !existsSync(path)) continue;
    using map = libbpf.BpfMap.openPinned(path); // has the size that it was made with
    object.setMaxEntries(name, map.maxEntries);
  }
  if (table.old === null) return object;
  for (const { name } of object.maps) {
    const old = parseOldMap(name);
    if (old === null) continue;
    using map = libbpf.BpfMap.openPinned(pinPath(work, old));
    object.setMaxEntries(name, map.maxEntries);
    object.reuseMap(name, map);
  }
  return object;
}

function tablePath(work: Work): string {
  const { directory } = work.table;
  return directory === '' ? pinsOf(work) : pinPath(work, directory);
}

/** Sizes that the loader sets (maps.h). */
function sizeMaps(object: BpfObject, flows: number): void {
  const sizes: Readonly<Record<string, number>> = sizeTables(flows);
  for (const map of object.maps) {
    const size = sizes[map.name];
    if (size !== undefined) object.setMaxEntries(map.name, size);
  }
}

function pinPrograms(work: Work, object: BpfObject, family: Family, restamps = true): void {
  const tools = restamps ? [ARM_PROGRAM, RESTAMP_PROGRAM] : [ARM_PROGRAM];
  for (const name of [...HOOKS.map((hook) => PROGRAMS[hook]), ...tools]) {
    const path = pinPath(work, programPin(name, family));
    rmSync(path, { force: true });
    object.program(name).pin(path);
  }
}

/**
 * Loads the package's datapath over the flow table of `work` and puts it in every place where the old one is.
 * @param restamps whether walks over all flows (RESTAMP_PROGRAM) are this one's from now on
 */
export async function replaceDatapath(
  work: Work,
  places: readonly Place[],
  restamps = true,
): Promise<() => Promise<void>> {
  const { BpfLink, BpfProgram } = work.libbpf;
  const olds = HOOKS.map((hook) => BpfProgram.openPinned(pinPath(work, programPin(PROGRAMS[hook]))));
  const names = [ARM_PROGRAM, RESTAMP_PROGRAM].map((name) => programPin(name));
  const names6 = [...HOOKS.map((hook) => PROGRAMS[hook]), ARM_PROGRAM, RESTAMP_PROGRAM].map((name) =>
    programPin(name, 6),
  );
  const tools = [...names, ...(work.state.ipv6 ? names6 : [])].map((name) => {
    const path = pinPath(work, name);
    return { path, old: BpfProgram.openPinned(path) };
  });
  using object = openDatapath(work, 4);
  await object.load();
  const put = async (programOf: (hook: Place['hook']) => BpfProgram) => {
    for (const place of places) {
      const program = programOf(place.hook);
      if (place.mode === 'clsact') {
        await attachFilter(work, program, place, true);
        continue;
      }
      using link = BpfLink.openPinned(pinPath(work, linkPin(place.hook, place.ifindex)));
      await link.update(program);
    }
  };
  await put((hook) => object.program(PROGRAMS[hook]));
  pinPrograms(work, object, 4, restamps);
  if (work.state.ipv6) {
    await loadDatapath6(work, restamps);
    openIpv6(work);
  }
  return async () => {
    await put((hook) => olds[HOOKS.indexOf(hook)] as (typeof olds)[number]);
    for (const [index, hook] of HOOKS.entries()) {
      const path = pinPath(work, programPin(PROGRAMS[hook]));
      rmSync(path, { force: true });
      olds[index]?.pin(path);
    }
    for (const { path, old } of tools) {
      rmSync(path, { force: true });
      old.pin(path);
    }
    if (work.state.ipv6) openIpv6(work);
    await armSweep(work);
  };
}

/** Runs `arm` once: it starts the timer, or gives a running one to the new program. */
export async function armSweep(work: Work): Promise<void> {
  for (const family of familiesOf(work)) {
    using program = work.libbpf.BpfProgram.openPinned(pinPath(work, programPin(ARM_PROGRAM, family)));
    const { retval } = await program.testRun({ data: new Uint8Array(64) });
    if (retval !== 0) throw new Error(`the expiry timer could not be started (${retval})`);
  }
}

/** Attaches our pinned program and pins the link. A link that lost its device under the same name is replaced. */
export async function attach(work: Work, place: Place): Promise<() => Promise<void>> {
  const { BpfProgram, attachXdp, attachTcx } = work.libbpf;
  using program = BpfProgram.openPinned(pinPath(work, programPin(PROGRAMS[place.hook])));
  if (place.mode === 'clsact') {
    await attachFilter(work, program, place, false);
  } else {
    const path = pinPath(work, linkPin(place.hook, place.ifindex));
    rmSync(path, { force: true });
    using link =
      place.hook === 'xdp'
        ? await attachXdp(program, place.ifindex, { mode: place.mode === 'generic' ? 'generic' : 'native' })
        : await attachTcx(program, place.ifindex, place.hook === 'tc-ingress' ? 'ingress' : 'egress');
    link.pin(path);
  }
  return () => detach(work, place);
}

async function attachFilter(work: Work, program: BpfProgram, place: Place, replace: boolean): Promise<void> {
  const direction = place.hook === 'tc-ingress' ? 'ingress' : 'egress';
  if (replace) {
    const { ClsactAttachment } = work.libbpf;
    await new ClsactAttachment({ ifindex: place.ifindex, direction, ...CLSACT }, 0, false).update(program);
  } else {
    await work.libbpf.attachClsact(program, place.ifindex, direction, CLSACT);
  }
}

/** Takes our program off; a place that is bare already is fine. */
export async function detach(work: Pick<Work, 'libbpf' | 'pins' | 'state'>, place: Place): Promise<void> {
  const { BpfLink, BpfError, detachClsact } = work.libbpf;
  if (place.mode === 'clsact') {
    const known = work.state.interfaces.find((one) => one.ifindex === place.ifindex);
    const direction = place.hook === 'tc-ingress' ? 'ingress' : 'egress';
    try {
      await detachClsact({ ifindex: place.ifindex, direction, ...CLSACT }, { removeQdisc: known?.ownsQdisc === true });
    } catch (error) {
      if (!(error instanceof BpfError) || !['ENOENT', 'ENODEV', 'EINVAL'].includes(error.code)) throw error;
    }
    return;
  }
  const path = `${work.pins}/${linkPin(place.hook, place.ifindex)}`;
  if (!existsSync(path)) return;
  using link = BpfLink.openPinned(path);
  rmSync(path, { force: true });
  try {
    await link.detach();
  } catch (error) {
    // The device went, and its link with it.
    if (!(error instanceof BpfError) || !['ENOLINK', 'ENODEV', 'ENOENT', 'EINVAL'].includes(error.code)) throw error;
  }
}

/** Whether a device has a clsact qdisc, ours or another's. */
export async function hasClsact(device: string): Promise<boolean> {
  const { ok, stdout } = await runTool('tc', ['qdisc', 'show', 'dev', device]);
  return ok && /\bclsact\b/.test(stdout);
}

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
      await fillTables(work, object, slot);
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
  const sets = work.wanted.sets.filter(({ follows }) => follows === null);
  const pins = [
    ['ids', idsPin(slot)],
    ...sets.map(({ id }) => [mapName(id), setPin(slot, id)]),
    ...(isFollowing(work.wanted) ? ([LIVE, FOLLOWED] as const).map((name) => [name, livePin(slot, name)]) : []),
  ] as const;
  for (const [name = '', pin = ''] of pins) {
    using map = BpfMap.openPinned(pinPath(work, pin));
    object.reuseMap(name, map);
  }
}

/** Fills the tables of a policy that decides nothing yet, and pins them for later edits. */
async function fillTables(work: Work, object: BpfObject, slot: number): Promise<void> {
  for (const { id, keys, follows } of work.wanted.sets) {
    if (follows !== null) continue;
    const map = object.map(mapName(id));
    await map.setPacked(keys, new Uint8Array(keys.length / KEY_SIZE));
    const path = pinPath(work, setPin(slot, id));
    rmSync(path, { force: true });
    map.pin(path);
  }
}

/**
 * Additions first: no address that stays is missing in between. Then, with `recheck`, live connections meet the table as it
 * is now with their next packet: another epoch. (`keep` and `flush` are about another policy, which this is not.)
 */
export async function editTable(work: Work, pin: string, before: Uint8Array, after: Uint8Array): Promise<void> {
  const { added, removed } = comparePacked(before, after);
  using map = work.libbpf.BpfMap.openPinned(pinPath(work, pin));
  await map.setPacked(added, new Uint8Array(added.length / KEY_SIZE));
  injectFault('edit');
  const keys = Array.from({ length: removed.length / KEY_SIZE }, (_, i) => {
    return removed.subarray(i * KEY_SIZE, (i + 1) * KEY_SIZE);
  });
  await map.deleteMany(keys);
  await recheckFlows(work);
}

/** With `recheck`, live connections meet what tables hold now with their next packet. */
export async function recheckFlows(work: Work): Promise<void> {
  const { place, epoch } = readActive(work);
  if (work.wanted.established === 'recheck' && epoch !== 0) await store(work, { place, epoch: nextEpoch(epoch) });
}

/** Sets those constants that the object has. */
function setConstants(object: BpfObject, constants: Readonly<Record<string, number>>): void {
  const names = (object.btf().variables('.rodata') ?? []).map((one) => one.name);
  const known = Object.entries(constants).filter(([name]) => names.includes(name));
  if (known.length > 0) object.setGlobal('.rodata', Object.fromEntries(known));
}

function readActive(work: Work): Active {
  using control = work.libbpf.BpfMap.openPinned(pinPath(work, 'control'));
  const value = control.get(0);
  return readActiveWord(value === null ? 0 : (control.codec().value.decode(value) as { active: number }).active);
}

/** The switch. No flow carries an old stamp of this epoch afterwards. */
async function store(work: Work, active: Active, others: Readonly<Record<string, number>> = {}): Promise<void> {
  const worn = active.epoch === readActive(work).epoch ? null : findWornBlock(active.epoch);
  if (worn !== null) await restamp(work, worn.first, worn.last);
  writeControl(work, { active: makeActiveWord(active), ...others });
}

/** Slots that one run of the program looks at (restamp.h). */
const RESTAMP_STEP = 10_000;

/** Walks over all flows: those of the epochs first..last count as long ago decided; `first` 0: all but those of `last` end. */
async function restamp(work: Work, first: number, last: number): Promise<void> {
  for (const family of familiesOf(work)) {
    using program = work.libbpf.BpfProgram.openPinned(pinPath(work, programPin(RESTAMP_PROGRAM, family)));
    for (let mark = 0, more = true; more; mark += RESTAMP_STEP) {
      const context = { mark, priority: (first << 8) | last };
      const { retval } = await program.testRun({ data: new Uint8Array(64), context });
      more = retval === 1;
    }
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

/** The pins of links in the directory, by hook and index. */
export function listLinkPins(pins: string): { hook: Place['hook']; ifindex: number }[] {
  return readdirSync(pins).flatMap((name) => parseLinkPin(name) ?? []);
}
