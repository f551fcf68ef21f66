/** Which lines of a block were looked at before the one that decided, and why each of them did not take the packet. */
import { containsAddress } from '../addresses.ts';
import type { InterfaceId, Machine, Model, Rule, RuleId, Service, Side, Sides } from '../model.ts';
import { protocolNumber } from '../protocols.ts';
import { addressOf, type Surroundings } from './decide.ts';
import type { Decision } from './decision.ts';
import { hasPorts, type NewPacket } from './packet.ts';
import { nameInterface, namePlace, namePorts } from './words.ts';

export interface Overlooked {
  readonly rule: RuleId;
  /** `it asks for port 25`: in the admin's words. */
  readonly why: string;
}

/** Of the policy that decided, or of the gateway's own lines: those before the one that took it, in order. */
export function listOverlooked(
  model: Model,
  around: Surroundings,
  packet: NewPacket,
  { rule, out, becomes }: Pick<Decision, 'rule' | 'out' | 'becomes'>,
): Overlooked[] {
  const block = [model.gateway, ...model.policies].find(
    (one) => one.default.id === rule || one.rules.some(({ id }) => id === rule),
  );
  if (!block) return [];
  const inward = becomes ? { ...packet, to: becomes.machine, dport: becomes.port ?? packet.dport } : packet;
  const at = block.rules.findIndex(({ id }) => id === rule);
  const before = at < 0 ? block.rules : block.rules.slice(0, at);
  return before.flatMap((one) => {
    const why = whyNot(model, around, one, inward, out);
    return why === null ? [] : [{ rule: one.id, why }];
  });
}

/** Why the rule does not take the packet; null: it does. `out`: null, that was not asked yet. */
export function whyNot(
  model: Model,
  around: Surroundings,
  rule: Rule,
  packet: NewPacket,
  out: InterfaceId | null,
): string | null {
  const service = whyNotService(rule.services, packet);
  if (service !== null) return service;
  const place = { model, around, packet };
  const source = { machine: packet.from, on: packet.in, address: addressOf(place, packet.from) };
  if (!isOn(model, rule.from, packet, source)) {
    return `it does not speak of what comes from ${namePlace(model, packet.from, null)} on ${nameInterface(model, packet.in)}`;
  }
  const target = { machine: packet.to, on: out, address: addressOf(place, packet.to) };
  return isOn(model, rule.to, packet, target)
    ? null
    : `it does not speak of what goes to ${namePlace(model, packet.to, null)}`;
}

function whyNotService(services: readonly Service[], packet: NewPacket): string | null {
  if (services.length === 0) return null;
  const same = services.filter(({ protocol }) => protocolNumber(protocol, packet.family) === packet.protocol);
  if (same.length === 0) return `it asks for ${[...new Set(services.map(({ protocol }) => protocol))].join(', ')}`;
  if (same.some((one) => asks(one, packet))) return null;
  const ports = same.flatMap((one) => (one.ports ? [namePorts(one.ports)] : []));
  if (ports.length === 0) return 'it asks for another type of ICMP';
  return `it asks for port ${ports.slice(0, 4).join(', ')}${ports.length > 4 ? ', …' : ''}`;
}

function asks({ ports, icmp }: Service, { protocol, family, dport }: NewPacket): boolean {
  if (hasPorts(protocol)) return !ports || (ports.first <= dport && dport <= ports.last);
  if (!icmp) return true;
  return (family === 4 ? icmp.v4 : icmp.v6) === dport >> 8;
}

interface End {
  readonly machine: Machine;
  readonly on: InterfaceId | null;
  readonly address: bigint;
}

function isOn(model: Model, { include, except }: Sides, packet: NewPacket, end: End): boolean {
  return holds(model, include, packet, end) && !(except !== null && holds(model, except, packet, end));
}

function holds(model: Model, side: Side, packet: NewPacket, { machine, on, address }: End): boolean {
  const ofTable = (id: number) => containsAddress(model.tables[id]!.addresses, packet.family, address);
  return (
    side.any ||
    (on !== null && side.interfaces.includes(on)) ||
    (machine.kind === 'own' && side.own.includes(machine.interface)) ||
    containsAddress(side.addresses, packet.family, address) ||
    side.tables.some(ofTable)
  );
}
