/** Hosts, networks, sets and services of two files by what they stand for, so that boxes can be told in their words. */

import type { Declared } from '../../compiler/check/check.ts';
import type { AddressSet, Range, Service } from '../../compiler/model.ts';
import { rangesOf } from '../../compiler/pairing.ts';
import { protocolNumber } from '../../compiler/protocols.ts';

type Ranges = readonly Range<bigint>[];

export interface Names {
  /** Names with the keys of their ranges, those of most ranges first. */
  readonly addresses: Readonly<Record<4 | 6, readonly { readonly name: string; readonly keys: readonly string[] }[]>>;
  readonly services: ReadonlyMap<string, string>;
}

/** Sets of more ranges are not looked for. */
const MOST_RANGES = 64;

/** Without names that stand for one thing in the one file and for another in the other. */
export function namesOf(files: readonly Declared[]): Names {
  const addresses = agreeing(files.map((file) => file.addresses));
  const of = (family: 4 | 6) =>
    addresses
      .map(({ name, value }) => ({ name, keys: keysOf(value, family) }))
      .filter(({ keys }) => keys.length > 0 && keys.length <= MOST_RANGES)
      .sort((a, b) => b.keys.length - a.keys.length);
  const services = new Map<string, string>();
  for (const { name, value } of agreeing(files.map((file) => file.services))) {
    const key = keyOfWhat(value);
    if (key !== null) services.set(key, name);
  }
  return { addresses: { 4: of(4), 6: of(6) }, services };
}

function agreeing<T>(files: readonly ReadonlyMap<string, T | null>[]): { readonly name: string; readonly value: T }[] {
  const plain = (value: unknown) =>
    JSON.stringify(value, (key, one) => (key === 'span' ? null : typeof one === 'bigint' ? `${one}` : one));
  const values = new Map<string, T | null>();
  for (const file of files)
    for (const [name, value] of file) {
      const before = values.get(name);
      values.set(name, before === undefined || plain(before) === plain(value) ? value : null);
    }
  return [...values].flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
}

const keyOf = ({ first, last }: Range<bigint>) => `${first}-${last}`;
const keysOf = (set: AddressSet, family: 4 | 6) => rangesOf(set, family).map(keyOf);

/** The names that `ranges` are made of, and the ranges that have none. */
export function takeNames(ranges: Ranges, family: 4 | 6, { addresses }: Names) {
  const left = new Map(ranges.map((range) => [keyOf(range), range]));
  const named: string[] = [];
  for (const { name, keys } of addresses[family]) {
    if (!keys.every((key) => left.has(key))) continue;
    for (const key of keys) left.delete(key);
    named.push(name);
  }
  return { named, left: [...left.values()] };
}

export function keyOfService(protocols: Ranges, ports: Ranges): string {
  const numbers = protocols.flatMap(({ first, last }) => (first === last ? [first] : [first, '-', last]));
  return `${numbers.join()} ${ports.map(keyOf).join()}`;
}

/** null: it is no product of protocols and ports. */
function keyOfWhat(services: readonly Service[]): string | null {
  const ports = new Map<bigint, Range<bigint>[]>();
  for (const { protocol, ports: range } of services) {
    if (range === null) return null;
    const number = BigInt(protocolNumber(protocol, 4));
    ports.set(number, [...(ports.get(number) ?? []), { first: BigInt(range.first), last: BigInt(range.last) }]);
  }
  const numbers = [...ports.keys()].sort((a, b) => Number(a - b)).map((number) => ({ first: number, last: number }));
  const sorted = [...ports.values()].map((ranges) => ranges.sort((a, b) => (a.first < b.first ? -1 : 1)));
  const [one = [], ...others] = sorted;
  const key = keyOfService(numbers, one);
  return others.every((other) => keyOfService(numbers, other) === key) ? key : null;
}
