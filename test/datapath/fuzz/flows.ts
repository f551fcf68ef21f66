/** The flow table as its raw bytes have it; offsets from BTF. */
import type { BpfMap, BpfObject, Btf } from '../../../native/lib/libbpf.ts';
import { get16 } from './bytes.ts';
import type { Family } from './family.ts';
import { daddrOf, type Frame, saddrOf } from './frame.ts';

export interface Entry {
  /** What the packet becomes. */
  readonly saddr: Uint8Array;
  readonly daddr: Uint8Array;
  readonly sport: number;
  readonly dport: number;
  readonly dmac: Uint8Array;
  readonly mtu: number;
  readonly out: number;
  readonly in: number;
  readonly slot: number;
  readonly flags: number;
  readonly dying: number;
}

export class FlowTable {
  readonly family: Family;
  readonly #map: BpfMap;
  readonly #slots: BpfMap;
  /** IPv6: where a translated flow's addresses are. */
  readonly #translations: BpfMap | null;
  readonly #at: Readonly<Record<string, number>>;
  readonly flag: Readonly<Record<string, number>>;

  constructor(object: BpfObject, family: Family) {
    const { number } = family;
    this.family = family;
    this.#map = object.map(`flows${number}`);
    this.#slots = object.map(`slots${number}`);
    this.#translations = number === 6 ? object.map('translations6') : null;
    this.#at = offsetsOf(this.#map.btf(), this.#map.info().valueTypeId);
    const names = object.btf().enumValues('flow_flag') ?? new Map();
    this.flag = Object.fromEntries([...names].map(([name, value]) => [name.replace('FLOW_', ''), Number(value)]));
  }

  has(entry: Entry, flag: string): boolean {
    return (entry.flags & (this.flag[flag] ?? 0)) !== 0;
  }
  get(key: Uint8Array): Entry | null {
    const value = this.#map.get(key);
    return value === null ? null : this.read(key, value);
  }
  read(key: Uint8Array, value: Uint8Array): Entry {
    const at = this.#at;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const u32 = (name: string): number => view.getUint32(at[name] ?? 0, true);
    const flags = value[at.flags ?? 0] ?? 0;
    const slot = u32('slot');
    return {
      ...(this.#translations === null ? this.#ownTarget(value) : this.#findTarget(key, slot, flags)),
      sport: get16(value, at.sport ?? 0),
      dport: get16(value, at.dport ?? 0),
      dmac: value.subarray(at.dmac ?? 0, (at.dmac ?? 0) + 6),
      mtu: view.getUint16(at.mtu ?? 0, true),
      out: u32('out'),
      in: u32('door') & 0xff_ffff, // seat << 24 | low bits of the ifindex
      slot,
      flags,
      dying: value[at.epoch ?? 0] === 0 ? 1 : 0,
    };
  }
  #ownTarget(value: Uint8Array): Pick<Entry, 'saddr' | 'daddr'> {
    const { saddr = 0, daddr = 0 } = this.#at;
    return { saddr: value.subarray(saddr, saddr + 4), daddr: value.subarray(daddr, daddr + 4) };
  }
  #findTarget(key: Uint8Array, slot: number, flags: number): Pick<Entry, 'saddr' | 'daddr'> {
    const { NAT_SRC = 0, NAT_DST = 0, ORIGINAL = 0 } = this.flag;
    if ((flags & (NAT_SRC | NAT_DST)) === 0) return { saddr: key.subarray(0, 16), daddr: key.subarray(16, 32) };
    const pair = (flags & ORIGINAL ? this.#translations : this.#slots)?.get(slot) ?? new Uint8Array(32);
    const [first, second] = [pair.subarray(0, 16), pair.subarray(16, 32)];
    return flags & ORIGINAL ? { saddr: first, daddr: second } : { saddr: second, daddr: first };
  }
  async all(): Promise<{ key: Uint8Array; entry: Entry }[]> {
    const found: { key: Uint8Array; entry: Entry }[] = [];
    for await (const [key, value] of this.#map.entries()) {
      const own = new Uint8Array(key);
      found.push({ key: own, entry: this.read(own, new Uint8Array(value)) });
    }
    return found;
  }
}

export function offsetsOf(btf: Btf, typeId: number): Record<string, number> {
  const type = btf.type(btf.resolve(typeId));
  if (type.kind !== 'struct') throw new Error('not a struct');
  return Object.fromEntries(type.members.map(({ name, bitOffset }) => [name, bitOffset / 8]));
}

function makeKey(s: Uint8Array, d: Uint8Array, sport: number, dport: number, protocol: number): Uint8Array {
  const key = new Uint8Array(2 * s.length + 8);
  key.set(s);
  key.set(d, s.length);
  key.set([sport >> 8, sport & 255, dport >> 8, dport & 255, protocol], 2 * s.length);
  return key;
}

export const keyOf = (f: Frame): Uint8Array => makeKey(saddrOf(f), daddrOf(f), f.sport, f.dport, f.protocol);
export const reversedKey = (f: Frame): Uint8Array => makeKey(daddrOf(f), saddrOf(f), f.dport, f.sport, f.protocol);
export const protocolOf = (key: Uint8Array): number => key[key.length - 4] ?? 0;
/** Of the packets that answer those of `key`. */
export const oppositeKey = (key: Uint8Array, entry: Entry): Uint8Array =>
  makeKey(entry.daddr, entry.saddr, entry.dport, entry.sport, protocolOf(key));
export const tupleOf = ({ width, addressAt }: Family, key: Uint8Array) => ({
  saddr: addressAt(key, 0),
  daddr: addressAt(key, width),
  sport: get16(key, 2 * width),
  dport: get16(key, 2 * width + 2),
});
export function describeKey(family: Family, key: Uint8Array): string {
  const { saddr, sport, daddr, dport } = tupleOf(family, key);
  return `${saddr}:${sport} > ${daddr}:${dport} protocol ${protocolOf(key)}`;
}
