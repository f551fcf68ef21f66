/**
 * Doors opened from inside: a packet to the outside socket of a mapping enters if the mapping's filtering admits its sender
 * (RFC 4787 section 5), also from another inside host (hairpin, section 6). No policy is asked. native/datapath/doors.h
 */
import { walk, walkForward } from '../diagram/walk.ts';
import { type InterfaceId, type Masquerade, type RuleId, SELF } from '../model.ts';
import { addressOf, answersOutside, appearanceOf, fieldsOf, type Journey, ownInterface } from './decide.ts';
import type { Appearance, Decision, Station } from './decision.ts';
import type { Mapping, Mappings } from './mappings.ts';
import { TCP, UDP } from './packet.ts';
import { wouldAnswerOutside } from './private.ts';
import { nameInterface, namePlace } from './words.ts';

export function enterDoor(journey: Journey, mappings: Mappings, now: number): Decision | null {
  const { packet, model, diagram } = journey;
  if (packet.protocol !== TCP && packet.protocol !== UDP) return null;
  const address = addressOf(journey, packet.to);
  const mapping = mappings.findLive({ protocol: packet.protocol, address, port: packet.dport });
  if (!mapping) return null;
  const { inside, side } = mapping;
  const inner = findInner(journey, mapping);
  if (inner === SELF || inner === side) return null;
  const machine = { kind: 'address', family: packet.family, address: inside.address } as const;
  const hider = askHider({ ...journey, packet: { ...packet, from: machine, to: packet.from, in: inner } }, side);
  const masquerade = model.masquerades.find(({ id }) => id === hider);
  if (masquerade?.mapping !== 'endpoint-independent') return null;

  const hairpin = packet.in !== side;
  const shown = hairpin ? appearOutside(journey, side) : { nat: 0, as: null };
  if (shown === null) return null;
  const sender = shown.as ? outsideAddress(journey, shown.as) : addressOf(journey, packet.from);
  const inward: Journey = { ...journey, packet: { ...packet, to: machine, dport: inside.port } };
  const admitted =
    admits(masquerade, mapping, sender) ||
    (hairpin &&
      (inner === packet.in || walkForward(diagram, { ...fieldsOf(inward), out: BigInt(inner) }).verdict === 'allow'));
  if (!admitted || (!hairpin && isForsaken(masquerade, mapping, model.gateway.timeouts, now))) return null;
  if (wouldAnswerOutside(journey, address)) return { ...answersOutside(journey, inner), rule: masquerade.id };
  const goes = namePlace(model, machine, inside.port);
  const trail: Station[] = [
    ...journey.trail,
    { stage: 'door', text: `has this port outside, and lets the sender in to ${goes}`, rule: masquerade.id },
    { stage: 'routing', text: `leaves by ${nameInterface(model, inner)}`, rule: 0 },
  ];
  if (shown.nat !== 0) trail.push({ stage: 'masquerade', text: 'masqueraded', rule: shown.nat });
  return {
    ...{ outcome: 'redirected', rejected: false, rule: masquerade.id, nat: shown.nat, by: masquerade.name, drop: null },
    ...{ out: inner, as: shown.as, becomes: { machine, port: inside.port }, trail },
  };
}

/** By which interface the inside host is reached: where the file does not tell, as it came. */
function findInner({ around, packet }: Journey, mapping: Mapping): InterfaceId {
  const outs = around.routes(packet.family, mapping.inside.address);
  const user = [...mapping.users].find(({ source }) => source === mapping);
  return outs.length > 1 && user ? user.packet.in : (outs[0] ?? SELF);
}

/** Which masquerade or map a packet gets that is let in already. */
function askHider(journey: Journey, out: InterfaceId): RuleId | null {
  const { nat, untranslated } = walk(journey.diagram.redirected, { ...fieldsOf(journey), own: 0n, out: BigInt(out) });
  return untranslated ? null : nat;
}

/** The sender is an inside host: how does it appear outside? null: not at all. */
function appearOutside(
  journey: Journey,
  side: InterfaceId,
): { readonly nat: RuleId; readonly as: Appearance | null } | null {
  const nat = askHider(journey, side);
  if (nat === null) return null;
  if (nat === 0) return { nat, as: null };
  const as = appearanceOf(journey, nat, side);
  if (as === 'unmappable') return null;
  return as.address.kind === 'own' && ownInterface(journey.packet) !== side ? null : { nat, as };
}

function outsideAddress({ around, packet }: Journey, { address }: Appearance): bigint {
  return address.kind === 'own' ? around.own(address.interface, packet.family) : address.address;
}

function admits({ filtering }: Masquerade, mapping: Mapping, sender: bigint): boolean {
  if (filtering !== 'address-dependent') return filtering === 'endpoint-independent';
  return [...mapping.users].some(({ source, forth }) => source === mapping && forth.daddr === sender);
}

/** `refresh outbound`: nobody inside has used it for its time (RFC 4787 REQ-6). */
function isForsaken(
  { refresh }: Masquerade,
  mapping: Mapping,
  timeouts: { readonly 'tcp-syn': number; readonly udp: number },
  now: number,
): boolean {
  if (refresh !== 'outbound') return false;
  return lastSent(mapping) + timeouts[mapping.inside.protocol === TCP ? 'tcp-syn' : 'udp'] < now;
}

/** When the inside has used the mapping last, in milliseconds. */
export function lastSent(mapping: Mapping): number {
  return Math.max(...[...mapping.users].map(({ source, used }) => (source === mapping ? used.forth : used.back)));
}
