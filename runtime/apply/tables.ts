import type { InterfaceRecord, Timeouts } from '../machine/types.ts';
import { readWord, toBe32, toBytes6, toMac, word } from './bytes.ts';
import { enumOf } from './layout.ts';
import { datapathOf, pinPath, type Undo, type Work } from './work.ts';

/** A coarse time unit of the datapath is 2^26 ns (base.h COARSE_SHIFT). */
const COARSE_NS = 2 ** 26;
const MAX_MTU = 0xffff;
/** mss.h */
const MSS_BY_PATH = 0xffff;

export function toCoarse(ms: number): number {
  return Math.max(1, Math.ceil((ms * 1e6) / COARSE_NS));
}
export function fromCoarse(units: number): number {
  return (units * COARSE_NS) / 1e6;
}

/** CLOCK_MONOTONIC in coarse units, as the datapath counts it. */
export function coarseNow(): number {
  return Number((process.hrtime.bigint() >> 26n) & 0xffff_ffffn);
}

/** Sets members of the control record, and leaves the others as they are. */
export function writeControl(work: Work, members: Readonly<Record<string, number | readonly number[]>>): Undo {
  using control = work.libbpf.BpfMap.openPinned(pinPath(work, 'control'));
  const codec = control.codec().value;
  const value = control.get(0);
  if (value === null) throw new Error('the control record is missing');
  const before = codec.decode(value) as Record<string, number | number[]>;
  codec.encodeInto(value, members);
  control.set(0, value);
  const old = Object.fromEntries(Object.keys(members).map((name) => [name, before[name] ?? 0]));
  return () => void writeControl(work, old);
}

export function writeTimeouts(work: Work, timeouts: Timeouts): Undo {
  using control = work.libbpf.BpfMap.openPinned(pinPath(work, 'control'));
  const value = control.get(0);
  if (value === null) throw new Error('the control record is missing');
  const record = control.codec().value.decode(value) as { timeouts: number[] };
  const classes = enumOf(datapathOf(work).btf, 'flow_class', 'CLASS_');
  const units = [...record.timeouts];
  for (const [name, ms] of Object.entries(timeouts)) {
    const index = classes[name.toUpperCase().replaceAll('-', '_')];
    if (index !== undefined) units[index] = toCoarse(ms);
  }
  return writeControl(work, { timeouts: units });
}

/** Writes an interface's seat, the way to it by its index, and its addresses. */
export function writeInterface(work: Work, seat: number, ifindex: number, record: InterfaceRecord): Undo {
  const { BpfMap } = work.libbpf;
  using interfaces = BpfMap.openPinned(pinPath(work, 'interfaces'));
  using seats = BpfMap.openPinned(pinPath(work, 'seats'));
  const before = interfaces.get(seat);
  const flag = enumOf(interfaces.btf(), 'iface_flag', 'IFACE_');
  const wasSeated = seats.get(ifindex) !== null;
  const [poolFirst = 0, poolLast = 0] = (record.pool ?? '0-0').split('-').map(Number);
  const codec = interfaces.codec().value;
  const value = codec.encode({
    flags:
      (record.mac !== null ? (flag.ETHERNET ?? 0) : 0) |
      (record.transmit ? (flag.XDP ?? 0) : 0) |
      (record.hides ? (flag.HIDES4 ?? 0) : 0) |
      (record.hides6 ? (flag.HIDES6 ?? 0) : 0),
    mtu: Math.min(record.mtu, MAX_MTU),
    mac: toMac(record.mac),
    mss: record.mss === 'clamp' ? MSS_BY_PATH : (record.mss ?? 0),
    probe4: toBe32(record.probe),
    probe6: toBytes6(record.probe6),
    pool_first: poolFirst,
    pool_last: poolLast,
  });
  if (!wasSeated) interfaces.set(seat, value); // the datapath finds it by the index, which comes when all else is there
  codec.encodeInto(value, { ifindex });
  interfaces.set(seat, value);
  seats.set(ifindex, seat);
  writeAddresses(work, ifindex, record);
  return () => {
    if (!wasSeated) return clearInterface(work, seat, ifindex);
    if (before === null) return;
    using map = BpfMap.openPinned(pinPath(work, 'interfaces'));
    map.set(seat, before);
  };
}

export function clearInterface(work: Work, seat: number, ifindex: number): void {
  const { BpfMap } = work.libbpf;
  using interfaces = BpfMap.openPinned(pinPath(work, 'interfaces'));
  using seats = BpfMap.openPinned(pinPath(work, 'seats'));
  seats.delete(ifindex);
  interfaces.set(seat, interfaces.codec().value.encode({}));
  writeAddresses(work, ifindex);
}

/** Notes the interface's addresses, and forgets others of its: those that stay are never missing in between. */
function writeAddresses(
  work: Work,
  ifindex: number,
  { addresses, addresses6 }: Pick<InterfaceRecord, 'addresses' | 'addresses6'> = { addresses: [], addresses6: [] },
): void {
  const tables = [{ map: 'addresses4', keys: addresses.map((address) => word(toBe32(address))) }];
  if (work.state.ipv6) tables.push({ map: 'addresses6', keys: addresses6.map(toBytes6) });
  for (const { map, keys } of tables) {
    using table = work.libbpf.BpfMap.openPinned(pinPath(work, map));
    for (const key of keys) table.set(key, ifindex);
    const kept = new Set(keys.map((key) => Buffer.from(key).toString('hex')));
    const stale: Uint8Array[] = [];
    for (let key = table.nextKey(null); key !== null; key = table.nextKey(key)) {
      const owner = table.get(key);
      if (owner !== null && readWord(owner) === ifindex && !kept.has(Buffer.from(key).toString('hex'))) stale.push(key);
    }
    for (const address of stale) table.delete(address);
  }
}
