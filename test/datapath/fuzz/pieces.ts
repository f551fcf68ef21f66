/** What the judge remembers of datagrams in pieces, and what is wrong with a piece by itself. */
import { type Frame, TCP } from './bytes.ts';
import type { Device } from './world.ts';

export interface Known {
  /** Of the flow that the head belongs to, or that the error is about. */
  readonly key: Uint8Array;
  /** That it left with; null: not seen yet. */
  readonly id: number | null;
}
const MOST = 8;

export class Datagrams {
  readonly #known = new Map<string, readonly Known[]>();

  /** A head. One that was seen to go on is what the others follow; of those that were not, any may be. */
  note(device: Device, f: Frame, known: Known): void {
    const before = known.id === null ? this.get(device, f) : [];
    this.#known.set(nameOf(device, f), [known, ...before].slice(0, MOST));
  }
  get(device: Device, f: Frame): readonly Known[] {
    return this.#known.get(nameOf(device, f)) ?? [];
  }
}

const nameOf = (device: Device, f: Frame): string => `${device} ${f.saddr} ${f.daddr} ${f.id} ${f.protocol}`;

/** RFC 791, RFC 1858, RFC 3128; null: nothing. */
export function isBrokenPiece(f: Frame): string | null {
  const size = f.length - (f.l4 - f.l3);
  if (size === 0) return 'it is empty';
  if (f.more && size % 8 !== 0) return 'it is not the last one, and no multiple of eight bytes';
  if (f.offset * 8 + size > 65535) return 'it ends beyond 65,535';
  return f.protocol === TCP && f.offset > 0 && f.offset * 8 < 20 ? 'it has bytes of the TCP header' : null;
}
