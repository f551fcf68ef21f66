/** The programs on the hooks, for flows that are known: loaded, pinned, replaced by those of another version. */
import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { sizeTables } from '../../compiler/artifact/maps.ts';
import { PORT_REST_MS } from '../../compiler/model.ts';
import type { BpfObject, BpfProgram } from '../../native/lib/libbpf.ts';
import {
  ARM_PROGRAM,
  type Family,
  HOOKS,
  linkPin,
  POLICY_ARRAYS,
  PROGRAMS,
  programPin,
  REQUIRED_PINS,
  RESTAMP_PROGRAM,
  requiredPins,
} from '../machine/pins.ts';
import type { Place } from '../plan/types.ts';
import { attachFilter } from './hooks.ts';
import { familiesOf, openOver } from './open-object.ts';
import { toCoarse, writeControl } from './tables.ts';
import { datapathOf, pinPath, pinsOf, type Work } from './work.ts';

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
export function openIpv6(work: Work): void {
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

function openDatapath(work: Work, family: Family): BpfObject {
  const bytes = family === 4 ? datapathOf(work).datapath : datapathOf(work).datapath6;
  return openOver(work, bytes, `datapath${family}`);
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

const ARM_TRIES = 10;

/** Runs `arm` once: it starts the timer, or gives a running one to the new program. */
export async function armSweep(work: Work): Promise<void> {
  for (const family of familiesOf(work)) {
    using program = work.libbpf.BpfProgram.openPinned(pinPath(work, programPin(ARM_PROGRAM, family)));
    for (let tries = 1; ; tries++) {
      const { retval } = await program.testRun({ data: new Uint8Array(64) });
      if (retval === 0) break;
      // The kernel takes memory for a timer only where it need not wait for it: the next moment it may have some.
      if (tries === ARM_TRIES) throw new Error(`the expiry timer could not be started (${retval})`);
      await setTimeout(20);
    }
  }
}
