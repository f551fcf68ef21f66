/**
 * The datapath loaded with the policy by hand, without the runtime: for test runs in this process, and for real packets
 * in a worker inside the gateway's namespace (gateway-worker.ts).
 */
import { readFileSync } from 'node:fs';
import { sizeTables } from '../../compiler/artifact/maps.ts';
import { BpfObject, type BtfRecord, ifindexOf, linkToBytes, makeCodec, possibleCpus } from '../../native/lib/libbpf.ts';
import { formatIpv6, parseIpv6 } from './packets6.ts';

export const COARSE_NS = 2 ** 26;
const objectOf = (name: 'datapath' | 'miss', family: 4 | 6): string =>
  new URL(`../../native/prebuilt/datapath/${name}${family}.bpf.o`, import.meta.url).pathname;

export const ETHERNET = 1;
export const XDP = 2;
export const HIDES = 4;
export const HIDES6 = 8;

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
  readonly probe6?: string;
  readonly addresses: readonly string[];
  /** First and last outside port of its masquerade. */
  readonly pool?: readonly [number, number];
}

/** A line of the file, as struct line has it; rates as [ns a token, ns of tolerance]. */
export interface LineSetup {
  readonly rule: number;
  readonly tally: number;
  readonly meter?: number;
  readonly rate?: readonly [number, number];
  readonly sourceRate?: readonly [number, number];
  readonly flows?: number;
  readonly sourceFlows?: number;
  /** Of a masquerade: ports of each source, by the number of this limit. */
  readonly ports?: { readonly most: number; readonly number: number };
  /** 1 packets, 2 mappings; at this rate. */
  readonly logs?: number;
  readonly log?: readonly [number, number];
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
  /** IPv6 is carried, too. */
  readonly ipv6?: boolean;
  readonly lines?: readonly LineSetup[];
  /** Prefixes that are accounted, `192.168.1.0/24`. */
  readonly accounted?: readonly string[];
  /** Entries of the table of sources, a power of two; by the size of the table by default. */
  readonly sourceSets?: number;
  /** Seconds that a port rests; 120 by default. */
  readonly rest?: number;
  /** Seconds between packets that go by the kernel's neighbour table; 0: none, so that every verdict is sure. */
  readonly probeEvery: number;
}

export interface Flow6 {
  readonly saddr: string;
  readonly daddr: string;
  readonly sport: number;
  readonly dport: number;
  readonly protocol: number;
  readonly toSport: number;
  readonly flags: number;
  readonly epoch: number;
  readonly tcp: number;
  readonly packets: number;
  readonly bytes: number;
}

export interface Loaded {
  readonly hit: BpfObject;
  readonly miss: BpfObject;
  /** Of IPv6. */
  readonly hit6: BpfObject | null;
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

export const parseAddress = (text: string): Uint8Array =>
  text.includes(':') ? parseIpv6(text) : Uint8Array.from(text.split('.').map(Number));
/** As a number whose bytes in memory are in network order (little-endian machines). */
const toBe32 = (text: string): number => new DataView(parseAddress(text).buffer).getUint32(0, true);
const fromBe32 = (value: number): string =>
  [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24].join('.');
const fromBe16 = (value: number): number => ((value & 255) << 8) | (value >>> 8);
const coarse = (seconds: number): number => Math.round((seconds * 1e9) / COARSE_NS);

export async function loadDatapath(setup: Setup): Promise<Loaded> {
  const { pin, flows, timeouts: t } = setup;
  const loadHit = async (family: 4 | 6): Promise<BpfObject> => {
    const object = BpfObject.open(objectOf('datapath', family), { pinRoot: pin });
    sizeMaps(object, flows);
    object.setGlobal('.rodata', { probe_every: setup.probeEvery });
    await object.load();
    return object;
  };
  const hit = await loadHit(4);
  const hit6 = setup.ipv6 === true ? await loadHit(6) : null;
  const miss = await loadMiss(setup, 4, { ...setup.policy, generation: 7, place: 3 });
  const miss6 = hit6 === null ? null : await loadMiss(setup, 6, { ...setup.policy, generation: 7, place: 3 });

  const control = hit.map('control');
  const timeouts = [t.tcp, t.tcpSyn, t.tcpFin, t.udp, t.icmp, t.other, 0, 0].map(coarse);
  const record = {
    active: (1 << 8) | 3,
    layout: 7,
    flows,
    timeouts,
    rest: coarse(setup.rest ?? 120),
    seed: 0x5eed,
    source_sets: setup.sourceSets ?? sizeTables(flows).sources,
  };
  control.set(0, control.codec().value.encode(record));
  for (const [index, one] of setup.interfaces.entries()) {
    const seat = index + 1;
    const ifindex = ifindexOf(one.device);
    const interfaces = hit.map('interfaces');
    const mac = one.mac.split(':').map((byte) => Number.parseInt(byte, 16));
    const probe = one.probe === null ? 0 : toBe32(one.probe);
    const { mtu, mss = 0, pool: [pool_first, pool_last] = [0, 0] } = one;
    const flags = one.flags | (setup.policy.nat6 === 1 && one.flags & HIDES ? HIDES6 : 0);
    const probe6 = parseIpv6(one.probe6 ?? '::');
    const record = { ifindex, flags, mtu, mac, mss, probe4: probe, probe6, pool_first, pool_last };
    interfaces.set(seat, interfaces.codec().value.encode(record));
    hit.map('seats').set(ifindex, seat);
    for (const address of one.addresses) {
      if (!address.includes(':')) hit.map('addresses4').set(parseAddress(address), ifindex);
      else hit6?.map('addresses6').set(parseAddress(address), ifindex);
    }
  }
  for (const hook of ['xdp', 'tc_ingress', 'tc_egress']) {
    hit.map(`${hook}_policies4`).set(3, miss.program(`${hook}_miss`));
    if (hit6 === null || miss6 === null) continue;
    hit6.map(`${hook}_policies6`).set(3, miss6.program(`${hook}_miss`));
    hit.map(`${hook}_entry6`).set(0, hit6.program(hook === 'xdp' ? 'xdp_ingress' : hook));
  }
  if (setup.sweep) {
    for (const object of [hit, ...(hit6 === null ? [] : [hit6])]) {
      const { retval } = await object.program('arm').testRun({ data: new Uint8Array(64) });
      if (retval !== 0) throw new Error(`arm returns ${retval}`);
    }
  }
  return { hit, miss, hit6 };
}

/** Sizes that the loader sets. */
function sizeMaps(object: BpfObject, flows: number): void {
  const sizes: Readonly<Record<string, number>> = sizeTables(flows);
  for (const { name } of object.maps) {
    const size = sizes[name];
    if (size !== undefined) object.setMaxEntries(name, size);
  }
}

async function loadMiss(setup: Setup, family: 4 | 6, constants: Setup['policy']): Promise<BpfObject> {
  const { stub, pin, flows, interfaces, lines = [], accounted = [] } = setup;
  const linked = await linkToBytes([readFileSync(stub), readFileSync(objectOf('miss', family))]);
  const miss = BpfObject.open(linked, { name: 'linked', pinRoot: pin });
  sizeMaps(miss, flows);
  const last = Math.max(...lines.map(({ rule }) => rule), 0);
  miss.setMaxEntries('lines', 2 * last + 1);
  miss.setGlobal('.rodata', {
    ...constants,
    limits_used: Number(lines.some((one) => one.rate || one.sourceRate || one.flows || one.sourceFlows || one.ports)),
    ports_limited: Number(lines.some(({ ports }) => ports)),
    logs_used: Number(lines.some(({ logs }) => logs)),
    accounts_used: Number(accounted.length > 0),
  });
  await miss.load();
  for (const line of lines) setLine(miss, line, Number(constants?.generation ?? 0), last);
  for (const prefix of accounted) {
    const [address = '', length = '32'] = prefix.split('/');
    const key = { length: 96 + Number(length), address: { word: [0, 0, 0xffff0000, toBe32(address)] } };
    miss.map('accounted').set(miss.map('accounted').codec().key.encode(key), Uint8Array.of(1));
  }
  for (const { device, id } of interfaces) miss.map('ids').set(ifindexOf(device), id);
  return miss;
}

const rate = ([interval, tolerance]: readonly [number, number] = [0, 0]) => ({ interval, tolerance });

function setLine(miss: BpfObject, line: LineSetup, generation: number, last: number): void {
  const { rule, tally, meter = 0, flows = 0, sourceFlows = 0, logs = 0, ports } = line;
  const value = {
    tally,
    meter,
    rate: rate(line.rate),
    source_rate: rate(line.sourceRate),
    flows,
    source_flows: sourceFlows,
    logs,
    ports: ports === undefined ? 0 : last + rule,
  };
  const lines = miss.map('lines');
  lines.set(rule, lines.codec().value.encode(value));
  const charge = miss
    .map('charges')
    .codec()
    .value.encode({ tally, meter, ports: ports?.number ?? 0 });
  miss.map('charges').set((generation << 16) | rule, charge);
  const tallies = miss.map('tallies');
  if (tallies.getPerCpu(tally) === null) {
    const empty = new Uint8Array(tallies.info().valueSize);
    tallies.setPerCpu(
      tally,
      Array.from({ length: possibleCpus() }, () => empty),
    );
  }
  const meters = miss.map('meters');
  if (meter !== 0 && meters.get(meter) === null) meters.set(meter, meters.codec().value.encode({}));
  if (ports !== undefined) {
    lines.set(last + rule, lines.codec().value.encode({ meter: ports.number, source_flows: ports.most }));
    if (meters.get(ports.number) === null) meters.set(ports.number, meters.codec().value.encode({}));
  }
  const loggers = miss.map('loggers');
  if (line.log !== undefined) loggers.set(meter, loggers.codec().value.encode({ rate: rate(line.log) }));
}

export interface Tally {
  readonly connections: number;
  readonly packets: number;
  readonly bytes: number;
  readonly refused: number;
  readonly refused_bytes: number;
  readonly limited: number;
  readonly held_back: number;
  readonly lost: number;
}

export function readTally({ hit }: Loaded, tally: number): Tally {
  const map = hit.map('tallies');
  const sum: Record<string, number> = {};
  for (const bytes of map.getPerCpu(tally) ?? []) {
    const one = map.codec().value.decode(bytes) as BtfRecord;
    for (const [name, value] of Object.entries(one)) sum[name] = (sum[name] ?? 0) + Number(value);
  }
  return sum as unknown as Tally;
}

/** All events that nobody has read, oldest first. */
export async function readEvents({ hit }: Loaded): Promise<Record<string, unknown>[]> {
  const btf = hit.btf();
  const codec = makeCodec(btf, btf.find('event', 'struct') ?? 0);
  const kinds = new Map([...(btf.enumValues('event_kind') ?? [])].map(([name, value]) => [Number(value), name]));
  const address = ({ word }: { word: number[] }) => (word[3] === 0 ? null : fromBe32(word[3] as number));
  const events: Record<string, unknown>[] = [];
  for await (const bytes of hit.map('events').records({ follow: false })) {
    // biome-ignore lint/suspicious/noExplicitAny: whatever BTF says
    const e = codec.decode(bytes) as Record<string, any>;
    events.push({
      kind: kinds.get(e.kind)?.replace('EVENT_', '').toLowerCase(),
      rule: e.rule,
      generation: e.generation,
      saddr: address(e.saddr),
      daddr: address(e.daddr),
      to_saddr: address(e.to_saddr),
      to_daddr: address(e.to_daddr),
      ...Object.fromEntries(
        ['sport', 'dport', 'to_sport', 'to_dport'].map((name) => [name, fromBe16(e[name] as unknown as number)]),
      ),
      in: e.in,
      out: e.out,
      local: e.local,
      length: e.length,
      protocol: e.protocol,
      tcp: e.tcp,
      time: Number(e.time),
    });
  }
  return events;
}

/** Packets and bytes of each accounted address. */
export async function readAccounts({ hit }: Loaded): Promise<Record<string, BtfRecord>> {
  const map = hit.map('accounts');
  const accounts: Record<string, BtfRecord> = {};
  for await (const [key, value] of map.entries()) {
    const { word } = map.codec().key.decode(key) as { word: number[] };
    const counts = map.codec().value.decode(value) as BtfRecord;
    accounts[fromBe32(word[3] ?? 0)] = Object.fromEntries(
      Object.entries(counts).map(([name, count]) => [name, Number(count)]),
    );
  }
  return accounts;
}

/** Another policy takes over, as apply does it. */
export interface Change {
  readonly epoch: number;
  readonly flush?: boolean;
  /** Other lines than the setup's. */
  readonly lines?: readonly LineSetup[];
  /** Another policy object. */
  readonly object?: string;
  readonly policy: Setup['policy'];
}

/** Policies that were loaded, by what they are; each has a place of its own. */
const changes = new Map<string, number>();
const FIRST_PLACE = 4;
const PLACES = 16;

export async function changePolicy({ hit, hit6 }: Loaded, setup: Setup, change: Change): Promise<void> {
  const { epoch, policy, flush = false, lines = setup.lines ?? [], object: stub = setup.stub } = change;
  const name = JSON.stringify([policy, flush, lines, stub]);
  let place = changes.get(name);
  if (place === undefined) {
    place = FIRST_PLACE + changes.size;
    if (place >= PLACES) throw new Error('too many policies');
    const constants = { ...setup.policy, ...policy, generation: place, place, flush: flush ? 1 : 0 };
    changes.set(name, place);
    for (const family of [4, 6] as const) {
      const object = family === 4 ? hit : hit6;
      if (object === null) continue;
      const miss = await loadMiss({ ...setup, lines, stub }, family, constants);
      for (const hook of ['xdp', 'tc_ingress', 'tc_egress']) {
        object.map(`${hook}_policies${family}`).set(place, miss.program(`${hook}_miss`));
      }
    }
  }
  const control = hit.map('control');
  const value = control.get(0);
  if (value === null) throw new Error('no control record');
  control.codec().value.encodeInto(value, { active: (epoch << 8) | place });
  control.set(0, value);
}

/** Another word of an interface's `enum iface_flag`; all else of its record stays. */
export function writeFlags({ hit }: Loaded, seat: number, flags: number): void {
  const interfaces = hit.map('interfaces');
  const record = interfaces.get(seat);
  if (record === null) throw new Error(`nothing is at seat ${seat}`);
  interfaces.codec().value.encodeInto(record, { flags });
  interfaces.set(seat, record);
}

export async function restamp({ hit, hit6 }: Loaded, first: number, last: number): Promise<void> {
  const context = { mark: 0, priority: (first << 8) | last };
  for (const object of [hit, ...(hit6 === null ? [] : [hit6])]) {
    const { retval } = await object.program('restamp').testRun({ data: new Uint8Array(64), context });
    if (retval !== 0) throw new Error(`restamp returns ${retval}`);
  }
}

/** Both entries of each flow of IPv6, by key; what a translated packet becomes is where target-6.h says. */
export async function readFlows6({ hit6 }: Loaded): Promise<Flow6[]> {
  if (hit6 === null) return [];
  const map = hit6.map('flows6');
  const { key, value } = map.codec();
  const flows: Flow6[] = [];
  for await (const [keyBytes, valueBytes] of map.entries()) {
    const k = key.decode(keyBytes) as BtfRecord;
    const v = value.decode(valueBytes) as BtfRecord;
    flows.push({
      saddr: formatIpv6(k.saddr as Uint8Array),
      daddr: formatIpv6(k.daddr as Uint8Array),
      sport: fromBe16(Number(k.sport)),
      dport: fromBe16(Number(k.dport)),
      protocol: Number(k.protocol),
      toSport: fromBe16(Number(v.sport)),
      flags: Number(v.flags),
      epoch: Number(v.epoch),
      tcp: Number(v.tcp),
      packets: Number(v.packets),
      bytes: Number(v.bytes),
    });
  }
  return flows;
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

const XDP_VERDICTS = { 1: 'dropped', 2: 'stack', 3: 'sent', 4: 'sent' } as const;
const TC_VERDICTS = { [-1]: 'stack', 2: 'dropped', 7: 'sent' } as const;

/** A frame that comes in by a device: what becomes of it, why (of what is dropped), and what it is then. */
export async function passFrame(loaded: Loaded, ifindex: number, byXdp: boolean, frame: Uint8Array) {
  const before = readDrops(loaded);
  let [fate, data]: [string, Uint8Array] = ['stack', frame];
  if (byXdp) {
    const context = { ingressIfindex: ifindex, rxQueueIndex: 0 };
    const ran = await loaded.hit.program('xdp_ingress').testRun({ data, context });
    fate = XDP_VERDICTS[ran.retval as keyof typeof XDP_VERDICTS] ?? `XDP ${ran.retval}`;
    data = ran.data;
  }
  if (fate === 'stack') {
    const context = { ifindex, ingressIfindex: 0 };
    const ran = await loaded.hit.program('tc_ingress').testRun({ data, context });
    fate = TC_VERDICTS[(ran.retval | 0) as keyof typeof TC_VERDICTS] ?? `TC ${ran.retval | 0}`;
    data = ran.data;
  }
  const after = readDrops(loaded);
  const reason = Object.keys(after).find((key) => after[key] !== before[key]) ?? null;
  if (reason !== null && fate === 'sent') fate = 'dropped'; // and answered
  return { fate, reason, data: Buffer.from(data).toString('hex') };
}
