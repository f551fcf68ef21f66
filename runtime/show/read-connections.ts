import { existsSync } from 'node:fs';
import { PROTOCOL_NAMES } from '../../compiler/protocols.ts';
import type { Btf } from '../../native/lib/libbpf.ts';
import { enumOf, offsetsOf } from '../apply/layout.ts';
import { coarseNow, fromCoarse } from '../apply/tables.ts';
import { NEXT } from '../machine/pins.ts';
import { makeAddressReader } from './address-reader.ts';
import type { Connection, Counters } from './connection.ts';
import type { Running } from './find.ts';
import { type ConnectionPage, FlowTable } from './flow-table.ts';
import { makeOrigins, type Origins } from './origins.ts';

/** Slots of the first page: few, so that the first line is there soon. */
const FIRST_PAGE = 512;
/** As `conntrack` calls them: the two ICMPs are told apart. */
const PROTOCOLS: Readonly<Record<number, string>> = { ...PROTOCOL_NAMES, 58: 'icmpv6' };
/** flow_dir.tcp */
const RESET = 4;
const TCP = 6;

/**
 * Every live connection, those of IPv4 first, a page at a time, in the order of slots. The next page is read while one is
 * looked at: the first connections are there at once, and memory stays bounded however many there are. While `flows`
 * changes the table's size, those of the old table first; one that moves in between may come twice.
 */
export async function* readConnections(running: Running): AsyncGenerator<Iterable<Connection>> {
  for (const family of running.state.ipv6 ? ([4, 6] as const) : ([4] as const)) {
    for (const directory of [running.pins, `${running.pins}/${NEXT}`]) {
      if (existsSync(`${directory}/slots${family}`)) yield* readTable(running, directory, family);
    }
  }
}

async function* readTable(running: Running, directory: string, family: 4 | 6): AsyncGenerator<Iterable<Connection>> {
  const { BpfMap } = running.libbpf;
  const limit = readHighWater(running.libbpf, directory, family);
  if (limit === 0) return;
  using control = BpfMap.openPinned(`${running.pins}/control`, { readOnly: true });
  const { timeouts } = control.codec().value.decode(control.get(0) ?? new Uint8Array()) as { timeouts: number[] };
  using table = await FlowTable.open(running, directory, family);
  const read = makeReader(table.btf, family, timeouts, makeOrigins(running.state));
  let first = 0;
  const take = async () => {
    if (first >= limit) return null;
    const count = Math.min(first === 0 ? FIRST_PAGE : table.pageSize, limit - first);
    first += count;
    return await table.read(first - count, count);
  };
  let next = take();
  for (let page = await next; page !== null; page = await next) {
    next = take();
    next.catch(() => undefined); // told when it is waited for
    try {
      yield read(page, coarseNow());
    } finally {
      await next.catch(() => undefined); // if nobody wants more: what it reads from must not be closed under it
    }
  }
}

/** Slots from here on were never used. */
export function readHighWater({ BpfMap }: Running['libbpf'], pins: string, family: 4 | 6): number {
  using progress = BpfMap.openPinned(`${pins}/progress${family}`, { readOnly: true });
  const value = progress.get(0);
  return value === null ? 0 : (progress.codec().value.decode(value) as { high_water: number }).high_water;
}

type Read = (page: ConnectionPage, now: number) => Generator<Connection>;

/** Turns what the kernel has listed into connections. Offsets and numbers are those of the object that listed it. */
function makeReader(btf: Btf, family: 4 | 6, timeouts: readonly number[], origins: Origins): Read {
  const ends = ['saddr', 'daddr', 'new_saddr', 'new_daddr', 'sport', 'dport', 'new_sport', 'new_dport'] as const;
  const counts = ['sent_packets', 'sent_bytes', 'received_packets', 'received_bytes'] as const;
  const rest = [
    'created',
    'last',
    'rule',
    'nat',
    'generation',
    'protocol',
    'flags',
    'tcp_sent',
    'tcp_received',
  ] as const;
  const at = offsetsOf(btf, 'connection', [...ends, ...counts, ...rest, 'class', 'live']);
  const size = btf.sizeOf(btf.find('connection', 'struct') ?? 0);
  const { NAT_SRC = 0, NAT_DST = 0, OWN = 0, LOCAL = 0 } = enumOf(btf, 'flow_flag', 'FLOW_');
  const classes = enumOf(btf, 'flow_class', 'CLASS_');
  const readAddress = makeAddressReader(family);

  const readOne = (view: DataView, one: number, now: number): Connection => {
    const endpoint = (address: number, port: number) => ({
      address: readAddress(view, one + address),
      port: view.getUint16(one + port),
    });
    const counters = (packets: number, bytes: number): Counters => ({
      packets: read64(view, one + packets),
      bytes: read64(view, one + bytes),
    });
    const flags = view.getUint8(one + at.flags);
    const number = view.getUint8(one + at.protocol);
    const live = view.getUint8(one + at.live) !== 0;
    const timeClass = view.getUint8(one + at.class);
    const generation = view.getUint16(one + at.generation, true);
    const ruleNumber = view.getUint16(one + at.rule, true);
    const rule = origins.find(generation, ruleNumber);
    const nat = origins.find(generation, view.getUint16(one + at.nat, true));
    const received = counters(at.received_packets, at.received_bytes);
    const left = view.getUint32(one + at.last, true) + (timeouts[timeClass] ?? 0) - now;
    const describeState = () => {
      if (!live) return 'ending';
      if (number !== TCP) return received.packets > 0 ? 'answered' : 'unanswered';
      if ((view.getUint8(one + at.tcp_sent) | view.getUint8(one + at.tcp_received)) & RESET) return 'reset';
      if (timeClass === classes.TCP_FIN) return 'closing';
      return timeClass === classes.TCP ? 'established' : 'opening';
    };
    return {
      protocol: PROTOCOLS[number] ?? String(number),
      source: endpoint(at.saddr, at.sport),
      destination: endpoint(at.daddr, at.dport),
      masqueraded: flags & NAT_SRC ? endpoint(at.new_saddr, at.new_sport) : null,
      redirected: flags & NAT_DST ? endpoint(at.new_daddr, at.new_dport) : null,
      own: flags & OWN ? 'sent' : flags & LOCAL ? 'received' : null,
      adopted: (flags & LOCAL) !== 0 && ruleNumber === 0,
      state: describeState(),
      expiresMs: live ? Math.max(0, Math.round(fromCoarse(left))) : 0,
      ageMs: Math.max(0, Math.round(fromCoarse(now - view.getUint32(one + at.created, true)))),
      sent: counters(at.sent_packets, at.sent_bytes),
      received,
      rule,
      translation: nat ?? (flags & NAT_DST ? rule : null),
      generation,
    };
  };
  return function* read({ bytes, count }, now) {
    for (let index = 0; index < count; index += 1) yield readOne(bytes, index * size, now);
  };
}

function read64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}
