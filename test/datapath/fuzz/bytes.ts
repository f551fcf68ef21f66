/** Bytes of frames, read and written by a second implementation that shares nothing with the datapath. */

export const ETH = 14;
export const TCP = 6;
export const UDP = 17;
/** DCCP and UDP-Lite: ports and checksum where UDP has them. */
export const isLikeUdp = (protocol: number): boolean => protocol === 33 || protocol === 136;
export const hasPorts = (protocol: number): boolean =>
  protocol === TCP || protocol === UDP || protocol === 132 || isLikeUdp(protocol);

export const get16 = (b: Uint8Array, at: number): number => ((b[at] ?? 0) << 8) | (b[at + 1] ?? 0);
export const get32 = (b: Uint8Array, at: number): number => get16(b, at) * 0x1_0000 + get16(b, at + 2);
export function set16(b: Uint8Array, at: number, value: number): void {
  if (at + 1 >= b.length) return;
  b[at] = (value >> 8) & 255;
  b[at + 1] = value & 255;
}
export function put(b: Uint8Array, at: number, bytes: Uint8Array | readonly number[]): void {
  for (let i = 0; i < bytes.length && at + i < b.length; i++) b[at + i] = bytes[i] ?? 0;
}
export const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
export const macBytes = (text: string): number[] => text.split(':').map((byte) => Number.parseInt(byte, 16));

/** Ones' complement sum of the bytes from `from` to `to`, folded; an odd end is padded with 0. */
export function sum(b: Uint8Array, from: number, to: number, start = 0): number {
  let total = start;
  for (let at = from; at < to; at += 2) total += ((b[at] ?? 0) << 8) | (at + 1 < to ? (b[at + 1] ?? 0) : 0);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

export const etherType = (b: Uint8Array): number => get16(b, 12);
