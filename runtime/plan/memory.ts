import { sizeTables } from '../../compiler/artifact/maps.ts';

/** The ring of events (native/datapath/events.h). */
const EVENTS = 512 * 1024;

/**
 * Kernel memory of the table. Each entry of a hash costs 48 bytes of the kernel's beside key and value, and a share of
 * its buckets (16 bytes, a power of two of them). All of it is taken when the table is made.
 */
export function flowTableBytes(flows: number): number {
  const hash = (entries: number, key: number, value: number) =>
    entries * (48 + key + value) + 2 ** Math.ceil(Math.log2(Math.max(entries, 1))) * 16;
  const connections = hash(2 * flows, 16, 64) + flows * (44 + 4); // an entry a direction, a slot, its place among the free ones
  const mappings = hash(2 * flows, 8, 56) + 2 * flows * 8; // an outside and perhaps an inside socket, its place among the resting
  const peers = hash(flows, 16, 8);
  const sources = sizeTables(flows).sources * 256; // that limits are kept for
  return connections + mappings + peers + sources + EVENTS;
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
