import { idsPin, livePin } from '../machine/pins.ts';
import type { Attachment, Device, InterfaceRecord, Snapshot, State } from '../machine/types.ts';
import { canTransmit, type Intent, isSamePlace, planHooks } from './attach.ts';
import { describeDynamic, readLive, warnOfDynamic } from './dynamic.ts';
import { familyBytes, flowTableBytes, loadBytes } from './memory.ts';
import { findObstacles } from './obstacles.ts';
import { describeUnheld, findUnheld } from './outsides.ts';
import { areSetsSame, planEdit } from './sets.ts';
import type { Note, Place, Plan, Step, Wanted, WantedInterface } from './types.ts';
import { findWarnings } from './warnings.ts';

/** StateInterface.id of a device of which the active policy has not been told. */
export const UNTOLD = 0;

/** Slots of the program arrays. */
export const POLICY_SLOTS = 16;

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
  steps.push(...planTables(wanted, state, loaded, armed, present));
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
  const told = [...(missing.length > 0 ? notes : notes.filter((one) => one.severity === 'warning')), ...said];
  return { ...common, steps, notes: told, obstacles };
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

/** What the datapath is told of a device. */
export function makeRecord(
  device: Device,
  { hides, hides6, mss, xdp }: Pick<WantedInterface, 'hides' | 'hides6' | 'mss' | 'xdp'>,
  pool: string | null = null,
): InterfaceRecord {
  return {
    mac: device.mac,
    mtu: device.mtu,
    transmit: canTransmit(device, xdp),
    hides,
    hides6,
    mss,
    pool,
    addresses: device.addresses,
    addresses6: device.addresses6,
    probe: device.probe,
    probe6: device.probe6,
  };
}

/** The span of the outside ports that all masquerades of an interface give out. */
function findPool({ pools }: Wanted, name: string): string | null {
  const own = pools.filter((pool) => pool.interfaces.includes(name));
  if (own.length === 0) return null;
  return `${Math.min(...own.map(({ first }) => first))}-${Math.max(...own.map(({ last }) => last))}`;
}

/**
 * What a table of another size takes. `before`: what an apply that did not end has begun, taken back or brought to its end.
 * `resizes`: the steps around the switch of the policy; null: the table has the size that the file asks for.
 */
function planTableSize(
  wanted: Wanted,
  snapshot: Snapshot,
  loaded: boolean,
  attachments: readonly Place[],
): {
  readonly before: readonly Step[];
  readonly resizes: { readonly table: Step; readonly move: Step; readonly settle: Step } | null;
} {
  const { table, next } = snapshot;
  const bytesOf = (size: number) =>
    flowTableBytes(size, 4) + (snapshot.state?.ipv6 === true ? flowTableBytes(size, 6) : 0);
  if (!loaded || table === null) return { before: [], resizes: null };
  const before: Step[] = [];
  let flows = table.flows;
  if (next?.switched === true) {
    before.push({ kind: 'move', used: table.used });
    before.push({ kind: 'settle', flows: next.flows, bytes: bytesOf(table.flows), attachments });
    flows = next.flows === 0 ? flows : next.flows;
  } else if (next !== null) before.push({ kind: 'withdraw', attachments });
  if (flows === wanted.flows) return { before, resizes: null };
  const [old, now] = [flows, wanted.flows].map((size) => ({ flows: size, bytes: bytesOf(size) }));
  if (old === undefined || now === undefined) return { before, resizes: null };
  return {
    before,
    resizes: {
      table: { kind: 'table', before: old, after: now, attachments },
      move: { kind: 'move', used: table.used },
      settle: { kind: 'settle', flows: now.flows, bytes: old.bytes, attachments },
    },
  };
}

type Present = readonly (WantedInterface & { readonly live: Device })[];

/** `armed`: other steps see to the expiry timer. */
function* planTables(
  wanted: Wanted,
  state: State | null,
  loaded: boolean,
  armed: boolean,
  present: Present,
): Generator<Step> {
  const before = loaded ? (state?.timeouts ?? null) : null;
  if (before === null || !isSameValue(before, wanted.timeouts)) {
    yield { kind: 'timeouts', before, after: wanted.timeouts };
  }
  const taken = new Set(loaded ? state?.interfaces.map((one) => one.seat) : []);
  for (const { id, name, device, live, hides, hides6, mss, xdp } of present) {
    const known = loaded ? state?.interfaces.find((one) => one.ifindex === live.ifindex) : undefined;
    const after = makeRecord(live, { hides, hides6, mss, xdp }, findPool(wanted, name));
    if (known !== undefined && isSameRecord(known.record, after)) continue;
    const seat = known?.seat ?? takeSeat(taken, live.ifindex);
    yield { kind: 'interface', id, seat, name, device, ifindex: live.ifindex, before: known?.record ?? null, after };
  }
  if (!loaded || (!armed && state?.hashes.datapath !== wanted.hashes.datapath)) yield { kind: 'sweep' };
}

function* planPolicy(
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

function* planGuardAndHooks(
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

function nameOf(one: Attachment, snapshot: Snapshot): string {
  const live = snapshot.devices.find((device) => device.ifindex === one.ifindex);
  const known = snapshot.state?.interfaces.find((other) => other.ifindex === one.ifindex);
  return live?.name ?? known?.device ?? `device ${one.ifindex}`;
}

const SEATS = 64;

/** Seats of the map `interfaces` are 1..63; 0 stays empty. The one that the index names is found fastest (maps.h). */
function takeSeat(taken: Set<number>, ifindex: number): number {
  let seat = ifindex % SEATS;
  for (let tries = 0; seat === 0 || taken.has(seat); tries += 1) {
    if (tries === SEATS) throw new Error(`no seat is left for interface ${ifindex}`);
    seat = (seat + 1) % SEATS;
  }
  taken.add(seat);
  return seat;
}

/**
 * Whether the kernel's record still serves. The datapath asks the kernel for the address that an interface sends from,
 * so that another first one is no change, but one where there was none is, and so is each further one.
 */
function isSameRecord(known: InterfaceRecord, now: InterfaceRecord): boolean {
  if (known.mac !== now.mac || known.mtu !== now.mtu) return false;
  if (
    known.transmit !== now.transmit ||
    known.hides !== now.hides ||
    known.hides6 !== now.hides6 ||
    known.mss !== now.mss
  )
    return false;
  if (known.pool !== now.pool) return false;
  const found = (before: boolean, after: boolean) => !before && after;
  return (
    !found(known.addresses.length > 0, now.addresses.length > 0) &&
    !found(known.probe !== null, now.probe !== null) &&
    !found(known.probe6 !== null, now.probe6 !== null) &&
    now.addresses.slice(1).every((address) => known.addresses.includes(address)) &&
    now.addresses6.every((address) => known.addresses6.includes(address))
  );
}

/** Equality of plain values by their JSON, keys in any order. */
export function isSameValue(a: unknown, b: unknown): boolean {
  return canonical(a) === canonical(b);
}
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([x], [y]) => (x < y ? -1 : 1)))
      : part,
  );
}
