import { sizeTables } from '../../compiler/artifact/maps.ts';

/** The ring of events (native/datapath/events.h). */
const EVENTS = 512 * 1024;
/** Counters of who has how much of a table (native/datapath/shares.h), 8 bytes each. */
const SHARES = (2 * 4096 + 64) * 8;

/** Bytes of keys and values: of an entry a direction, a slot; of an outside and perhaps an inside socket; of a peer. */
const SIZES = {
  4: { key: 16, dir: 64, slot: 48, socket: 8, mapping: 56, peer: 16 },
  6: { key: 40, dir: 56, slot: 72, socket: 24, mapping: 56, peer: 48 },
} as const;

/**
 * Kernel memory of the table. Each entry of a hash costs 48 bytes of the kernel's beside key and value, and a share of
 * its buckets (16 bytes, a power of two of them). All of it is taken when the table is made.
 */
export function flowTableBytes(flows: number, family: 4 | 6 = 4): number {
  const hash = (entries: number, key: number, value: number) =>
    entries * (48 + key + value) + 2 ** Math.ceil(Math.log2(Math.max(entries, 1))) * 16;
  const sizes = SIZES[family];
  const connections = hash(2 * flows, sizes.key, sizes.dir) + flows * (sizes.slot + 4); // and its place among the free ones
  const mappings = hash(2 * flows, sizes.socket, sizes.mapping) + 2 * flows * sizes.socket; // and among the resting
  const peers = hash(flows, sizes.peer, 8);
  const sources = sizeTables(flows).sources * 256; // that limits are kept for, of both families
  return connections + mappings + peers + SHARES + (family === 4 ? sources + EVENTS : 32 * flows); // translations6
}

/** Kernel memory for datagrams in pieces (native/datapath/datagram.h, idents.h, stash.h), whatever `flows` says. */
export function pieceTableBytes(): number {
  const [records, places] = [8192, 1024];
  const lru = (key: number, value: number) => records * (64 + key + value) + records * 16;
  return lru(20, 72) + lru(16, 36) + places * (32 + 2048);
}

/** `76.0 MiB`, `312 KiB`: three digits. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1);
  return `${text} ${units[unit]}`;
}
