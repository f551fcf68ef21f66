/** Which interface an address lives behind, as the `network … on` lines say: the longest prefix counts. */
import type { Family } from '../grammar/ast.ts';
import { normalize } from './addresses.ts';
import type { AddressSet, InterfaceId, Network } from './model.ts';

/** Addresses `first..last` live behind `interfaces` (several: the same prefix is declared on each). */
export interface Owned {
  readonly first: bigint;
  readonly last: bigint;
  readonly interfaces: readonly InterfaceId[];
  /** Index into the networks of one that says so. */
  readonly network: number;
}

interface Prefix {
  readonly first: bigint;
  readonly last: bigint;
  readonly interfaces: InterfaceId[];
  readonly network: number;
}

export interface Networks {
  readonly networks: readonly Pick<Network, 'interface' | 'prefixes'>[];
}

/** Sorted and disjoint; addresses in no network are left out. */
export function ownedAddresses({ networks }: Networks, family: Family): Owned[] {
  const out: Owned[] = [];
  /** Prefixes around the current address, the longest last. Prefixes nest or are apart. */
  const open: Prefix[] = [];
  let at = 0n;
  const emitUntil = (last: bigint): void => {
    const inner = open.at(-1);
    if (inner && at <= last) out.push({ first: at, last, interfaces: inner.interfaces, network: inner.network });
    at = last + 1n;
  };
  const closeBefore = (first: bigint | null): void => {
    for (let inner = open.at(-1); inner && (first === null || inner.last < first); inner = open.at(-1)) {
      emitUntil(inner.last);
      open.pop();
    }
  };
  for (const prefix of sortedPrefixes(networks, family)) {
    closeBefore(prefix.first);
    emitUntil(prefix.first - 1n);
    open.push(prefix);
  }
  closeBefore(null);
  return out;
}

/** What lives behind some interface that `owner` accepts, as ranges of the family's kind. */
export function rangesOwned(
  owned: readonly Owned[],
  family: Family,
  owner: (interfaces: readonly InterfaceId[]) => boolean,
): AddressSet['v4'] | AddressSet['v6'] {
  const chosen = owned.filter(({ interfaces }) => owner(interfaces));
  return family === 6
    ? normalize(chosen.map(({ first, last }) => ({ first, last })))
    : normalize(chosen.map(({ first, last }) => ({ first: Number(first), last: Number(last) })));
}

function sortedPrefixes(networks: Networks['networks'], family: Family): Prefix[] {
  const prefixes = new Map<string, Prefix>();
  networks.forEach((declared, network) => {
    for (const prefix of declared.prefixes) {
      if (prefix.family !== family) continue;
      const key = `${prefix.first}/${prefix.length}`;
      const known = prefixes.get(key);
      if (known) {
        if (!known.interfaces.includes(declared.interface)) known.interfaces.push(declared.interface);
        continue;
      }
      const size = 1n << BigInt((family === 4 ? 32 : 128) - prefix.length);
      const last = prefix.first + size - 1n;
      prefixes.set(key, { first: prefix.first, last, interfaces: [declared.interface], network });
    }
  });
  return [...prefixes.values()].sort((a, b) =>
    a.first !== b.first ? (a.first < b.first ? -1 : 1) : a.last > b.last ? -1 : a.last < b.last ? 1 : 0,
  );
}
