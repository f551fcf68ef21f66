import type { Device, Snapshot } from '../machine/types.ts';
import { type Intent, isSamePlace, planHooks } from './attach.ts';
import { describeDynamic, readLive, warnOfDynamic } from './dynamic.ts';
import { nameOf, planGuardAndHooks } from './guard.ts';
import { familyBytes, loadBytes } from './memory.ts';
import { findObstacles } from './obstacles.ts';
import { describeUnheld, findUnheld } from './outsides.ts';
import { POLICY_SLOTS, planPolicy } from './policy.ts';
import { planInterfaces } from './record.ts';
import { isSameValue } from './same.ts';
import { planTableSize } from './table-size.ts';
import type { Note, Plan, Step, Wanted } from './types.ts';
import { findWarnings } from './warnings.ts';

/**
 * What has to be done so that the machine does what the file says: an ordered list, empty when it does already. Pure.
 *
 * What meets no packet comes first (maps, programs, the verifier's judgement), so that a failure there changes nothing
 * on the wire; then the guard is armed, and only then is forwarding turned on and programs are attached. Nothing is open
 * that the guard does not hold, and taking a policy over is one store.
 */
export function makePlan(wanted: Wanted, snapshot: Snapshot): Plan {
  const found = wanted.interfaces.map((one) => ({
    ...one,
    live: snapshot.devices.find((device) => device.name === one.device) ?? null,
  }));
  const stale = isStale(snapshot);
  const state = stale ? null : snapshot.state;
  const obstacles = findObstacles(wanted, snapshot, state);
  const notes: Note[] = [...findWarnings(wanted, snapshot, state)];
  const said: Note[] = []; // of what a new policy does
  const steps: Step[] = [];
  const live = readLive(wanted, snapshot.devices);
  const common = { gateway: wanted.gateway, netns: snapshot.netns, dynamic: describeDynamic(wanted, live) };
  notes.push(...warnOfDynamic(wanted, live));
  if (obstacles.length > 0) return { ...common, steps, notes, obstacles };

  const present = found.filter((one): one is typeof one & { live: Device } => one.live !== null);
  const attachments = stale ? [] : snapshot.attachments;
  const loaded = state !== null && !stale && snapshot.active !== null;

  if (stale) steps.push({ kind: 'forget', gateway: wanted.gateway });
  if (!snapshot.bpffsMounted) steps.push({ kind: 'mount' });
  const places = attachments.map((one) => ({ ...one, device: nameOf(one, snapshot) }));
  const { before, resizes } = planTableSize(wanted, snapshot, loaded, places);
  steps.push(...before);
  if (!loaded) {
    const { flows, ipv6 } = wanted;
    steps.push({ kind: 'load', flows, ipv6, bytes: loadBytes(flows, ipv6) });
  } else if (resizes !== null) steps.push(resizes.table);
  else if (state.hashes.datapath !== wanted.hashes.datapath && before.length === 0) {
    steps.push({ kind: 'replace', attachments: places });
  }
  const load6: readonly Step[] =
    loaded && wanted.ipv6 && !state.ipv6
      ? [{ kind: 'load6', flows: wanted.flows, bytes: familyBytes(wanted.flows, 6) }]
      : [];
  if (resizes === null) steps.push(...load6); // else once the table has its size
  const armed = before.length > 0 || resizes !== null;
  const moved = snapshot.next?.switched === true;
  const told = loaded ? state : null;
  const timeouts = told?.timeouts ?? null;
  if (!isSameValue(timeouts, wanted.timeouts))
    steps.push({ kind: 'timeouts', before: timeouts, after: wanted.timeouts });
  steps.push(...planInterfaces(wanted, told, present));
  const isSwept = told !== null && (armed || told.hashes.datapath === wanted.hashes.datapath);
  if (!isSwept) steps.push({ kind: 'sweep' });
  const policies = [...planPolicy(wanted, snapshot, state, loaded, present, moved || resizes !== null)];
  if (resizes === null) {
    steps.push(
      ...policies.map((step) => (step.kind === 'policy' && moved ? { ...step, table: 'moved' as const } : step)),
    );
  } else {
    for (const step of policies) {
      if (step.kind !== 'policy') continue;
      const slot = (step.slot + 1) % POLICY_SLOTS;
      steps.push({ ...step, table: 'moving' }, resizes.move, resizes.settle, ...load6);
      steps.push({ ...step, table: 'moved', slot, first: false, established: 'keep' });
    }
  }

  if (policies.length > 0) said.push(...findUnheld(wanted, snapshot).map(describeUnheld));

  // Hooks: what should be there against what is.
  const intents: Intent[] = [];
  for (const one of present) {
    const planned = planHooks(one, snapshot, present);
    intents.push(...planned.intents);
    notes.push(...planned.notes);
  }
  const missing = intents.filter((intent) => !attachments.some((one) => isSamePlace(one, intent.place)));
  const surplus = attachments.filter((one) => !intents.some((intent) => isSamePlace(one, intent.place)));
  const hooks = [...planGuardAndHooks(wanted, snapshot, stale, present, missing, surplus)];
  // Behind the guard, before the first program: to a program without forwarding, every packet seems to be the gateway's.
  const first = hooks.findIndex((step) => step.kind === 'attach');
  const closed6 = wanted.ipv6 && snapshot.ipv6Forward === false;
  const families = [...(snapshot.ipForward ? [] : [4 as const]), ...(closed6 ? [6 as const] : [])];
  if (families.length > 0) hooks.splice(first === -1 ? hooks.length : first, 0, { kind: 'forward', families });
  steps.push(...hooks);
  for (const one of state?.interfaces ?? []) {
    if (present.some((other) => other.live.ifindex === one.ifindex)) continue;
    steps.push({ kind: 'drop-interface', ifindex: one.ifindex, seat: one.seat, device: one.device });
  }
  // How interfaces are served is said when they are attached, not at every change of a line.
  const shown = missing.length > 0 ? notes : notes.filter((one) => one.severity === 'warning');
  return { ...common, steps, notes: [...shown, ...said], obstacles };
}

/**
 * State of a namespace that is no more: inodes of network namespaces are used again, and pins outlive them. It is not
 * of this one if neither our guard nor any of our programs is here.
 */
export function isStale(snapshot: Snapshot): boolean {
  const { state, guard, attachments } = snapshot;
  if (state === null) return snapshot.pins.length > 0 && attachments.length === 0 && guard === null;
  const reached = state.interfaces.some((one) => one.hooks.length > 0);
  return reached && guard?.token !== state.token && attachments.length === 0;
}
