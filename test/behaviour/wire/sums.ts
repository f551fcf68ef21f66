/** The Internet checksum (RFC 1071) and the pseudo-headers of IPv4 (RFC 768, RFC 9293) and IPv6 (RFC 8200 section 8.1). */
import { familyOf, toBytes } from './addresses.ts';

/** Ones' complement sum of 16-bit words, folded, not inverted. */
export function sum16(bytes: ArrayLike<number>, start = 0): number {
  let sum = start;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

export const checksum = (bytes: ArrayLike<number>, start = 0): number => ~sum16(bytes, start) & 0xffff;

/** The folded sum of a pseudo-header; `length` of the segment in bytes. */
export function pseudo(src: string, dst: string, protocol: number, length: number): number {
  const size = [length >> 8, length & 255];
  const words = familyOf(src) === 4 ? [0, protocol, ...size] : [0, 0, ...size, 0, 0, 0, protocol];
  return sum16([...toBytes(src), ...toBytes(dst), ...words]);
}
