import { release } from 'node:os';
import { readActiveWord } from './active.ts';
import { findBpffs, findPins, listPins } from './bpffs.ts';
import { type DeviceFacts, readDevices, readDriver } from './devices.ts';
import { readGuard } from './guard.ts';
import { requireBpf } from './needs.ts';
import { readNetns } from './paths.ts';
import { CLSACT, type Family, HOOKS, NEXT, PROGRAMS, parseLinkPin, policyArray, requiredPins } from './pins.ts';
import { readKeptSet } from './sets.ts';
import { findGateways, readState } from './state.ts';
import { losesAdvertisements, readIpForward, readIpv6Forward, readLocalPorts } from './sysctl.ts';
import type { Attachment, Device, Hook, NextTable, Snapshot, Table } from './types.ts';

type Libbpf = typeof import('../../native/lib/libbpf.ts');

/** Reads what the machine does now for `gateway` in this network namespace. Changes nothing. @throws Refusal */
export async function takeSnapshot(gateway: string, deed = 'plan'): Promise<Snapshot> {
  const libbpf = await requireBpf(deed);
  const netns = readNetns();
  const pins = findPins(gateway, netns);
  const names = listPins(pins);
  const links = pins === null ? { live: [], dead: [], programs: [] } : readLinks(pins, names, libbpf);
  const devices = await readDevices((name, ifindex) => readFacts(name, ifindex, links.programs, libbpf));
  const tcx = process.env.MASQC_TC !== 'clsact' && libbpf.hasTcx();
  const [guard, filters] = [await readGuard(devices), devices.flatMap((device) => readFilters(device, libbpf))];
  const state = readState(gateway, netns);
  return {
    netns,
    kernel: release(),
    devices,
    ipForward: readIpForward() === '1',
    ipv6Forward: readIpv6Forward() === null ? null : readIpv6Forward() === '1',
    localPorts: readLocalPorts(),
    bpffsMounted: findBpffs() !== null,
    guard,
    state,
    otherGateways: findGateways(netns).filter((other) => other !== gateway),
    attachments: [...links.live, ...filters],
    dead: links.dead,
    pins: names,
    active:
      pins !== null && requiredPins(state?.ipv6 === true).every((name) => names.includes(name))
        ? readActive(pins, libbpf)
        : null,
    table: pins === null || !names.includes('slots4') ? null : readTable(pins, libbpf),
    next: pins === null || !names.includes(NEXT) ? null : readNext(pins, names, libbpf),
    sets: (state?.sets ?? []).map(({ hash }) => readKeptSet(gateway, netns, hash)),
    tcx,
  };
}

interface Links {
  readonly live: readonly Attachment[];
  readonly dead: readonly Attachment[];
  /** Ids of the programs that are attached by them. */
  readonly programs: readonly number[];
}

function readLinks(pins: string, names: readonly string[], { BpfLink }: Libbpf): Links {
  const live: Attachment[] = [];
  const dead: Attachment[] = [];
  const programs: number[] = [];
  for (const name of names) {
    const place = parseLinkPin(name);
    if (place === null) continue;
    using link = BpfLink.openPinned(`${pins}/${name}`);
    const info = link.info();
    const mode = info.type === 'tcx' ? 'tcx' : info.mode === 'generic' ? 'generic' : 'native';
    const attachment = { ...place, mode } as const;
    if (info.ifindex === place.ifindex) {
      live.push(attachment);
      programs.push(info.programId);
    } else {
      dead.push(attachment);
    }
  }
  return { live, dead, programs };
}

/** Our filters on the clsact qdisc, where there is no TCX. */
function readFilters(device: Device, { clsactQuery }: Libbpf): Attachment[] {
  return (['tc-ingress', 'tc-egress'] as const).flatMap((hook) => {
    const direction = hook === 'tc-ingress' ? 'ingress' : 'egress';
    const ours = clsactQuery(device.ifindex, direction).some(
      (filter) =>
        filter.handle === CLSACT.handle &&
        filter.priority === CLSACT.priority &&
        filter.name.startsWith(PROGRAMS[hook]),
    );
    return ours ? [{ hook: hook as Hook, ifindex: device.ifindex, mode: 'clsact' as const }] : [];
  });
}

function readFacts(name: string, ifindex: number, ours: readonly number[], libbpf: Libbpf): DeviceFacts {
  const features = libbpf.xdpFeatures(ifindex);
  const has = (bit: bigint) => features !== null && (features & bit) === bit;
  const xdp =
    features === null ? null : { native: has(libbpf.XDP_FEATURES.basic), transmit: has(libbpf.XDP_FEATURES.transmit) };
  const foreign = libbpf.xdpQuery(ifindex).find((one) => !ours.includes(one.programId));
  const losesRoutes6 = losesAdvertisements(name);
  return { losesRoutes6, driver: readDriver(name, ifindex), xdp, foreignXdp: foreign?.programId ?? null };
}

/** The table whose maps are pinned in a directory, with that for IPv6 where it is carried. */
export function readTable(directory: string, { BpfMap }: Libbpf): Table | null {
  const read = (family: Family) => {
    using slots = BpfMap.openPinned(`${directory}/slots${family}`);
    using progress = BpfMap.openPinned(`${directory}/progress${family}`);
    const value = progress.get(0);
    if (value === null) return null;
    const record = progress.codec().value.decode(value) as { table: number; used: number };
    return { flows: slots.maxEntries, number: record.table, used: record.used };
  };
  const table = read(4);
  const names = listPins(directory);
  const table6 = names.includes('slots6') && names.includes('progress6') ? read(6) : null;
  return table === null ? null : { ...table, used: Math.max(table.used, table6?.used ?? 0) };
}

function readNext(pins: string, names: readonly string[], libbpf: Libbpf): NextTable {
  const made = listPins(`${pins}/${NEXT}`);
  const table = made.includes('slots4') && made.includes('progress4') ? readTable(`${pins}/${NEXT}`, libbpf) : null;
  if (!names.includes('control')) return { flows: table?.flows ?? 0, switched: false };
  using control = libbpf.BpfMap.openPinned(`${pins}/control`);
  const value = control.get(0);
  const { move_after: since } = control.codec().value.decode(value ?? new Uint8Array()) as { move_after: number };
  return { flows: table?.flows ?? 0, switched: since !== 0 };
}

function readActive(pins: string, { BpfMap }: Libbpf): { slot: number; filled: boolean } {
  using control = BpfMap.openPinned(`${pins}/control`);
  const value = control.get(0);
  if (value === null) return { slot: -1, filled: false };
  const { place: active } = readActiveWord((control.codec().value.decode(value) as { active: number }).active);
  const filled = HOOKS.every((hook) => {
    using array = BpfMap.openPinned(`${pins}/${policyArray(hook, 4)}`);
    return array.get(active) !== null;
  });
  return { slot: active, filled };
}
