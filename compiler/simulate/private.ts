/**
 * Private addresses that would leave untranslated by an interface that hides such, beside those of new connections' sources, of
 * which the diagram knows (native/datapath/decide.h, icmp.h).
 */
import type { Family } from '../../grammar/ast.ts';
import { PRIVATE_V4, PRIVATE_V6 } from '../addresses.ts';
import { type InterfaceId, type Model, SELF } from '../model.ts';
import { addressOf, type Journey } from './decide.ts';

/**
 * Answers would leave with the private address that was asked for: the source is not behind the interface that the packet came
 * in by, but out where masquerades hide. `asked`: the destination as it was on the wire.
 */
export function wouldAnswerOutside(journey: Journey, asked: bigint): boolean {
  const { model, packet, around } = journey;
  const { family } = packet;
  if (packet.in === SELF || !isPrivate(asked, family)) return false;
  const outs = (around.returns ?? around.routes)(family, addressOf(journey, packet.from));
  return outs.length > 0 && outs.every((out) => out !== packet.in && hides(model, out, family));
}

/** A router that reports by `out` about a connection of which it is no end would show its own address. */
export function wouldShowRouter(journey: Omit<Journey, 'diagram' | 'trail'>, out: InterfaceId | null): boolean {
  const { model, packet } = journey;
  if (out === null || out === SELF) return false;
  return hides(model, out, packet.family) && isPrivate(addressOf(journey, packet.from), packet.family);
}

function hides({ masquerades }: Model, id: InterfaceId, family: Family): boolean {
  return masquerades.some(({ families, interfaces }) => families.includes(family) && interfaces.includes(id));
}

function isPrivate(address: bigint, family: Family): boolean {
  const ranges: readonly { readonly first: number | bigint; readonly last: number | bigint }[] =
    family === 4 ? PRIVATE_V4.v4 : PRIVATE_V6.v6;
  return ranges.some(({ first, last }) => first <= address && address <= last);
}
