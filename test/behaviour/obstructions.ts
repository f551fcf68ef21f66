/** What can stand before a gateway and spoil one thing. */
import type { Side } from './host.ts';
import type { Obstruction } from './network.ts';
import { type Packet, parse } from './wire/parse.ts';

/** What becomes of a packet: others in its place, none, or (undefined) it goes on as it is. */
export type Spoil = (packet: Packet) => readonly Uint8Array[] | undefined;

function at(side: Side, sent: boolean, spoil: Spoil): Obstruction {
  return (bytes, where) => {
    if (where.side !== side || where.sent !== sent) return [bytes];
    const packet = parse(bytes);
    return [...((packet === null ? undefined : spoil(packet)) ?? [bytes])];
  };
}

/** Packets that the gateway sends out by the wan. */
export const leaving = (spoil: Spoil): Obstruction => at('outside', false, spoil);
/** Packets from outside on their way to the gateway. */
export const arriving = (spoil: Spoil): Obstruction => at('outside', true, spoil);
/** Packets that the gateway sends to inside hosts. */
export const delivered = (spoil: Spoil): Obstruction => at('inside', false, spoil);
/** Packets of inside hosts on their way to the gateway. */
export const submitted = (spoil: Spoil): Obstruction => at('inside', true, spoil);

/** Several at once. */
export const all =
  (...obstructions: readonly Obstruction[]): Obstruction =>
  (bytes, where) =>
    obstructions.reduce((packets: Uint8Array[], next) => packets.flatMap((packet) => next(packet, where)), [bytes]);

/** Loses what matches. */
export const lose =
  (match: (packet: Packet) => boolean): Spoil =>
  (packet) =>
    match(packet) ? [] : undefined;

/** What matches goes round the gateway as it is, from the inside to the outside or the other way. */
export const passBy =
  (from: Side, match: (packet: Packet) => boolean): Obstruction =>
  (bytes, { side, sent, emit }) => {
    const packet = side === from && sent ? parse(bytes) : null;
    if (packet === null || !match(packet)) return [bytes];
    emit(from === 'inside' ? 'outside' : 'inside', bytes);
    return [];
  };
