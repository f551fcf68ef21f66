/**
 * The algebra of address sets. A set holds, for each family, inclusive ranges of addresses as unsigned integers in
 * host order: sorted, disjoint and not adjacent, so that equal sets have equal ranges. All functions are linear in
 * the number of ranges (`normalize`: n log n) and change nothing that they are given.
 */
import { writeAddress } from '../grammar/address.ts';
import type { AddressLiteral, Family } from '../grammar/ast.ts';
import type { AddressSet, Range } from './model.ts';

export const LAST_V4 = 0xffffffff;
export const LAST_V6 = (1n << 128n) - 1n;

export const NO_ADDRESS: AddressSet = { v4: [], v6: [] };
export const EVERY_ADDRESS: AddressSet = { v4: [{ first: 0, last: LAST_V4 }], v6: [{ first: 0n, last: LAST_V6 }] };

/** The set of the literals' addresses. */
export function addressesOf(literals: readonly AddressLiteral[]): AddressSet {
  const v4: Range<number>[] = [];
  const v6: Range<bigint>[] = [];
  for (const { family, first, last } of literals) {
    if (family === 4) v4.push({ first: Number(first), last: Number(last) });
    else v6.push({ first, last });
  }
  return { v4: normalize(v4), v6: normalize(v6) };
}

export function isEmpty(set: AddressSet): boolean {
  return set.v4.length === 0 && set.v6.length === 0;
}

export function hasFamily(set: AddressSet, family: Family): boolean {
  return (family === 4 ? set.v4 : set.v6).length > 0;
}

/** The part of the set that is of one family. */
export function onlyFamily(set: AddressSet, family: Family): AddressSet {
  return family === 4 ? { v4: set.v4, v6: [] } : { v4: [], v6: set.v6 };
}

export function containsAddress(set: AddressSet, family: Family, address: bigint): boolean {
  return family === 4 ? containsPoint(set.v4, Number(address)) : containsPoint(set.v6, address);
}

export function unite(sets: readonly AddressSet[]): AddressSet {
  return { v4: normalize(sets.flatMap((set) => set.v4)), v6: normalize(sets.flatMap((set) => set.v6)) };
}

export function intersect(a: AddressSet, b: AddressSet): AddressSet {
  return { v4: intersectRanges(a.v4, b.v4), v6: intersectRanges(a.v6, b.v6) };
}

export function subtract(a: AddressSet, b: AddressSet): AddressSet {
  return { v4: subtractRanges(a.v4, b.v4), v6: subtractRanges(a.v6, b.v6) };
}

export function complement(set: AddressSet): AddressSet {
  return subtract(EVERY_ADDRESS, set);
}

export function equalSets(a: AddressSet, b: AddressSet): boolean {
  return equalRanges(a.v4, b.v4) && equalRanges(a.v6, b.v6);
}

/** Is every address of `a` in `b`? */
export function isWithin(a: AddressSet, b: AddressSet): boolean {
  return isEmpty(subtract(a, b));
}

/** Sorted, and joined where they overlap or touch. */
export function normalize<T extends number | bigint>(ranges: readonly Range<T>[]): Range<T>[] {
  if (ranges.length < 2) return [...ranges];
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const joined: Range<T>[] = [];
  for (const range of sorted) {
    const before = joined.at(-1);
    if (before !== undefined && range.first <= after(before.last)) {
      if (range.last > before.last) joined[joined.length - 1] = { first: before.first, last: range.last };
    } else {
      joined.push(range);
    }
  }
  return joined;
}

/** The ranges common to two normalized lists. */
export function intersectRanges<T extends number | bigint>(a: readonly Range<T>[], b: readonly Range<T>[]): Range<T>[] {
  const common: Range<T>[] = [];
  let i = 0;
  let j = 0;
  for (;;) {
    const x = a[i];
    const y = b[j];
    if (x === undefined || y === undefined) return common;
    const first = x.first > y.first ? x.first : y.first;
    const last = x.last < y.last ? x.last : y.last;
    if (first <= last) common.push({ first, last });
    if (x.last < y.last) i++;
    else j++;
  }
}

/** What the normalized list `a` has beyond the normalized list `b`. */
export function subtractRanges<T extends number | bigint>(a: readonly Range<T>[], b: readonly Range<T>[]): Range<T>[] {
  const rest: Range<T>[] = [];
  let j = 0;
  for (const { first, last } of a) {
    let from = first;
    while (j < b.length && (b[j] as Range<T>).last < from) j++;
    for (let k = j; from <= last; k++) {
      const cut = b[k];
      if (cut === undefined || cut.first > last) {
        rest.push({ first: from, last });
        break;
      }
      if (cut.first > from) rest.push({ first: from, last: before(cut.first) });
      from = after(cut.last);
    }
  }
  return rest;
}

export function containsPoint<T extends number | bigint>(ranges: readonly Range<T>[], point: T): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle] as Range<T>;
    if (point < range.first) high = middle - 1;
    else if (point > range.last) low = middle + 1;
    else return true;
  }
  return false;
}

function equalRanges<T extends number | bigint>(a: readonly Range<T>[], b: readonly Range<T>[]): boolean {
  return a.length === b.length && a.every((range, i) => range.first === b[i]?.first && range.last === b[i]?.last);
}

// TypeScript has no arithmetic for `number | bigint`: the two operators of T, whichever it is.
function after<T extends number | bigint>(value: T): T {
  return (typeof value === 'bigint' ? value + 1n : (value as number) + 1) as T;
}
function before<T extends number | bigint>(value: T): T {
  return (typeof value === 'bigint' ? value - 1n : (value as number) - 1) as T;
}

// ---- prefixes -----------------------------------------------------------------------------------------------------

/** Is `first..last` one prefix, and of which length? null: no. */
export function prefixLength(family: Family, first: bigint, last: bigint): number | null {
  const bits = family === 4 ? 32 : 128;
  const size = last - first + 1n;
  if (size <= 0n || (size & (size - 1n)) !== 0n || first % size !== 0n) return null;
  return bits - (size.toString(2).length - 1);
}

// ---- well-known sets ----------------------------------------------------------------------------------------------

function v4(text: string): Range<number> {
  const [address = '', length = '32'] = text.split('/');
  const first = address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
  return { first, last: first + 2 ** (32 - Number(length)) - 1 };
}

/** Private IPv4 addresses: RFC 1918, and the shared space of RFC 6598. */
export const PRIVATE_V4: AddressSet = {
  v4: normalize(['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16'].map(v4)),
  v6: [],
};

/** Unique local IPv6 addresses: RFC 4193. */
export const PRIVATE_V6: AddressSet = { v4: [], v6: [{ first: 0xfcn << 120n, last: (0xfen << 120n) - 1n }] };

// ---- text ---------------------------------------------------------------------------------------------------------

/** `10.0.0.1`, `10.0.0.0/8` or `10.0.0.1-10.0.0.9`. */
export function formatRange(family: Family, first: bigint, last: bigint): string {
  if (first === last) return writeAddress(first, family);
  const length = prefixLength(family, first, last);
  if (length !== null) return `${writeAddress(first, family)}/${length}`;
  return `${writeAddress(first, family)}-${writeAddress(last, family)}`;
}

/** The ranges, comma between, at most `limit` of them. */
export function formatSet(set: AddressSet, limit = 3): string {
  const parts = [
    ...set.v4.slice(0, limit).map(({ first, last }) => formatRange(4, BigInt(first), BigInt(last))),
    ...set.v6.slice(0, limit).map(({ first, last }) => formatRange(6, first, last)),
  ];
  const more = set.v4.length + set.v6.length > limit ? ', …' : '';
  return parts.slice(0, limit).join(', ') + more;
}
