import type { BpfMap, MapPage } from '../../native/lib/libbpf.ts';

/** Both entries of some connections, looked up together: a call for each of them costs more than all the rest. */
export interface Directions {
  /** Entries lie one behind the other, `size` bytes each. */
  readonly forth: DataView;
  readonly back: DataView;
  /** Byte offsets by index in the page of slots; -1: it has no such entry. */
  readonly forthAt: Int32Array;
  readonly backAt: Int32Array;
}

/** How entries are found from slots. Offsets in bytes. */
export interface DirectionLayout {
  readonly keySize: number;
  /** Of flow_dir. */
  readonly size: number;
  /** Of flow_dir.slot. */
  readonly slot: number;
  /** Whether the slot at this offset has a connection. */
  readonly isUsed: (slots: Uint8Array, at: number) => boolean;
  /** Writes the key of the original direction. */
  readonly writeKey: (slots: Uint8Array, at: number, keys: Uint8Array, to: number) => void;
  /** Writes the key of the answers, from the key and the entry of the original direction. */
  readonly writeOpposite: (key: Uint8Array, at: number, dir: Uint8Array, dirAt: number, to: Uint8Array) => void;
}

const NONE = -1;
/** flow_dir.slot, without the bit that says in which of two tables it is (native/datapath/table.h). */
const SLOT_INDEX = 0x7fffffff;

/** The entries of a page of slots whose first is slot `first`. An entry that belongs to another slot by now is not there. */
export async function readDirections(
  flows: BpfMap,
  page: MapPage,
  first: number,
  layout: DirectionLayout,
): Promise<Directions> {
  const { keySize, size } = layout;
  const owners = new Uint32Array(page.count);
  const keys = new Uint8Array(page.count * keySize);
  let used = 0;
  for (let index = 0; index < page.count; index += 1) {
    const at = index * page.valueBytes;
    if (!layout.isUsed(page.values, at)) continue;
    layout.writeKey(page.values, at, keys, used * keySize);
    owners[used] = index;
    used += 1;
  }
  const lookUp = async (wanted: Uint8Array) => {
    const { values, found } = await flows.getMany(wanted.subarray(0, used * keySize));
    const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
    const places = new Int32Array(page.count).fill(NONE);
    for (let i = 0; i < used; i += 1) {
      const owner = owners[i] ?? 0;
      const number = view.getUint32(i * size + layout.slot, true) & SLOT_INDEX;
      if (found[i] === 1 && number === first + owner) places[owner] = i * size;
    }
    return { view, values, places };
  };
  const forth = await lookUp(keys);
  const others = new Uint8Array(used * keySize);
  for (let i = 0; i < used; i += 1) {
    if ((forth.places[owners[i] ?? 0] ?? NONE) === NONE) continue;
    layout.writeOpposite(keys, i * keySize, forth.values, i * size, others);
  }
  const back = await lookUp(others);
  return { forth: forth.view, back: back.view, forthAt: forth.places, backAt: back.places };
}
