import type { Btf } from '../../native/lib/btf.ts';
import { readAddress, readBe16 } from '../apply/bytes.ts';
import { enumOf, offsetsOf } from '../apply/layout.ts';
import { fromCoarse } from '../apply/tables.ts';
import type { Connection, Counters } from './connection.ts';
import { type Directions, readDirections } from './directions.ts';
import type { Running } from './find.ts';
import { makeOrigins, type Origins } from './origins.ts';

const PAGE = 2048;
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  47: 'gre',
  50: 'esp',
  132: 'sctp',
};
/** flow_dir.tcp */
const TCP = { FIN: 1, SYN: 2, RST: 4, ACK: 16 } as const;

/** Every live connection, in the order of slots; reads the maps by pages, so that memory stays bounded. */
export async function* readConnections({ libbpf, state, pins }: Running): AsyncGenerator<Connection> {
  const { BpfMap } = libbpf;
  using slots = BpfMap.openPinned(`${pins}/slots4`, { readOnly: true });
  using flows = BpfMap.openPinned(`${pins}/flows4`, { readOnly: true });
  using control = BpfMap.openPinned(`${pins}/control`, { readOnly: true });
  const { timeouts } = control.codec().value.decode(control.get(0) ?? new Uint8Array()) as { timeouts: number[] };
  const limit = readHighWater(libbpf, pins);
  const reader = makeReader(slots.btf(), timeouts, makeOrigins(state));
  const directions = await readDirections(flows, limit, slots.btf());
  let seen = 0;
  for await (const page of slots.pages({ size: PAGE })) {
    const now = coarseNow();
    for (let index = 0; index < page.count; index += 1) {
      const connection = reader(seen + index, page.value(index), directions, now);
      if (connection !== null) yield connection;
    }
    seen += page.count;
    if (seen >= limit) return;
  }
}

/** Slots from here on were never used. */
export function readHighWater({ BpfMap }: Running['libbpf'], pins: string): number {
  using progress = BpfMap.openPinned(`${pins}/progress4`, { readOnly: true });
  const value = progress.get(0);
  return value === null ? 0 : (progress.codec().value.decode(value) as { high_water: number }).high_water;
}

/** CLOCK_MONOTONIC in units of 2^26 ns, as the datapath counts it. */
function coarseNow(): number {
  return Number((process.hrtime.bigint() >> 26n) & 0xffff_ffffn);
}

type Reader = (index: number, slot: Uint8Array, directions: Directions, now: number) => Connection | null;

/** Reads one connection off its slot and its two entries; null for a slot that holds none. Offsets are the kernel's. */
function makeReader(btf: Btf, timeouts: readonly number[], origins: Origins): Reader {
  const at = offsetsOf(btf, 'flow_slot', [
    ...(['saddr', 'daddr', 'sport', 'dport', 'protocol', 'created', 'rule', 'nat', 'generation', 'state'] as const),
  ]);
  const keyAt = offsetsOf(btf, 'flow_key', ['saddr', 'daddr', 'sport', 'dport', 'protocol']);
  const dirAt = offsetsOf(btf, 'flow_dir', [
    ...(['saddr', 'daddr', 'sport', 'dport', 'last', 'flags', 'epoch', 'tcp', 'packets', 'bytes'] as const),
  ]);
  const keySize = btf.sizeOf(btf.find('flow_key', 'struct') ?? 0);
  const flag = enumOf(btf, 'flow_flag', 'FLOW_');
  const slotState = enumOf(btf, 'slot_state', 'SLOT_');
  const classes = enumOf(btf, 'flow_class', 'CLASS_');

  const endpoint = (bytes: Uint8Array, address: number, port: number) => ({
    address: readAddress(bytes, address),
    port: readBe16(bytes, port),
  });
  const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counters = (dir: Uint8Array | null): Counters => {
    if (dir === null) return { packets: 0, bytes: 0 };
    const data = view(dir);
    return {
      packets: Number(data.getBigUint64(dirAt.packets, true)),
      bytes: Number(data.getBigUint64(dirAt.bytes, true)),
    };
  };
  /** The key of the answers: what the packet became, the other way round. */
  const opposite = (key: Uint8Array, dir: Uint8Array): Uint8Array => {
    const other = new Uint8Array(keySize);
    other.set(dir.subarray(dirAt.daddr, dirAt.daddr + 4), keyAt.saddr);
    other.set(dir.subarray(dirAt.saddr, dirAt.saddr + 4), keyAt.daddr);
    other.set(dir.subarray(dirAt.dport, dirAt.dport + 2), keyAt.sport);
    other.set(dir.subarray(dirAt.sport, dirAt.sport + 2), keyAt.dport);
    other[keyAt.protocol] = key[keyAt.protocol] ?? 0;
    return other;
  };

  /** The key of the original direction. */
  const keyOf = (slot: Uint8Array): Uint8Array => {
    const key = new Uint8Array(keySize);
    key.set(slot.subarray(at.saddr, at.saddr + 4), keyAt.saddr);
    key.set(slot.subarray(at.daddr, at.daddr + 4), keyAt.daddr);
    key.set(slot.subarray(at.sport, at.sport + 2), keyAt.sport);
    key.set(slot.subarray(at.dport, at.dport + 2), keyAt.dport);
    key[keyAt.protocol] = slot[at.protocol] ?? 0;
    return key;
  };

  return (index, slot, directions, now) => {
    if (slot[at.state] === slotState.FREE || slot[at.state] === slotState.HALF) return null;
    const key = keyOf(slot);
    const forth = directions.forth(index, key);
    if (forth === null) return null;
    const back = directions.back(index, opposite(key, forth));
    const data = view(slot);
    const forthView = view(forth);
    const flags = forth[dirAt.flags] ?? 0;
    const protocol = key[keyAt.protocol] ?? 0;
    const tcp = [forth[dirAt.tcp] ?? 0, back?.[dirAt.tcp] ?? 0] as const;
    const ending = forth[dirAt.epoch] === 0 || slot[at.state] !== slotState.LIVE;
    const has = (name: string) => (flags & (flag[name] ?? 0)) !== 0;
    const last = Math.max(
      forthView.getUint32(dirAt.last, true),
      back === null ? 0 : view(back).getUint32(dirAt.last, true),
    );
    const received = counters(back);
    const timeout = timeouts[classes[classOf(protocol, tcp)] ?? 0] ?? 0;
    const rule = origins.find(data.getUint16(at.generation, true), data.getUint16(at.rule, true));
    const nat = origins.find(data.getUint16(at.generation, true), data.getUint16(at.nat, true));
    return {
      protocol: PROTOCOLS[protocol] ?? String(protocol),
      source: endpoint(key, keyAt.saddr, keyAt.sport),
      destination: endpoint(key, keyAt.daddr, keyAt.dport),
      masqueraded: has('NAT_SRC') ? endpoint(forth, dirAt.saddr, dirAt.sport) : null,
      redirected: has('NAT_DST') ? endpoint(forth, dirAt.daddr, dirAt.dport) : null,
      own: has('OWN') ? 'sent' : has('LOCAL') ? 'received' : null,
      adopted: has('LOCAL') && data.getUint16(at.rule, true) === 0,
      state: ending ? 'ending' : describeState(protocol, tcp, received),
      expiresMs: ending ? 0 : Math.max(0, Math.round(fromCoarse(last + timeout - now))),
      ageMs: Math.max(0, Math.round(fromCoarse(now - data.getUint32(at.created, true)))),
      sent: counters(forth),
      received,
      rule,
      translation: nat ?? (has('NAT_DST') ? rule : null),
      generation: data.getUint16(at.generation, true),
    };
  };
}

/** The timeout that holds, as the sweep judges it (tcp.h tcp_class). */
function classOf(protocol: number, [forth, back]: readonly [number, number]): string {
  if (protocol === 17) return 'UDP';
  if (protocol === 1) return 'ICMP';
  if (protocol !== 6) return 'OTHER';
  if ((forth | back) & TCP.RST || forth & back & TCP.FIN) return 'TCP_FIN';
  return forth & back & TCP.ACK ? 'TCP' : 'TCP_SYN';
}

function describeState(protocol: number, tcp: readonly [number, number], received: Counters): string {
  if (protocol !== 6) return received.packets > 0 ? 'answered' : 'unanswered';
  if ((tcp[0] | tcp[1]) & TCP.RST) return 'reset';
  return { TCP_FIN: 'closing', TCP: 'established', TCP_SYN: 'opening' }[classOf(protocol, tcp)] ?? 'opening';
}
