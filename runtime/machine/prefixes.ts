import { writePrefix } from '../../compiler/dynamic.ts';
import { hostMask, readAddress } from '../../grammar/address.ts';

/** An address of `ip -j addr`. `address`: the other end of a point-to-point link. */
export interface InterfaceAddress {
  readonly family?: string;
  readonly local?: string;
  readonly address?: string;
  readonly prefixlen?: number;
  readonly scope?: string;
  readonly deprecated?: boolean;
  readonly temporary?: boolean;
}

/** 2000::/3, what is routed in the internet (RFC 4291 section 2.4). */
const isGlobal = (address: bigint): boolean => address >> 125n === 1n;

/**
 * The prefixes that an interface has by its addresses, as the kernel lists them (of IPv6 the newest first). All count while
 * their addresses are valid, deprecated ones too (RFC 4862 section 5.5.4: their connections go on). The best one of IPv6 is
 * not deprecated, then not unique local (RFC 4193), then the newest; privacy addresses (RFC 8981) come and go within
 * a prefix and say nothing about its age. Link-local ones (RFC 4291, RFC 3927) and those of a host are no prefixes.
 */
export function listPrefixes(addresses: readonly InterfaceAddress[]): string[] {
  const found = new Map<string, { readonly text: string; readonly rank: number }>();
  const settled = [...addresses].sort((a, b) => Number(a.temporary ?? false) - Number(b.temporary ?? false));
  for (const { local, address: peer, prefixlen: length, scope, deprecated } of settled) {
    if (local === undefined || length === undefined || scope === 'link' || scope === 'host') continue;
    const family = local.includes(':') ? 6 : 4;
    const address = readAddress(peer ?? local, family);
    if (address === null) continue;
    const text = writePrefix({ first: address & ~hostMask(family, length), length }, family);
    const rank = family === 4 ? 0 : 1 + (deprecated === true ? 2 : 0) + (isGlobal(address) ? 0 : 1);
    const before = found.get(text);
    if (before === undefined) found.set(text, { text, rank });
    else if (rank < before.rank) found.set(text, { text, rank });
  }
  return [...found.values()].sort((a, b) => a.rank - b.rank).map(({ text }) => text);
}
