/** Addresses as text: dotted quads and IPv6 (RFC 4291, RFC 5952) to unsigned integers and back. */
import ipaddr from 'ipaddr.js';
import type { Family } from './ast.ts';

const QUAD = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** A plain dotted quad; null for anything else, leading zeros included (they were octal once). */
export function readIpv4(text: string): bigint | null {
  const match = QUAD.exec(text);
  if (match === null) return null;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const digits = match[i]!;
    const octet = Number(digits);
    if (octet > 255 || (digits.length > 1 && digits[0] === '0')) return null;
    value = value * 256 + octet;
  }
  return BigInt(value);
}

/** An IPv6 address without brackets or zone. */
export function readIpv6(text: string): bigint | null {
  if (/[^0-9A-Fa-f:.]|[0-9A-Fa-f]{5}/.test(text) || !ipaddr.IPv6.isValid(text)) return null;
  let value = 0n;
  for (const part of ipaddr.IPv6.parse(text).parts) value = (value << 16n) | BigInt(part);
  return value;
}

export function readAddress(text: string, family: Family): bigint | null {
  return family === 4 ? readIpv4(text) : readIpv6(text);
}

export function writeAddress(value: bigint, family: Family): string {
  const size = family === 4 ? 4 : 16;
  const bytes = Array.from({ length: size }, (_, i) => Number((value >> BigInt(8 * (size - 1 - i))) & 0xffn));
  return family === 4 ? bytes.join('.') : new ipaddr.IPv6(bytes).toRFC5952String();
}

export const addressBits = (family: Family): 32 | 128 => (family === 4 ? 32 : 128);

/** The bits after a prefix of `length`, all ones. */
export const hostMask = (family: Family, length: number): bigint => (1n << BigInt(addressBits(family) - length)) - 1n;
