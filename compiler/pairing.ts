/**
 * Which outside address a source gets (RFC 4787 REQ-2: always the same one). The simulator asks these functions;
 * compiler/ebpf/outside.ts writes the same arithmetic as instructions.
 */
import { addressBits, hostMask } from '../grammar/address.ts';
import type { Family } from '../grammar/ast.ts';
import type { AddressSet, Masquerade, Prefix, Range } from './model.ts';

/** 2^32 divided by the golden ratio. */
export const HASH_FACTOR = 2654435769;
export const HASH_SHIFT = 15;
/** Of a larger IPv6 pool so many are used, the first. */
export const MOST_ADDRESSES = 2 ** 24;

/** An address as 32-bit words, the first bits first. */
export function wordsOf(address: bigint, family: Family): number[] {
  const count = addressBits(family) / 32;
  return Array.from({ length: count }, (_, i) => Number((address >> BigInt(32 * (count - 1 - i))) & 0xffff_ffffn));
}

/** 32 bits, alike for the same source. */
export function hashSource(source: bigint, family: Family): number {
  let hash = 0;
  for (const word of wordsOf(source, family)) hash = Math.imul(hash ^ word, HASH_FACTOR);
  return (hash ^ (hash >>> HASH_SHIFT)) >>> 0;
}

/** What is left of a hash in linear hashing: the bits of a power of two, and one bit less where that is too much. */
export function maskOf(count: number): number {
  let size = 1;
  while (size < count) size *= 2;
  return size - 1;
}

/**
 * Linear hashing (Litwin 1980): the index, below `count`, of the address that a source is paired with. With one address
 * more, only sources of one of the others move, and only to the new one.
 */
export function pairIndex(source: bigint, family: Family, count: number): number {
  const mask = maskOf(count);
  const hash = hashSource(source, family);
  const index = (hash & mask) >>> 0;
  return index < count ? index : index & (mask >>> 1);
}

/** The outside addresses of one family, in order, at most MOST_ADDRESSES of them. null: the interface's own. */
export function outsideRanges({ addresses }: Masquerade, family: Family): readonly Range<bigint>[] | null {
  if (addresses === null) return null;
  const ranges: Range<bigint>[] = [];
  let room = BigInt(MOST_ADDRESSES);
  for (const { first, last } of rangesOf(addresses, family)) {
    const size = last - first + 1n;
    if (room <= 0n) break;
    ranges.push({ first, last: size > room ? first + room - 1n : last });
    room -= size;
  }
  return ranges;
}

/** The outside address of a source; null: the interface's own. */
export function pairedAddress(masquerade: Masquerade, family: Family, source: bigint): bigint | null {
  const ranges = outsideRanges(masquerade, family);
  return ranges === null ? null : addressAt(ranges, pairIndex(source, family, countAddresses(ranges)));
}

export function rangesOf(set: AddressSet, family: Family): readonly Range<bigint>[] {
  return family === 6 ? set.v6 : set.v4.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
}

export function countAddresses(ranges: readonly Range<bigint>[]): number {
  return ranges.reduce((sum, { first, last }) => sum + Number(last - first + 1n), 0);
}

export function addressAt(ranges: readonly Range<bigint>[], index: number): bigint {
  let left = BigInt(index);
  for (const { first, last } of ranges) {
    if (left <= last - first) return first + left;
    left -= last - first + 1n;
  }
  throw new RangeError(`there is no address ${index}`);
}

export function rangeOfPrefix({ first, length }: Prefix, family: Family): Range<bigint> {
  return { first, last: first | hostMask(family, length) };
}

export function setOfPrefix(prefix: Prefix, family: Family): AddressSet {
  const { first, last } = rangeOfPrefix(prefix, family);
  return family === 6
    ? { v4: [], v6: [{ first, last }] }
    : { v4: [{ first: Number(first), last: Number(last) }], v6: [] };
}
