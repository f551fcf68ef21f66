/**
 * `share NUM ports per source` (RFC 7422): the sources of `from`, counted in the order of their addresses, get one block of
 * ports after the other, first all blocks of the lowest outside address. Who had a port is known without a log.
 */

import type { Masquerade, Range } from './model.ts';
import { addressAt, countAddresses, outsideRanges, rangesOf } from './pairing.ts';

export interface Block {
  /** null: the interface's own. */
  readonly address: bigint | null;
  readonly ports: Range<number>;
}
export type Shared = Masquerade & { readonly share: number };

export const isShared = (masquerade: Masquerade): masquerade is Shared => masquerade.share !== null;

/** How many blocks an outside address has. */
export function blocksOf({ ports, share }: Pick<Shared, 'ports' | 'share'>): number {
  return Math.floor((ports.last - ports.first + 1) / share);
}

/** How many outside addresses there are; the interface's own is one. */
export function outsideCount(masquerade: Masquerade): number {
  const ranges = outsideRanges(masquerade, 4);
  return ranges === null ? 1 : countAddresses(ranges);
}

/** The block of a source; null: it is not one of `from`. */
export function blockOf(masquerade: Shared, source: bigint): Block | null {
  let index = 0n;
  for (const { first, last } of sourcesOf(masquerade)) {
    if (source > last) {
      index += last - first + 1n;
      continue;
    }
    if (source < first) return null;
    const host = Number(index + source - first);
    const blocks = blocksOf(masquerade);
    const start = masquerade.ports.first + (host % blocks) * masquerade.share;
    const ranges = outsideRanges(masquerade, 4);
    const address = ranges === null ? null : addressAt(ranges, Math.floor(host / blocks));
    return { address, ports: { first: start, last: start + masquerade.share - 1 } };
  }
  return null;
}

/** The source whose block holds this port of an outside address (null: the interface's own); null: nobody's. */
export function sourceOf(masquerade: Shared, address: bigint | null, port: number): bigint | null {
  const { ports, share } = masquerade;
  const ranges = outsideRanges(masquerade, 4);
  const position = ranges === null || address === null ? 0n : positionIn(ranges, address);
  const blocks = blocksOf(masquerade);
  const block = Math.floor((port - ports.first) / share);
  if (position === null || (ranges === null) !== (address === null) || block < 0 || block >= blocks) return null;
  let host = position * BigInt(blocks) + BigInt(block);
  for (const { first, last } of sourcesOf(masquerade)) {
    if (host <= last - first) return first + host;
    host -= last - first + 1n;
  }
  return null;
}

function positionIn(ranges: readonly Range<bigint>[], address: bigint): bigint | null {
  let before = 0n;
  for (const { first, last } of ranges) {
    if (first <= address && address <= last) return before + address - first;
    before += last - first + 1n;
  }
  return null;
}

/** In order; a shared masquerade names no tables and excepts nothing (the checker has subtracted it). */
export function sourcesOf({ from }: Masquerade): readonly Range<bigint>[] {
  return rangesOf(from.include.addresses, 4);
}
