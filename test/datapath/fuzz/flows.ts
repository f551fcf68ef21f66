/** The flow table as its raw bytes have it; offsets from BTF. */
import type { BpfMap, Btf } from '../../../native/lib/libbpf.ts';
import { addressAt, type Frame, get16 } from './bytes.ts';

export interface Entry {
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
  readonly #map: BpfMap;
  readonly #at: Readonly<Record<string, number>>;
  readonly flag: Readonly<Record<string, number>>;

  constructor(map: BpfMap, btf: Btf) {
    this.#map = map;
    this.#at = offsetsOf(map.btf(), map.info().valueTypeId);
    const names = btf.enumValues('flow_flag') ?? new Map();
    this.flag = Object.fromEntries([...names].map(([name, value]) => [name.replace('FLOW_', ''), Number(value)]));
  }

  has(entry: Entry, flag: string): boolean {
    return (entry.flags & (this.flag[flag] ?? 0)) !== 0;
  }
  get(key: Uint8Array): Entry | null {
    const value = this.#map.get(key);
    return value === null ? null : this.read(value);
  }
  read(value: Uint8Array): Entry {
    const at = this.#at;
    const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
    const u32 = (name: string): number => view.getUint32(at[name] ?? 0, true);
    return {
      saddr: value.subarray(at.saddr ?? 0, (at.saddr ?? 0) + 4),
      daddr: value.subarray(at.daddr ?? 0, (at.daddr ?? 0) + 4),
      sport: get16(value, at.sport ?? 0),
      dport: get16(value, at.dport ?? 0),
      dmac: value.subarray(at.dmac ?? 0, (at.dmac ?? 0) + 6),
      mtu: view.getUint16(at.mtu ?? 0, true),
      out: u32('out'),
      in: u32('door') & 0xff_ffff, // seat << 24 | low bits of the ifindex
      slot: u32('slot'),
      flags: value[at.flags ?? 0] ?? 0,
      dying: value[at.epoch ?? 0] === 0 ? 1 : 0,
    };
  }
  async all(): Promise<{ key: Uint8Array; entry: Entry }[]> {
    const found: { key: Uint8Array; entry: Entry }[] = [];
    for await (const [key, value] of this.#map.entries()) {
      found.push({ key: new Uint8Array(key), entry: this.read(new Uint8Array(value)) });
    }
    return found;
  }
}

export function offsetsOf(btf: Btf, typeId: number): Record<string, number> {
  const type = btf.type(btf.resolve(typeId));
  if (type.kind !== 'struct') throw new Error('not a struct');
  return Object.fromEntries(type.members.map(({ name, bitOffset }) => [name, bitOffset / 8]));
}

const makeKey = (s: Uint8Array, d: Uint8Array, sport: number, dport: number, protocol: number): Uint8Array =>
  Uint8Array.from([...s, ...d, sport >> 8, sport & 255, dport >> 8, dport & 255, protocol, 0, 0, 0]);

export const keyOf = (f: Frame): Uint8Array =>
  makeKey(f.bytes.subarray(f.l3 + 12, f.l3 + 16), f.bytes.subarray(f.l3 + 16, f.l3 + 20), f.sport, f.dport, f.protocol);
export const reversedKey = (f: Frame): Uint8Array =>
  makeKey(f.bytes.subarray(f.l3 + 16, f.l3 + 20), f.bytes.subarray(f.l3 + 12, f.l3 + 16), f.dport, f.sport, f.protocol);
/** Of the packets that answer those of `key`. */
export const oppositeKey = (key: Uint8Array, entry: Entry): Uint8Array =>
  makeKey(entry.daddr, entry.saddr, entry.dport, entry.sport, key[12] ?? 0);
export const describeKey = (key: Uint8Array): string =>
  `${addressAt(key, 0)}:${get16(key, 8)} > ${addressAt(key, 4)}:${get16(key, 10)} protocol ${key[12]}`;
