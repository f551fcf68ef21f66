/**
 * The datapath loaded with the policy by hand, without the runtime: for test runs in this process, and for real packets
 * in a worker inside the gateway's namespace (gateway-worker.ts).
 */
import { readFileSync } from 'node:fs';
import { sizeTables } from '../../compiler/artifact/maps.ts';
import { BpfObject, type BtfRecord, ifindexOf, linkToBytes } from '../../native/lib/libbpf.ts';

export const COARSE_NS = 2 ** 26;
const DATAPATH = new URL('../../native/prebuilt/datapath/datapath4.bpf.o', import.meta.url).pathname;
const MISS = new URL('../../native/prebuilt/datapath/miss4.bpf.o', import.meta.url).pathname;

export const ETHERNET = 1;
export const XDP = 2;
export const HIDES = 4;

export interface InterfaceSetup {
  readonly device: string;
  /** In the policy. */
  readonly id: number;
  /** ETHERNET | XDP | HIDES */
  readonly flags: number;
  readonly mtu: number;
  /** `02:00:00:00:00:01` */
  readonly mac: string;
  /** What SYNs by it may ask for at most; 0xffff: what the path's MTU allows; 0, or left out: anything. */
  readonly mss?: number;
  /** An address routed through it, or null. */
  readonly probe: string | null;
  readonly addresses: readonly string[];
  /** First and last outside port of its masquerade. */
  readonly pool?: readonly [number, number];
}

export interface Setup {
  readonly pin: string;
  readonly stub: string;
  readonly interfaces: readonly InterfaceSetup[];
  /** Values of the constants of stub-policy.bpf.c. */
  readonly policy: Readonly<Record<string, number>>;
  readonly flows: number;
  /** Seconds. */
  readonly timeouts: Readonly<Record<'tcp' | 'tcpSyn' | 'tcpFin' | 'udp' | 'icmp' | 'other', number>>;
  readonly sweep: boolean;
  /** Seconds that a port rests; 120 by default. */
  readonly rest?: number;
  /** Seconds between packets that go by the kernel's neighbour table; 0: none, so that every verdict is sure. */
  readonly probeEvery: number;
}

export interface Loaded {
  readonly hit: BpfObject;
  readonly miss: BpfObject;
}

export interface Flow {
  readonly saddr: string;
  readonly daddr: string;
  readonly sport: number;
  readonly dport: number;
  readonly protocol: number;
  readonly to: { saddr: string; daddr: string; sport: number; dport: number };
  readonly flags: number;
  readonly dying: number;
  readonly epoch: number;
  readonly tcp: number;
  readonly packets: number;
  readonly bytes: number;
}

export const parseAddress = (text: string): Uint8Array => Uint8Array.from(text.split('.').map(Number));
/** As a number whose bytes in memory are in network order (little-endian machines). */
const toBe32 = (text: string): number => new DataView(parseAddress(text).buffer).getUint32(0, true);
const fromBe32 = (value: number): string =>
  [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24].join('.');
const fromBe16 = (value: number): number => ((value & 255) << 8) | (value >>> 8);
const coarse = (seconds: number): number => Math.round((seconds * 1e9) / COARSE_NS);

export async function loadDatapath(setup: Setup): Promise<Loaded> {
  const { pin, flows, timeouts: t } = setup;
  const sizes = sizeTables(flows);
  const hit = BpfObject.open(DATAPATH, { pinRoot: pin });
  for (const [map, entries] of Object.entries(sizes)) hit.setMaxEntries(map, entries);
  hit.setGlobal('.rodata', { probe_every: setup.probeEvery });
  await hit.load();
  const miss = await loadMiss(setup, { ...setup.policy, generation: 7, place: 3 });

  const control = hit.map('control');
  const timeouts = [t.tcp, t.tcpSyn, t.tcpFin, t.udp, t.icmp, t.other, 0, 0].map(coarse);
  const record = { active: (1 << 8) | 3, layout: 3, flows, timeouts, rest: coarse(setup.rest ?? 120), seed: 0x5eed };
  control.set(0, control.codec().value.encode(record));
  for (const [index, one] of setup.interfaces.entries()) {
    const seat = index + 1;
    const ifindex = ifindexOf(one.device);
    const interfaces = hit.map('interfaces');
    const mac = one.mac.split(':').map((byte) => Number.parseInt(byte, 16));
    const probe = one.probe === null ? 0 : toBe32(one.probe);
    const { flags, mtu, mss = 0, pool: [pool_first, pool_last] = [0, 0] } = one;
    const record = { ifindex, flags, mtu, mac, mss, probe4: probe, pool_first, pool_last };
    interfaces.set(seat, interfaces.codec().value.encode(record));
    hit.map('seats').set(ifindex, seat);
    for (const address of one.addresses) hit.map('addresses4').set(parseAddress(address), ifindex);
  }
  for (const hook of ['xdp', 'tc_ingress', 'tc_egress']) {
    hit.map(`${hook}_policies4`).set(3, miss.program(`${hook}_miss`));
  }
  if (setup.sweep) {
    const { retval } = await hit.program('arm').testRun({ data: new Uint8Array(64) });
    if (retval !== 0) throw new Error(`arm returns ${retval}`);
  }
  return { hit, miss };
}

async function loadMiss({ stub, pin, flows, interfaces }: Setup, constants: Setup['policy']): Promise<BpfObject> {
  const linked = await linkToBytes([readFileSync(stub), readFileSync(MISS)]);
  const miss = BpfObject.open(linked, { name: 'linked', pinRoot: pin });
  const sizes = sizeTables(flows);
  for (const [map, entries] of Object.entries(sizes)) miss.setMaxEntries(map, entries);
  miss.setGlobal('.rodata', constants);
  await miss.load();
  for (const { device, id } of interfaces) miss.map('ids').set(ifindexOf(device), id);
  return miss;
}

/** Another policy takes over, as apply does it. */
export interface Change {
  readonly epoch: number;
  readonly flush?: boolean;
  readonly policy: Setup['policy'];
}

/** Policies that were loaded, by what they are; each has a place of its own. */
const changes = new Map<string, { readonly place: number; readonly miss: BpfObject }>();
const FIRST_PLACE = 4;
const PLACES = 16;

export async function changePolicy({ hit }: Loaded, setup: Setup, change: Change): Promise<void> {
  const { epoch, policy, flush = false } = change;
  const name = JSON.stringify([policy, flush]);
  let known = changes.get(name);
  if (known === undefined) {
    const place = FIRST_PLACE + changes.size;
    if (place >= PLACES) throw new Error('too many policies');
    const constants = { ...setup.policy, ...policy, generation: place, place, flush: flush ? 1 : 0 };
    known = { place, miss: await loadMiss(setup, constants) };
    changes.set(name, known);
    for (const hook of ['xdp', 'tc_ingress', 'tc_egress']) {
      hit.map(`${hook}_policies4`).set(place, known.miss.program(`${hook}_miss`));
    }
  }
  const control = hit.map('control');
  const value = control.get(0);
  if (value === null) throw new Error('no control record');
  control.codec().value.encodeInto(value, { active: (epoch << 8) | known.place });
  control.set(0, value);
}

export async function restamp({ hit }: Loaded, first: number, last: number): Promise<void> {
  const context = { mark: 0, priority: (first << 8) | last };
  const { retval } = await hit.program('restamp').testRun({ data: new Uint8Array(64), context });
  if (retval !== 0) throw new Error(`restamp returns ${retval}`);
}

export async function readFlows({ hit }: Loaded): Promise<Flow[]> {
  const map = hit.map('flows4');
  const { key, value } = map.codec();
  const flows: Flow[] = [];
  for await (const [keyBytes, valueBytes] of map.entries()) {
    const k = key.decode(keyBytes) as Record<string, number>;
    const v = value.decode(valueBytes) as BtfRecord;
    const tuple = (t: Readonly<Record<string, unknown>>) => ({
      saddr: fromBe32(t.saddr as number),
      daddr: fromBe32(t.daddr as number),
      sport: fromBe16(t.sport as number),
      dport: fromBe16(t.dport as number),
    });
    flows.push({
      ...tuple(k),
      protocol: k.protocol as number,
      to: tuple(v),
      flags: Number(v.flags),
      epoch: Number(v.epoch),
      dying: Number(v.epoch) === 0 ? 1 : 0,
      tcp: Number(v.tcp),
      packets: Number(v.packets),
      bytes: Number(v.bytes),
    });
  }
  return flows;
}

export function readAnswers({ miss }: Loaded): { sent: number; withheld: number } {
  const map = miss.map('answers');
  const sum = (key: number): number =>
    (map.getPerCpu(key) ?? []).reduce((total, bytes) => {
      return total + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    }, 0);
  return { sent: sum(0), withheld: sum(1) };
}

/** Reasons with packets, `{stray: 3}`; the names come from BTF. */
export function readDrops({ hit }: Loaded): Record<string, number> {
  const map = hit.map('drops');
  const { value } = map.codec();
  const drops: Record<string, number> = {};
  const names = hit.btf().enumValues('drop_reason');
  if (names === null) throw new Error('enum drop_reason is not in BTF');
  for (const [name, reason] of names) {
    if (name === 'DROP_COUNT') continue;
    const packets = (map.getPerCpu(Number(reason)) ?? [])
      .map((bytes) => Number((value.decode(bytes) as BtfRecord).packets))
      .reduce((sum, count) => sum + count, 0);
    if (packets > 0) drops[name.slice('DROP_'.length).toLowerCase().replaceAll('_', '-')] = packets;
  }
  return drops;
}
