import type { BpfMap, Btf, MapPage } from '../../native/lib/libbpf.ts';
import { formatAddress6 } from '../apply/bytes.ts';
import { enumOf, offsetsOf } from '../apply/layout.ts';
import { coarseNow, fromCoarse } from '../apply/tables.ts';
import type { Connection, Counters, Endpoint } from './connection.ts';
import { type DirectionLayout, type Directions, readDirections } from './directions.ts';
import type { Running } from './find.ts';
import { makeOrigins, type Origins } from './origins.ts';

/** Slots read at once: few at first, so that the first line is there soon. */
const PAGES = { first: 512, others: 8192 };
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  58: 'icmpv6',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  50: 'esp',
  132: 'sctp',
};
/** flow_dir.tcp */
const TCP = { FIN: 1, SYN: 2, RST: 4, ACK: 16 } as const;

/**
 * Every live connection, those of IPv4 first, a page at a time, in the order of slots. The next page is read while one is looked at: the first
 * connections are there at once, and memory stays bounded however many there are.
 */
export async function* readConnections(running: Running): AsyncGenerator<Iterable<Connection>> {
  yield* readFamily(running, 4);
  if (running.state.ipv6) yield* readFamily(running, 6);
}

async function* readFamily({ libbpf, state, pins }: Running, family: 4 | 6): AsyncGenerator<Iterable<Connection>> {
  const { BpfMap } = libbpf;
  using slots = BpfMap.openPinned(`${pins}/slots${family}`, { readOnly: true });
  using flows = BpfMap.openPinned(`${pins}/flows${family}`, { readOnly: true });
  using control = BpfMap.openPinned(`${pins}/control`, { readOnly: true });
  const { timeouts } = control.codec().value.decode(control.get(0) ?? new Uint8Array()) as { timeouts: number[] };
  const limit = readHighWater(libbpf, pins, family);
  using translations = family === 4 ? null : BpfMap.openPinned(`${pins}/translations6`, { readOnly: true });
  const { layout, read } = makeReader(slots.btf(), translations, timeouts, makeOrigins(state));
  const pages = readPages(slots, limit);
  let first = 0;
  const take = async () => {
    const { value: page } = await pages.next();
    if (page === undefined) return null;
    const directions = await readDirections(flows, page, first, layout);
    first += page.count;
    return { page, directions };
  };
  let next = take();
  for (let one = await next; one !== null; one = await next) {
    next = take();
    next.catch(() => undefined); // told when it is waited for
    yield read(one.page, one.directions, coarseNow());
  }
}

/** The slots below `limit`. */
async function* readPages(slots: InstanceType<Running['libbpf']['BpfMap']>, limit: number): AsyncGenerator<MapPage> {
  if (limit === 0) return;
  let seen = 0;
  // The first page is read twice: a token of the kernel's goes with one size of page.
  for await (const page of slots.pages({ size: PAGES.first })) {
    yield page;
    seen = page.count;
    break;
  }
  let passed = 0;
  for await (const page of slots.pages({ size: PAGES.others })) {
    const skipped = Math.max(0, Math.min(page.count, seen - passed));
    passed += page.count;
    if (skipped < page.count) yield page.from(skipped);
    if (passed >= limit) return;
  }
}

/** Slots from here on were never used. */
export function readHighWater({ BpfMap }: Running['libbpf'], pins: string, family: 4 | 6): number {
  using progress = BpfMap.openPinned(`${pins}/progress${family}`, { readOnly: true });
  const value = progress.get(0);
  return value === null ? 0 : (progress.codec().value.decode(value) as { high_water: number }).high_water;
}

interface Reader {
  readonly layout: DirectionLayout;
  readonly read: (page: MapPage, directions: Directions, now: number) => Generator<Connection>;
}

/** Reads connections off their slots and entries. Offsets are the kernel's. */
/** @param translations where the new addresses of IPv6 are (target-6.h); null: IPv4, whose entries hold them */
function makeReader(btf: Btf, translations: BpfMap | null, timeouts: readonly number[], origins: Origins): Reader {
  const wide = translations === null ? 4 : 16;
  const tuple = ['saddr', 'daddr', 'sport', 'dport'] as const;
  const at = offsetsOf(btf, 'flow_slot', [
    ...([...tuple, 'protocol', 'created', 'rule', 'nat', 'generation', 'state'] as const),
  ]);
  const keyAt = offsetsOf(btf, 'flow_key', [...tuple, 'protocol']);
  const dirAt = offsetsOf(btf, 'flow_dir', [
    ...(['sport', 'dport', 'last', 'slot', 'flags', 'epoch', 'tcp', 'packets', 'bytes'] as const),
  ]);
  const endsAt = offsetsOf(btf, translations === null ? 'flow_dir' : 'translation', ['saddr', 'daddr']);
  const flag = enumOf(btf, 'flow_flag', 'FLOW_');
  const slotState = enumOf(btf, 'slot_state', 'SLOT_');
  const classes = enumOf(btf, 'flow_class', 'CLASS_');
  const readAddress = translations === null ? makeAddressReader() : readAddress6;
  const isTranslated = (dirs: Uint8Array, dir: number) =>
    ((dirs[dir + dirAt.flags] ?? 0) & ((flag.NAT_SRC ?? 0) | (flag.NAT_DST ?? 0))) !== 0;
  /** Where the addresses that an entry of the original direction gives stand. */
  const findEnds = (dirs: Uint8Array, dir: number): { bytes: Uint8Array; at: number } => {
    if (translations === null) return { bytes: dirs, at: dir };
    const slot = new DataView(dirs.buffer, dirs.byteOffset).getUint32(dir + dirAt.slot, true);
    return { bytes: translations.get(slot) ?? new Uint8Array(2 * wide), at: 0 };
  };

  const copy = (from: Uint8Array, start: number, size: number, to: Uint8Array, where: number) => {
    for (let i = 0; i < size; i += 1) to[where + i] = from[start + i] ?? 0;
  };
  const layout: DirectionLayout = {
    keySize: btf.sizeOf(btf.find('flow_key', 'struct') ?? 0),
    size: btf.sizeOf(btf.find('flow_dir', 'struct') ?? 0),
    slot: dirAt.slot,
    isUsed: (slots, slot) => {
      const state = slots[slot + at.state];
      return state !== slotState.FREE && state !== slotState.HALF;
    },
    writeKey: (slots, slot, keys, to) => {
      copy(slots, slot + at.saddr, wide, keys, to + keyAt.saddr);
      copy(slots, slot + at.daddr, wide, keys, to + keyAt.daddr);
      copy(slots, slot + at.sport, 2, keys, to + keyAt.sport);
      copy(slots, slot + at.dport, 2, keys, to + keyAt.dport);
      keys[to + keyAt.protocol] = slots[slot + at.protocol] ?? 0;
    },
    // What the packet became, the other way round.
    writeOpposite: (keys, key, dirs, dir, to) => {
      if (translations === null || isTranslated(dirs, dir)) {
        const ends = findEnds(dirs, dir);
        copy(ends.bytes, ends.at + endsAt.daddr, wide, to, key + keyAt.saddr);
        copy(ends.bytes, ends.at + endsAt.saddr, wide, to, key + keyAt.daddr);
      } else {
        copy(keys, key + keyAt.daddr, wide, to, key + keyAt.saddr);
        copy(keys, key + keyAt.saddr, wide, to, key + keyAt.daddr);
      }
      copy(dirs, dir + dirAt.dport, 2, to, key + keyAt.sport);
      copy(dirs, dir + dirAt.sport, 2, to, key + keyAt.dport);
      to[key + keyAt.protocol] = keys[key + keyAt.protocol] ?? 0;
    },
  };

  const endpoint = (view: DataView, address: number, port: number): Endpoint => ({
    address: readAddress(view, address),
    port: view.getUint16(port),
  });
  const becomes = (dirs: DataView, dir: number, address: number, port: number): Endpoint => {
    const ends = findEnds(new Uint8Array(dirs.buffer, dirs.byteOffset, dirs.byteLength), dir);
    const view = new DataView(ends.bytes.buffer, ends.bytes.byteOffset, ends.bytes.byteLength);
    return { address: readAddress(view, ends.at + address), port: dirs.getUint16(dir + port) };
  };
  const read64 = (view: DataView, offset: number) =>
    view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
  const counters = (view: DataView, dir: number): Counters =>
    dir < 0
      ? { packets: 0, bytes: 0 }
      : { packets: read64(view, dir + dirAt.packets), bytes: read64(view, dir + dirAt.bytes) };

  const readOne = (slots: DataView, slot: number, d: Directions, forth: number, back: number, now: number) => {
    const flags = d.forth.getUint8(forth + dirAt.flags);
    const has = (bit: number | undefined) => (flags & (bit ?? 0)) !== 0;
    const protocol = slots.getUint8(slot + at.protocol);
    const tcp = [d.forth.getUint8(forth + dirAt.tcp), back < 0 ? 0 : d.back.getUint8(back + dirAt.tcp)] as const;
    const live = d.forth.getUint8(forth + dirAt.epoch) !== 0 && slots.getUint8(slot + at.state) === slotState.LIVE;
    const last = Math.max(
      d.forth.getUint32(forth + dirAt.last, true),
      back < 0 ? 0 : d.back.getUint32(back + dirAt.last, true),
    );
    const received = counters(d.back, back);
    const timeout = timeouts[classes[classOf(protocol, tcp)] ?? 0] ?? 0;
    const generation = slots.getUint16(slot + at.generation, true);
    const ruleNumber = slots.getUint16(slot + at.rule, true);
    const rule = origins.find(generation, ruleNumber);
    const nat = origins.find(generation, slots.getUint16(slot + at.nat, true));
    const connection: Connection = {
      protocol: PROTOCOLS[protocol] ?? String(protocol),
      source: endpoint(slots, slot + at.saddr, slot + at.sport),
      destination: endpoint(slots, slot + at.daddr, slot + at.dport),
      masqueraded: has(flag.NAT_SRC) ? becomes(d.forth, forth, endsAt.saddr, dirAt.sport) : null,
      redirected: has(flag.NAT_DST) ? becomes(d.forth, forth, endsAt.daddr, dirAt.dport) : null,
      own: has(flag.OWN) ? 'sent' : has(flag.LOCAL) ? 'received' : null,
      adopted: has(flag.LOCAL) && ruleNumber === 0,
      state: live ? describeState(protocol, tcp, received) : 'ending',
      expiresMs: live ? Math.max(0, Math.round(fromCoarse(last + timeout - now))) : 0,
      ageMs: Math.max(0, Math.round(fromCoarse(now - slots.getUint32(slot + at.created, true)))),
      sent: counters(d.forth, forth),
      received,
      rule,
      translation: nat ?? (has(flag.NAT_DST) ? rule : null),
      generation,
    };
    return connection;
  };

  const read = function* (page: MapPage, directions: Directions, now: number): Generator<Connection> {
    const { values, count, valueBytes } = page;
    const slots = new DataView(values.buffer, values.byteOffset, values.byteLength);
    for (let index = 0; index < count; index += 1) {
      const forth = directions.forthAt[index] ?? -1;
      if (forth >= 0) {
        yield readOne(slots, index * valueBytes, directions, forth, directions.backAt[index] ?? -1, now);
      }
    }
  };
  return { layout, read };
}

function readAddress6(view: DataView, offset: number): string {
  return formatAddress6(new Uint8Array(view.buffer, view.byteOffset + offset, 16));
}

/** How many texts of addresses are kept: connections share most of theirs. */
const KEPT_ADDRESSES = 65_536;

function makeAddressReader(): (view: DataView, offset: number) => string {
  const known = new Map<number, string>();
  return (view, offset) => {
    const number = view.getUint32(offset);
    let text = known.get(number);
    if (text === undefined) {
      text = `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
      if (known.size >= KEPT_ADDRESSES) known.clear();
      known.set(number, text);
    }
    return text;
  };
}

/** The timeout that holds, as the sweep judges it (tcp.h tcp_class). */
function classOf(protocol: number, [forth, back]: readonly [number, number]): string {
  if (protocol === 17) return 'UDP';
  if (protocol === 1 || protocol === 58) return 'ICMP';
  if (protocol !== 6) return 'OTHER';
  if ((forth | back) & TCP.RST || forth & back & TCP.FIN) return 'TCP_FIN';
  return forth & back & TCP.ACK ? 'TCP' : 'TCP_SYN';
}

const TCP_STATES: Readonly<Record<string, string>> = { TCP_FIN: 'closing', TCP: 'established', TCP_SYN: 'opening' };

function describeState(protocol: number, tcp: readonly [number, number], received: Counters): string {
  if (protocol !== 6) return received.packets > 0 ? 'answered' : 'unanswered';
  if ((tcp[0] | tcp[1]) & TCP.RST) return 'reset';
  return TCP_STATES[classOf(protocol, tcp)] ?? 'opening';
}
