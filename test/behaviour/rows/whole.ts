import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { Host, Match } from '../host.ts';
import { reassemble } from '../wire/fragments.ts';
import { describe, type Packet } from '../wire/parse.ts';

/** Waits for a packet that comes whole or in pieces. @throws Failure when it does not, or spoilt, or shows an inside address */
export async function hearsWhole(host: Host, what: string, match: Match, limit = 1500): Promise<Packet> {
  const end = Date.now() + limit;
  for (;;) {
    const packets = host.heard.map(({ packet }) => packet);
    const leak = host.side === 'outside' && packets.find(({ src }) => src.startsWith('192.168.'));
    if (leak) throw new Failure(`an inside address leaves: ${describe(leak)}`);
    const found = reassemble(packets).find(match);
    if (found?.sumsAreRight) return found;
    if (Date.now() > end) {
      const got = packets.slice(-6).map(describe).join('; ') || 'nothing';
      throw new Failure(`${host.address} can't put ${what} together from what it got: ${got}`);
    }
    await pause(2);
  }
}
