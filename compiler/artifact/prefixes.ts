/**
 * The contents of a table as the keys of its map (compiler/ebpf/policy-maps.ts), one behind the other: IPv4 first, by
 * address, none within another. Equal sets give equal bytes.
 */
import { writeAddress } from '../../grammar/address.ts';
import { KEY_SIZE } from '../ebpf/policy-maps.ts';
import type { AddressSet } from '../model.ts';

/** `mark`: the bits above the family, of a table that follows the machine's prefixes (compiler/ebpf/policy-maps.ts); else 0. */
export function packTable({ v4, v6 }: AddressSet, mark = 0): Uint8Array {
  const keys: Key[] = [];
  for (const { first, last } of v4) splitNarrow(keys, first, last);
  for (const { first, last } of v6) splitWide(keys, first, last);
  const bytes = new Uint8Array(keys.length * KEY_SIZE);
  const data = new DataView(bytes.buffer);
  for (const [index, { family, length, address }] of keys.entries()) {
    const at = index * KEY_SIZE;
    data.setUint32(at, 32 + length, true);
    data.setUint32(at + 4, (family | mark) >>> 0, true);
    if (typeof address === 'number') data.setUint32(at + 8, address);
    else {
      data.setBigUint64(at + 8, address >> 64n);
      data.setBigUint64(at + 16, address & 0xffff_ffff_ffff_ffffn);
    }
  }
  return bytes;
}

/** The set as texts, `192.168.1.0/24`. */
export function formatPrefixes({ v4, v6 }: AddressSet): string[] {
  const keys: Key[] = [];
  for (const { first, last } of v4) splitNarrow(keys, first, last);
  for (const { first, last } of v6) splitWide(keys, first, last);
  return keys.map(({ family, length, address }) => `${writeAddress(BigInt(address), family)}/${length}`);
}

interface Key {
  readonly family: 4 | 6;
  readonly length: number;
  readonly address: number | bigint;
}

/** The fewest prefixes that make up `first..last`. */
function splitNarrow(keys: Key[], first: number, last: number): void {
  for (let at = first; at <= last; ) {
    let length = 32;
    for (let size = 2; length > 0 && at % size === 0 && at + size - 1 <= last; size *= 2) length--;
    keys.push({ family: 4, length, address: at });
    at += 2 ** (32 - length);
  }
}

function splitWide(keys: Key[], first: bigint, last: bigint): void {
  for (let at = first; at <= last; ) {
    let length = 128;
    for (let size = 2n; length > 0 && at % size === 0n && at + size - 1n <= last; size *= 2n) length--;
    keys.push({ family: 6, length, address: at });
    at += 1n << BigInt(128 - length);
  }
}

export interface Difference {
  readonly added: Uint8Array;
  readonly removed: Uint8Array;
}

/** What makes `after` of `before`, both as packTable makes them. */
export function comparePacked(before: Uint8Array, after: Uint8Array): Difference {
  const [olds, news] = [
    Buffer.from(before.buffer, before.byteOffset, before.length),
    Buffer.from(after.buffer, after.byteOffset, after.length),
  ];
  const added: Uint8Array[] = [];
  const removed: Uint8Array[] = [];
  for (let i = 0, j = 0; i < olds.length || j < news.length; ) {
    const order = i >= olds.length ? 1 : j >= news.length ? -1 : compareKeys(olds, i, news, j);
    if (order < 0) removed.push(olds.subarray(i, i + KEY_SIZE));
    if (order > 0) added.push(news.subarray(j, j + KEY_SIZE));
    if (order <= 0) i += KEY_SIZE;
    if (order >= 0) j += KEY_SIZE;
  }
  return { added: Buffer.concat(added), removed: Buffer.concat(removed) };
}

/** By family, address, length. */
function compareKeys(a: Buffer, i: number, b: Buffer, j: number): number {
  return a.compare(b, j + 4, j + KEY_SIZE, i + 4, i + KEY_SIZE) || a.readUInt32LE(i) - b.readUInt32LE(j);
}
