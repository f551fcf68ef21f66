/** What the judge remembers of datagrams in pieces, and what is wrong with a piece by itself. */
import { TCP } from './bytes.ts';
import type { Frame } from './frame.ts';
import type { Device } from './world.ts';

export interface Known {
  /** Of the flow that the head belongs to, or that the error is about. */
  readonly key: Uint8Array;
  /** That it left with; null: not seen yet. */
  readonly id: number | null;
}
const MOST = 8;
/** Milliseconds; the datapath keeps an identification for half a minute. */
const KEPT = 20_000;

export class Datagrams {
  readonly #known = new Map<string, readonly Known[]>();
  /** Whose datagram left under a name, and when. */
  readonly #left = new Map<string, { readonly owner: string; readonly at: number }>();

  /** A head. One that was seen to go on is what the others follow; of those that were not, any may be. */
  note(device: Device, f: Frame, known: Known): void {
    const before = known.id === null ? this.get(device, f) : [];
    this.#known.set(nameOf(device, f), [known, ...before].slice(0, MOST));
  }
  /** RFC 4787 REQ-14: two senders that have become one must not use one identification. */
  leave(device: Device, f: Frame, out: Frame): string | null {
    const owner = nameOf(device, f);
    const name = nameOf('wan0', out);
    const before = this.#left.get(name);
    const now = performance.now();
    this.#left.set(name, { owner, at: now });
    const clashes = before !== undefined && before.owner !== owner && now - before.at < KEPT;
    return clashes ? 'two datagrams leave with one identification' : null;
  }
  get(device: Device, f: Frame): readonly Known[] {
    return this.#known.get(nameOf(device, f)) ?? [];
  }
}

const nameOf = (device: Device, f: Frame): string =>
  `${device} ${f.saddr} ${f.daddr} ${f.id} ${f.family.number === 4 ? f.protocol : ''}`;

/** RFC 791, RFC 8200, RFC 1858, RFC 3128; null: nothing. */
export function isBrokenPiece(f: Frame): string | null {
  const before = f.start - f.l3;
  const size = f.length - before;
  if (size <= 0) return 'it is empty';
  if (f.more && size % 8 !== 0) return 'it is not the last one, and no multiple of eight bytes';
  if (f.offset * 8 + size + before > 65535) return 'it ends beyond 65,535';
  return f.protocol === TCP && f.offset > 0 && f.offset * 8 < 20 ? 'it has bytes of the TCP header' : null;
}
