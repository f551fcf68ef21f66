import type { BpfMap, Btf } from '../../native/lib/libbpf.ts';
import { enumOf, offsetsOf } from '../apply/layout.ts';

/** Finds both entries of a connection; null for one that is not there. */
export interface Directions {
  /** `key` is the slot's; `index` the slot's own. */
  readonly forth: (index: number, key: Uint8Array) => Uint8Array | null;
  readonly back: (index: number, key: Uint8Array) => Uint8Array | null;
}

/** A table with fewer used slots is asked entry by entry, one with more than can be held as well. */
const FEW = 4096;
const MANY = 2 ** 21;

/**
 * The entries of `flows4` by slot: for a large table read in one go by pages (128 bytes a slot are held then), since a
 * call for each entry costs more than all the rest.
 */
export async function readDirections(flows: BpfMap, slots: number, btf: Btf): Promise<Directions> {
  if (slots <= FEW || slots > MANY) {
    const lookUp = (_: number, key: Uint8Array) => flows.get(key);
    return { forth: lookUp, back: lookUp };
  }
  const at = offsetsOf(btf, 'flow_dir', ['slot', 'flags']);
  const original = enumOf(btf, 'flow_flag', 'FLOW_').ORIGINAL ?? 0;
  const size = btf.sizeOf(btf.find('flow_dir', 'struct') ?? 0);
  const rows = [new Uint8Array(slots * size), new Uint8Array(slots * size)] as const;
  const seen = [new Uint8Array(slots), new Uint8Array(slots)] as const;
  for await (const page of flows.pages({ size: 16384 })) {
    const view = new DataView(page.values.buffer, page.values.byteOffset, page.values.byteLength);
    for (let from = 0; from < page.values.byteLength; from += size) {
      const slot = view.getUint32(from + at.slot, true);
      if (slot >= slots) continue;
      const side = view.getUint8(from + at.flags) & original ? 0 : 1;
      rows[side].set(page.values.subarray(from, from + size), slot * size);
      seen[side][slot] = 1;
    }
  }
  const read = (side: 0 | 1) => (index: number) =>
    seen[side][index] === 1 ? rows[side].subarray(index * size, (index + 1) * size) : null;
  return { forth: read(0), back: read(1) };
}
