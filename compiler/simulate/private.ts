/**
 * Private addresses that would leave untranslated by an interface that hides such, beside those of new connections' sources, of
 * which the diagram knows (native/datapath/decide.h, icmp.h).
 */
import type { Family } from '../../grammar/ast.ts';
import { PRIVATE_V4, PRIVATE_V6 } from '../addresses.ts';
import { type InterfaceId, type Model, SELF } from '../model.ts';
import { addressOf, DENIED, type Journey } from './decide.ts';
import type { Decision } from './decision.ts';
import type { Found } from './flows.ts';
import { reverse } from './tuple.ts';

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

/** An error of a router inside, about a connection whose addresses are shown as they are, would show that of the router. */
export function hideRouter(place: Omit<Journey, 'diagram' | 'trail'>, found: Found, decision: Decision): Decision {
  const { packet, model } = place;
  if (decision.drop || !packet.quotes) return decision;
  const { flow, direction } = found;
  const [from, to] = direction === 'forth' ? [flow.forth, flow.to] : [reverse(flow.to), reverse(flow.forth)];
  const out = direction === 'forth' ? flow.decision.out : flow.packet.in;
  const router = addressOf(place, packet.from);
  const isShown = from.saddr === to.saddr && from.sport === to.sport && router !== from.saddr;
  if (!isShown || out === null || out === SELF) return decision;
  if (!hides(model, out, packet.family) || !isPrivate(router, packet.family)) return decision;
  return { ...DENIED, by: decision.by, out: decision.out, drop: { kind: 'untranslated' }, trail: decision.trail };
}

function hides({ masquerades }: Model, id: InterfaceId, family: Family): boolean {
  return masquerades.some(({ families, interfaces }) => families.includes(family) && interfaces.includes(id));
}

function isPrivate(address: bigint, family: Family): boolean {
  const ranges: readonly { readonly first: number | bigint; readonly last: number | bigint }[] =
    family === 4 ? PRIVATE_V4.v4 : PRIVATE_V6.v6;
  return ranges.some(({ first, last }) => first <= address && address <= last);
}
