/**
 * Where an address of a map moves to. IPv4: what comes after the prefix stays. IPv6 (NPTv6, RFC 6296): of that, one 16-bit
 * word takes up what the exchange changes in checksums. All sums are ones' complement sums of 16-bit words.
 */
import { hostMask } from '../grammar/address.ts';
import type { Family } from '../grammar/ast.ts';
import type { Prefix } from './model.ts';

const WORDS = 8;
const word = (address: bigint, index: number): number =>
  Number((address >> BigInt(16 * (WORDS - 1 - index))) & 0xffffn);

/** a + b in ones' complement. */
export function addOnes(a: number, b: number): number {
  const sum = a + b;
  return (sum & 0xffff) + (sum >>> 16);
}

function sumOf(address: bigint): number {
  let sum = 0;
  for (let index = 0; index < WORDS; index++) sum = addOnes(sum, word(address, index));
  return sum;
}

/** What a word is raised by where the prefix `from` becomes `to` (RFC 6296 section 3.1). */
export function adjustment(from: Prefix, to: Prefix): number {
  return addOnes(sumOf(from.first), ~sumOf(to.first) & 0xffff);
}

/** null: it is not in `from`, or an IPv6 address that can't be translated. */
export function mapAddress(address: bigint, family: Family, from: Prefix, to: Prefix): bigint | null {
  if (family === 6) return translatePrefix(address, from, to);
  const host = hostMask(family, from.length);
  return (address & ~host) === from.first ? to.first | (address & host) : null;
}

/**
 * The translated address, or null for one that can't be (RFC 6296 section 3.6: it is dropped): not in `from`, a subnet of all
 * ones under a prefix of up to /48, or behind a longer one a whole interface identifier of all ones.
 */
export function translatePrefix(address: bigint, from: Prefix, to: Prefix): bigint | null {
  const host = hostMask(6, from.length);
  if ((address & ~host) !== from.first) return null;
  const moved = to.first | (address & host);
  const index = from.length <= 48 ? 3 : [4, 5, 6, 7].find((one) => word(address, one) !== 0xffff);
  if (index === undefined) return null;
  const before = word(address, index);
  if (before === 0xffff) return null;
  const sum = addOnes(before, adjustment(from, to));
  const after = sum === 0xffff ? 0 : sum;
  const shift = BigInt(16 * (WORDS - 1 - index));
  return (moved & ~(0xffffn << shift)) | (BigInt(after) << shift);
}
