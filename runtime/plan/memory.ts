/**
 * Kernel memory of the flow table: two hash entries a flow (one a direction) of 128 bytes (48 of the kernel's, 16 of
 * key, 64 of value), their buckets of 16 bytes (a power of two of them), a 32-byte slot and its place in the queue of
 * free ones. All of it is taken when the table is made.
 */
export function flowTableBytes(flows: number): number {
  const entries = 2 * flows;
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(entries, 1)));
  return entries * 128 + buckets * 16 + flows * (32 + 4);
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
