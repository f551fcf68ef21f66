/**
 * What follows the prefixes that interfaces have (`dynamic`). The policy holds none of them: it asks tables and values,
 * which the runtime fills from the addresses of the machine, by these functions, whenever they change. The checker and the
 * simulator fill them with stand-ins. Everything here is JSON, as it stands in the manifest; addresses are texts.
 */
import { hostMask, readAddress, writeAddress } from '../grammar/address.ts';
import type { Family } from '../grammar/ast.ts';
import { unite } from './addresses.ts';
import type { AddressSet, InterfaceId, Prefix } from './model.ts';
import { ownedAddresses, rangesOwned } from './ownership.ts';
import { setOfPrefix, wordsOf } from './pairing.ts';
import { adjustment } from './prefix-translation.ts';

/** The prefixes of an interface, of one family or both; `suffix`: that one address in each, null: all. */
export interface Part {
  readonly interface: InterfaceId;
  readonly family: Family | null;
  readonly suffix: string | null;
}

/** What a table holds. */
export type Follows =
  | { readonly kind: 'prefixes'; readonly parts: readonly Part[] }
  /** What lives behind other interfaces than this one; null: behind any. */
  | { readonly kind: 'elsewhere'; readonly interface: InterfaceId | null; readonly networks: readonly Living[] }
  /** What lives behind this one. */
  | { readonly kind: 'here'; readonly interface: InterfaceId; readonly networks: readonly Living[] }
  /** The outside prefix of a map. */
  | Outside;

/** A `network … on`; `dynamic`: the interface's prefixes beside these. */
export interface Living {
  readonly interface: InterfaceId;
  readonly prefixes: readonly string[];
  readonly dynamic: boolean;
}
/** The best prefix of an interface that `inside` fits: as long as `inside`, the rest 0 (RFC 6296 section 3.1: the longer one counts). */
export interface Outside {
  readonly kind: 'outside';
  readonly interface: InterfaceId;
  readonly family: Family;
  readonly inside: string;
}
/** One that the policy answers with. `host`: the suffix in the best prefix of an interface. */
export type LiveValue =
  | { readonly kind: 'host'; readonly interface: InterfaceId; readonly family: Family; readonly suffix: string }
  | Outside;

/** A network, a host or a map of the file (`kind`), and what its name stands for. */
export interface Named {
  readonly kind: 'network' | 'host' | 'map';
  readonly name: string;
  readonly follows: Exclude<Follows, { readonly networks: readonly Living[] }>;
}

/** The prefixes of interfaces now (`2001:db8:1::/64`), the best first. */
export interface Now {
  get(id: InterfaceId): readonly string[] | undefined;
}

/** What the checker and the simulator take for the prefixes of an interface: nobody has these (RFC 1112 section 4, RFC 9637). */
export const STAND_INS: Now = { get: (id) => [`240.${id}.0.0/16`, `3fff:${id.toString(16)}::/32`] };
/** Bits of a suffix that fit every stand-in. */
export const SUFFIX_BITS = { 4: 16, 6: 64 } as const;

export function fillTable(follows: Follows, now: Now): AddressSet {
  switch (follows.kind) {
    case 'prefixes':
      return unite(follows.parts.flatMap((part) => listAddresses(part, now)));
    case 'elsewhere':
    case 'here': {
      const { kind, interface: place } = follows;
      const networks = follows.networks.map((network) => {
        const own = network.dynamic ? (now.get(network.interface) ?? []) : [];
        return { interface: network.interface, prefixes: [...network.prefixes, ...own].map(readPrefix) };
      });
      const there = (family: Family) =>
        rangesOwned(ownedAddresses({ networks }, family), family, (ids) => {
          const isHere = place !== null && ids.includes(place);
          return kind === 'here' ? isHere : !isHere;
        });
      return { v4: there(4) as AddressSet['v4'], v6: there(6) as AddressSet['v6'] };
    }
    case 'outside': {
      const prefix = findOutside(follows, now);
      return prefix === null ? { v4: [], v6: [] } : setOfPrefix(prefix, follows.family);
    }
    default:
      return follows satisfies never;
  }
}

/** What a value is now; null: no prefix gives it one. `out`, `in`: see adjustment(), 0 for IPv4 and hosts. */
export interface Filled {
  /** From the first 32 bits on. */
  readonly words: readonly number[];
  readonly out: number;
  readonly in: number;
}
export function fillValue(value: LiveValue, now: Now): Filled | null {
  const { family } = value;
  if (value.kind === 'host') {
    const [first] = listHosts(value, now);
    return first === undefined ? null : { words: wordsOf(first.address, family), out: 0, in: 0 };
  }
  const outside = findOutside(value, now);
  if (outside === null) return null;
  const inside = readPrefix(value.inside);
  const [out, back] = family === 4 ? [0, 0] : [adjustment(inside, outside), adjustment(outside, inside)];
  return { words: wordsOf(outside.first, family), out, in: back };
}

/** The outside prefix of a map; null: the interface has none that it fits. */
export function findOutside({ interface: id, family, inside }: Outside, now: Now): Prefix | null {
  const within = readPrefix(inside);
  const found = prefixesOf(id, family, now).find(
    ({ first, length }) => length <= within.length && first !== within.first,
  );
  return found === undefined ? null : { first: found.first, length: within.length };
}

/** The suffix of a part in the best prefix; null: none leaves it room. */
export function firstAddress(part: Part, now: Now): bigint | null {
  const { family, suffix } = part;
  if (family === null || suffix === null) return null;
  return listHosts({ ...part, family, suffix }, now)[0]?.address ?? null;
}

/** A table's addresses of one part. */
function listAddresses(part: Part, now: Now): AddressSet[] {
  const families = part.family === null ? ([4, 6] as const) : [part.family];
  return families.flatMap((family) => {
    if (part.suffix === null)
      return prefixesOf(part.interface, family, now).map((prefix) => setOfPrefix(prefix, family));
    const hosts = listHosts({ ...part, family, suffix: part.suffix }, now);
    return hosts.map(({ address }) => setOfPrefix({ first: address, length: family === 4 ? 32 : 128 }, family));
  });
}

/** The suffix in each prefix that leaves it room, the best first. */
function listHosts(
  part: { readonly interface: InterfaceId; readonly family: Family; readonly suffix: string },
  now: Now,
): { readonly address: bigint }[] {
  const suffix = readAddress(part.suffix, part.family) ?? 0n;
  return prefixesOf(part.interface, part.family, now).flatMap(({ first, length }) =>
    (suffix & ~hostMask(part.family, length)) === 0n ? [{ address: first | suffix }] : [],
  );
}

function prefixesOf(id: InterfaceId, family: Family, now: Now) {
  return (now.get(id) ?? []).map(readPrefix).filter((prefix) => prefix.family === family);
}

export function readPrefix(text: string): Prefix & { readonly family: Family } {
  const [address = '', length = ''] = text.split('/');
  const family = address.includes(':') ? 6 : 4;
  return { family, first: readAddress(address, family) ?? 0n, length: Number(length) };
}
export function writePrefix({ first, length }: Prefix, family: Family): string {
  return `${writeAddress(first, family)}/${length}`;
}
