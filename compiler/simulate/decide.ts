/** The reference simulator, without state: what becomes of the first packet of a connection. */
import { writeAddress } from '../../grammar/address.ts';
import type { PolicyDiagram } from '../diagram/diagram.ts';
import { NOWHERE } from '../diagram/fields.ts';
import { type FieldValues, tableValues, walk, walkForward } from '../diagram/walk.ts';
import {
  type AddressMap,
  type InterfaceId,
  type Listen,
  type Machine,
  type Model,
  type Redirect,
  type RuleId,
  SELF,
} from '../model.ts';
import { ownedAddresses } from '../ownership.ts';
import { pairedAddress } from '../pairing.ts';
import { mapAddress } from '../prefix-translation.ts';
import { blockOf, isShared } from '../share.ts';
import type { Appearance, Decision, Destination, Station } from './decision.ts';
import { type OwnAddresses, standIns } from './own-addresses.ts';
import { hasPorts, isStray, type NewPacket, TCP } from './packet.ts';
import { wouldAnswerOutside } from './private.ts';
import { type Routes, routesOf } from './routing.ts';
import { nameInterface, namePlace } from './words.ts';

/** What the simulator knows beside the file. */
export interface Surroundings {
  readonly routes: Routes;
  /** By which interfaces answers reach a source; as `routes` where nobody says otherwise. */
  readonly returns?: Routes;
  readonly own: OwnAddresses;
}

/** As much as the file itself tells. */
export function surroundingsOf(model: Model, diagram: PolicyDiagram): Surroundings {
  return { routes: routesOf(model), own: standIns(model, diagram) };
}

/**
 * One decision for each interface by which the packet may leave: more than one only when `around.routes` can't tell and
 * the answers differ.
 */
export function decide(
  model: Model,
  diagram: PolicyDiagram,
  packet: NewPacket,
  around: Surroundings = surroundingsOf(model, diagram),
  enterDoor: EnterDoor = () => null,
): readonly Decision[] {
  const journey: Journey = { model, diagram, packet, around, trail: [] };
  return dropBroken(journey) ?? decideIngress(journey, enterDoor);
}

/** Step 5 of the journey: what becomes of a packet that is let in by a door; null: there is none, or it stays shut. */
export type EnterDoor = (journey: Journey) => Decision | null;

export interface Journey {
  readonly model: Model;
  readonly diagram: PolicyDiagram;
  readonly packet: NewPacket;
  readonly around: Surroundings;
  readonly trail: readonly Station[];
}

/** Steps 1 and 2 of the journey, as far as no diagram is asked. */
function dropBroken(journey: Journey): readonly Decision[] | null {
  const { packet, trail } = journey;
  if (isMalformed(packet)) {
    const text = 'its source is its destination';
    return [{ ...DENIED, drop: { kind: 'malformed' }, trail: [...trail, { stage: 'malformed', text, rule: 0 }] }];
  }
  if (packet.in !== SELF && packet.from.kind !== 'address') {
    const text = "the source is the gateway's own address, but the gateway did not send it: forged";
    return [{ ...DENIED, drop: { kind: 'forged-own' }, trail: [...trail, { stage: 'forged', text, rule: 0 }] }];
  }
  if (isStray(packet)) {
    const what = packet.protocol === TCP ? 'TCP without SYN' : 'an ICMP error or answer';
    const text = `${what} that belongs to no connection`;
    return [{ ...DENIED, drop: { kind: 'stray' }, trail: [...trail, { stage: 'stray', text, rule: 0 }] }];
  }
  return null;
}

/** From whom it is for, which no wire carries. */
export function isMalformed({ from, to }: NewPacket): boolean {
  if (from.kind === 'own' && to.kind === 'own') return from.interface === to.interface;
  return from.kind === 'address' && to.kind === 'address' && from.address === to.address;
}

export const DENIED = {
  outcome: 'denied',
  rejected: false,
  rule: 0,
  nat: 0,
  by: null,
  out: null,
  as: null,
  becomes: null,
} as const;

function decideIngress(journey: Journey, enterDoor: EnterDoor): readonly Decision[] {
  const { model, diagram, packet } = journey;
  const fields = fieldsOf(journey);
  const leaf = walk(diagram.ingress, fields);
  switch (leaf.verdict) {
    case 'continue': {
      const entered = enterDoor(journey);
      return entered ? [entered] : decideForward(journey, fields);
    }
    case 'forged': {
      const source = packet.from.kind === 'address' ? packet.from.address : 0n;
      const owned = ownedAddresses(model, packet.family).find(({ first, last }) => first <= source && source <= last);
      const network = model.networks[owned?.network ?? 0]!;
      const text = `the source lives in network ${network.name}, on ${nameInterface(model, network.interface)}: forged`;
      const trail = [...journey.trail, { stage: 'forged' as const, text, rule: 0 }];
      return [{ ...DENIED, by: network.name, drop: { kind: 'forged', network }, trail }];
    }
    case 'deny':
    case 'reject': {
      const stage = model.rules[leaf.rule - 1]?.kind === 'redirect-denied' ? 'redirect' : 'gateway';
      const trail = [...journey.trail, { stage, text: 'denied', rule: leaf.rule } as const];
      const by = ownerOf(model, leaf.rule);
      return [{ ...DENIED, rejected: leaf.verdict === 'reject', rule: leaf.rule, by, drop: null, trail }];
    }
    case 'redirect':
      return decideRedirect(journey, fields, leaf.rule);
    case 'map':
      return decideMapped(journey, leaf.rule);
    default:
      return leaf satisfies never;
  }
}

/** The packet goes on to the policy, for its inside destination. */
function decideMapped(journey: Journey, rule: RuleId): readonly Decision[] {
  const { model, packet, trail } = journey;
  const map = findMap(model, rule);
  const before = addressOf(journey, packet.to);
  const address = mapAddress(before, map.family, map.outside, map.inside);
  if (address === null) {
    const text = `${writeAddress(before, map.family)} has no place in the inside network`;
    const drop = { kind: 'unmappable' } as const;
    return [{ ...DENIED, rule, by: map.name, drop, trail: [...trail, { stage: 'map', text, rule }] }];
  }
  const machine: Machine = { kind: 'address', family: map.family, address };
  const port = hasPorts(packet.protocol) ? packet.dport : null;
  const station: Station = { stage: 'map', text: `goes to ${namePlace(model, machine, port)}`, rule };
  const inner: Journey = { ...journey, packet: { ...packet, to: machine }, trail: [...trail, station] };
  return decideForward(inner, fieldsOf(inner), { map, asked: before, becomes: { machine, port } });
}

interface Mapped {
  readonly map: AddressMap;
  /** The destination before. */
  readonly asked: bigint;
  readonly becomes: Destination;
}

function decideForward(journey: Journey, fields: FieldValues, mapped: Mapped | null = null): readonly Decision[] {
  const { model, diagram, packet, around } = journey;
  const own = ownInterface(packet);
  const outs = own !== 0 ? [SELF] : around.routes(packet.family, addressOf(journey, packet.to));
  const decisions = outs.map((out): Decision => {
    const leaf = walkForward(diagram, { ...fields, out: BigInt(out) });
    const text = leaf.verdict === 'allow' ? 'allowed' : 'denied';
    const trail = [...journey.trail, routeStation(model, out), { stage: 'policy', text, rule: leaf.rule } as Station];
    const becomes = mapped?.becomes ?? null;
    const common = { rule: leaf.rule, nat: leaf.nat, out, drop: null, becomes, trail };
    const by = ownerOf(model, leaf.rule);
    if (leaf.untranslated) {
      trail.push(untranslatedStation(model, out));
      return { ...DENIED, ...common, becomes: null, by, drop: { kind: 'untranslated' } };
    }
    if (leaf.verdict !== 'allow') {
      return { ...DENIED, ...common, becomes: null, rejected: leaf.verdict === 'reject', by };
    }
    if (out !== SELF && wouldAnswerOutside(journey, mapped?.asked ?? addressOf(journey, packet.to))) {
      return { ...answersOutside({ ...journey, trail }, out), rule: leaf.rule, by };
    }
    const nat = leaf.nat === 0 && mapped && out === packet.in ? appearsBy(journey, fields, mapped.map) : leaf.nat;
    const as = nat === 0 ? null : appearanceOf(journey, nat, out);
    if (as === 'unmappable') {
      return { ...DENIED, ...common, rule: nat, becomes: null, by: ownerOf(model, nat), drop: { kind: as } };
    }
    const isMap = model.rules[nat - 1]?.kind === 'map';
    if (nat !== 0)
      trail.push({ stage: isMap ? 'map' : 'masquerade', text: isMap ? 'mapped' : 'masqueraded', rule: nat });
    const outcome = mapped || isMap ? 'mapped' : nat === 0 ? 'allowed' : 'masqueraded';
    const owner = mapped ? mapped.map.name : nat === 0 ? by : ownerOf(model, nat);
    const hairpin: Appearance | null =
      mapped && out === packet.in ? { address: { kind: 'own', interface: out }, ports: null } : null;
    return { ...common, nat, outcome, rejected: false, by: owner, as: as ?? hairpin };
  });
  return distinct(decisions);
}

/** A host that a map sends back to its own network appears there as it does outside, if it is mapped itself. */
function appearsBy({ model, diagram }: Journey, fields: FieldValues, map: AddressMap): RuleId {
  const { nat } = walk(diagram.redirected, { ...fields, out: BigInt(map.interfaces[0] ?? SELF) });
  return model.rules[nat - 1]?.kind === 'map' ? nat : 0;
}

function findMap(model: Model, rule: RuleId): AddressMap {
  const map = model.maps.find(({ id }) => id === rule);
  if (!map) throw new RangeError(`rule ${rule} is no map`);
  return map;
}

function decideRedirect(journey: Journey, fields: FieldValues, rule: RuleId): readonly Decision[] {
  const { model, diagram, packet, around } = journey;
  const { redirect, listen } = findListen(model, rule);
  const becomes = shiftTarget(packet, listen);
  const target = listen.target;
  const outs = target.kind === 'address' ? around.routes(packet.family, target.address) : [SELF];
  const decisions = outs.map((out): Decision => {
    const { nat, untranslated } = out === SELF ? PLAIN : walk(diagram.redirected, { ...fields, out: BigInt(out) });
    const hairpin = out === packet.in;
    const goes = `goes to ${namePlace(model, becomes.machine, becomes.port)}`;
    const trail: Station[] = [...journey.trail, { stage: 'redirect', text: goes, rule }, routeStation(model, out)];
    if (untranslated) {
      trail.push(untranslatedStation(model, out));
      return { ...DENIED, rule, by: redirect.name, out, drop: { kind: 'untranslated' }, trail };
    }
    if (out !== SELF && wouldAnswerOutside(journey, addressOf(journey, packet.to))) {
      return { ...answersOutside({ ...journey, trail }, out), rule, by: redirect.name };
    }
    const shown = nat === 0 ? null : appearanceOf(journey, nat, out);
    if (shown === 'unmappable') {
      return { ...DENIED, rule: nat, by: ownerOf(model, nat), out, drop: { kind: shown }, trail };
    }
    const isMap = model.rules[nat - 1]?.kind === 'map';
    if (nat !== 0)
      trail.push({ stage: isMap ? 'map' : 'masquerade', text: isMap ? 'mapped' : 'masqueraded', rule: nat });
    const outside: Appearance = {
      address: { kind: 'own', interface: ownInterface(packet) || out },
      ports: null,
    };
    const as = shown ?? (hairpin ? outside : null);
    return {
      outcome: 'redirected',
      rejected: false,
      rule,
      nat,
      by: redirect.name,
      drop: null,
      out,
      as,
      becomes,
      trail,
    };
  });
  return distinct(decisions);
}

/** The packet is dropped for what its answers would be. */
export function answersOutside({ trail }: Journey, out: InterfaceId): Decision {
  const text = 'its answers would leave elsewhere, with the private address that it asks for: forged';
  const drop = { kind: 'answers-outside' } as const;
  return { ...DENIED, out, drop, trail: [...trail, { stage: 'forged', text, rule: 0 }] };
}

const PLAIN = { nat: 0, untranslated: false } as const;

function routeStation(model: Model, out: InterfaceId): Station {
  const text = out === SELF ? 'is for the gateway' : `leaves by ${nameInterface(model, out)}`;
  return { stage: 'routing', text, rule: 0 };
}

function untranslatedStation(model: Model, out: InterfaceId): Station {
  const text = `the private source would leave ${nameInterface(model, out)} untranslated`;
  return { stage: 'masquerade', text, rule: 0 };
}

export function fieldsOf(journey: Journey): FieldValues {
  const { packet } = journey;
  const daddr = addressOf(journey, packet.to);
  const saddr = addressOf(journey, packet.from);
  return {
    family: BigInt(packet.family),
    in: BigInt(packet.in),
    own: BigInt(ownInterface(packet)),
    protocol: BigInt(packet.protocol),
    dport: BigInt(packet.dport),
    ...tableValues(journey.model, packet.family, saddr, daddr),
    ...(packet.family === 4 ? { daddr4: daddr, saddr4: saddr } : { daddr6: daddr, saddr6: saddr }),
  };
}

/** The field `own`: the interface whose own address the destination is, 0 when it is no address of the gateway. */
export function ownInterface({ to, in: on }: NewPacket): InterfaceId {
  switch (to.kind) {
    case 'address':
      return 0;
    case 'own':
      return to.interface;
    case 'self':
      return on === SELF ? NOWHERE : on;
  }
}

export function addressOf(
  { packet, around, model }: Pick<Journey, 'packet' | 'around' | 'model'>,
  machine: Machine,
): bigint {
  switch (machine.kind) {
    case 'address':
      return machine.address;
    case 'own':
      return around.own(machine.interface, packet.family);
    case 'self':
      return around.own(packet.in === SELF ? (model.interfaces[0]?.id ?? SELF) : packet.in, packet.family);
  }
}

function findListen(model: Model, rule: RuleId): { redirect: Redirect; listen: Listen } {
  for (const redirect of model.redirects) {
    const listen = redirect.listens.find(({ id }) => id === rule);
    if (listen) return { redirect, listen };
  }
  throw new RangeError(`rule ${rule} is no line of a redirect`);
}

function shiftTarget({ protocol, dport }: NewPacket, { service, target, targetPorts }: Listen): Destination {
  if (!hasPorts(protocol)) return { machine: target, port: null };
  if (!targetPorts || !service.ports) return { machine: target, port: targetPorts?.first ?? dport };
  return { machine: target, port: targetPorts.first + (dport - service.ports.first) };
}

export function appearanceOf(journey: Journey, nat: RuleId, out: InterfaceId): Appearance | 'unmappable' {
  const { model, packet } = journey;
  const { family, sport } = packet;
  const source = addressOf(journey, packet.from);
  const masquerade = model.masquerades.find(({ id }) => id === nat);
  if (!masquerade) {
    const map = findMap(model, nat);
    const address = mapAddress(source, family, map.inside, map.outside);
    if (address === null) return 'unmappable';
    const ports = hasPorts(packet.protocol) && sport !== null ? { first: sport, last: sport } : null;
    return { address: { kind: 'outside', family, address }, ports };
  }
  const block = isShared(masquerade) ? blockOf(masquerade, source) : null;
  const { first, last } = block?.ports ?? masquerade.ports;
  const kept = masquerade.choice === 'keep' && sport !== null && first <= sport && sport <= last;
  const ports = !hasPorts(packet.protocol) ? null : kept ? { first: sport, last: sport } : { first, last };
  const address = block ? block.address : pairedAddress(masquerade, family, source);
  return { address: address === null ? { kind: 'own', interface: out } : { kind: 'outside', family, address }, ports };
}

export function ownerOf(model: Model, rule: RuleId): string | null {
  return model.rules[rule - 1]?.owner ?? null;
}

/** Interfaces that make no difference are not told apart. */
function distinct(decisions: readonly Decision[]): readonly Decision[] {
  const seen = new Map<string, Decision>();
  for (const decision of decisions) {
    const key = JSON.stringify({ ...decision, out: null, trail: null }, (_, value) =>
      typeof value === 'bigint' ? `${value}` : value,
    );
    if (!seen.has(key)) seen.set(key, decision);
  }
  return [...seen.values()];
}
