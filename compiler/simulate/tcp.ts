/**
 * The state of a TCP connection, by the flags that each direction has shown (native/datapath/tcp.h). Packets of the simulator have
 * no sequence numbers: a RST and a FIN are taken to be inside the window.
 */
import type { Direction, Flow } from './flows.ts';

export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;

export type TcpState = 'tcp-syn' | 'tcp' | 'tcp-fin';

/** The class of timeouts: half open, established (half closed, too: RFC 5382 REQ-5), closing. */
export function stateOf({ forth, back }: Flow['flags']): TcpState {
  if (isClosed({ forth, back })) return 'tcp-fin';
  return forth & back & ACK ? 'tcp' : 'tcp-syn';
}

export function isClosed({ forth, back }: Flow['flags']): boolean {
  return ((forth | back) & RST) !== 0 || (forth & back & FIN) !== 0;
}

/** A packet of no known connection may be the first of one. */
export function mayStart(flags: number): boolean {
  return (flags & (SYN | ACK | RST | FIN)) === SYN;
}

/** On the tuple of a connection that has ended: `starts` another, or is the second step of one whose first nobody saw. */
export function meetsEnd(flags: number, seen: Flow['flags']): 'starts' | 'stray' | null {
  if (!(flags & SYN) || !isClosed(seen)) return null;
  return flags & (ACK | RST) ? (flags & RST ? null : 'stray') : 'starts';
}

/** Notes what a packet of the connection says. */
export function track(seen: Flow['flags'], direction: Direction, flags: number): void {
  const other = direction === 'forth' ? 'back' : 'forth';
  const answered = (seen[other] & ACK) !== 0;
  if (flags & RST) {
    if (answered || (flags & ACK && seen[other] & SYN)) {
      seen[direction] |= RST;
      seen[other] |= RST;
    }
    return;
  }
  if (flags & SYN) seen[direction] |= SYN;
  else if (flags & FIN && answered) seen[direction] |= FIN;
  else if (!(flags & FIN) && answered) {
    // who goes on has not believed the RST (RFC 5961)
    seen[direction] &= ~RST;
    seen[other] &= ~RST;
  }
  seen[direction] |= flags & ACK;
}

/** What a packet is when nobody says: the next step of an opening, or data. */
export function naturalFlags(seen: Flow['flags'] | null, direction: Direction): number {
  if (seen === null || isClosed(seen)) return seen !== null && direction === 'back' ? ACK : SYN;
  if (direction === 'forth') return seen.back & (SYN | ACK) ? ACK : SYN;
  return seen.back & SYN ? ACK : SYN | ACK;
}
