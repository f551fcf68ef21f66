/** Decisions and packets in the admin's words. */

import { writeAddress } from '../../grammar/address.ts';
import { type InterfaceId, type Machine, type Model, type Range, type RuleId, SELF } from '../model.ts';
import { PROTOCOL_NAMES } from '../protocols.ts';
import type { Appearance, Decision } from './decision.ts';
import { hasPorts, ICMP, type NewPacket } from './packet.ts';

export function nameInterface(model: Model, id: InterfaceId): string {
  if (id === SELF) return 'self';
  return model.interfaces.find((known) => known.id === id)?.name ?? 'an undeclared interface';
}

/** `192.168.1.20`, `192.168.1.20:80`, `[2001:db8::1]:80`, `wan:80`, `self`. */
export function namePlace(model: Model, machine: Machine, port: number | null): string {
  const end = port === null ? '' : `:${port}`;
  switch (machine.kind) {
    case 'address': {
      const text = writeAddress(machine.address, machine.family);
      return machine.family === 6 && end !== '' ? `[${text}]${end}` : `${text}${end}`;
    }
    case 'own':
      return `${nameInterface(model, machine.interface)}${end}`;
    case 'self':
      return `self${end}`;
    default:
      return machine satisfies never;
  }
}

/** `wan:61000-65095`, `203.0.113.4:1304`. */
export function nameAppearance(model: Model, { address, ports }: Appearance): string {
  const where =
    address.kind === 'own' ? nameInterface(model, address.interface) : writeAddress(address.address, address.family);
  if (!ports) return where;
  return address.kind === 'outside' && address.family === 6
    ? `[${where}]:${namePorts(ports)}`
    : `${where}:${namePorts(ports)}`;
}

export function namePorts({ first, last }: Range<number>): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

/** `tcp from 192.168.1.20:1025 on lan to 192.0.2.80:80`, `icmp type 8 from …`: a packet as a sentence. */
export function describePacketOf(model: Model, packet: NewPacket): string {
  const { protocol, family, from, sport, to, dport, in: on } = packet;
  const ported = hasPorts(protocol);
  const kind =
    protocol === ICMP[family] ? `icmp type ${dport >> 8}` : (PROTOCOL_NAMES[protocol] ?? `protocol ${protocol}`);
  const [source, target] = [namePlace(model, from, ported ? sport : null), namePlace(model, to, ported ? dport : null)];
  return `${kind} from ${source} on ${nameInterface(model, on)} to ${target}`;
}

/** "is denied by wan-in", "is redirected by www to 192.168.2.10:80": as an `expect` would say it. */
export function describeOutcome(model: Model, decision: Decision): string {
  const by = decision.by === null ? '' : ` by ${decision.by}`;
  const as = decision.as ? ` as ${nameAppearance(model, decision.as)}` : '';
  const to = decision.becomes ? ` to ${namePlace(model, decision.becomes.machine, decision.becomes.port)}` : '';
  return `is ${decision.outcome}${by}${as}${to}`;
}

/** Why, in a sentence's end: the line that decided, or what is wrong with the packet. */
export function describeReason(model: Model, decision: Decision): string {
  const line = describeRule(model, decision.rule);
  switch (decision.drop?.kind) {
    case undefined:
      return line;
    case 'forged': {
      const { name, interface: on } = decision.drop.network;
      return `the source is forged: network ${name} lives on ${nameInterface(model, on)}`;
    }
    case 'forged-own':
      return 'the source is forged: it is an address of the gateway itself';
    case 'answers-outside':
      return `${line} lets it through, but its answers would show a private address where its source lives`;
    case 'malformed':
      return 'its source is its destination';
    case 'stray':
      return 'it belongs to no connection';
    case 'unmappable':
      return `${line} can't translate this address (RFC 6296: all ones where the checksum is kept)`;
    case 'wrong-interface':
      return 'it belongs to a connection that goes by another interface';
    case 'ports-exhausted':
      return `${line} lets it through, but no outside port is left`;
    case 'port-taken':
      return `${line} lets it through, but its answers could not be told from those of another connection`;
    case 'limited':
      return `${line} lets it through, but it is beyond its limit`;
    case 'untranslated': {
      const out = nameInterface(model, decision.out ?? SELF);
      return `${line} lets it through, but its private source would leave ${out} unmasqueraded`;
    }
  }
}

/** `gateway.masq:31 allow web to servers` */
export function describeRule(model: Model, rule: RuleId): string {
  const origin = model.rules[rule - 1];
  if (!origin) return 'no line of the file';
  return `${origin.span.file}:${origin.span.line} \`${origin.text}\``;
}
