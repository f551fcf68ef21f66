/** What becomes of a packet that belongs to a connection: it follows that, and no rule is asked. */
import type { Model } from '../model.ts';
import { DENIED, ownerOf } from './decide.ts';
import type { Appearance, Decision, Destination } from './decision.ts';
import type { Flow, Found } from './flows.ts';
import { hasPorts, type NewPacket, TCP } from './packet.ts';
import { meetsEnd, naturalFlags } from './tcp.ts';
import { describeRule } from './words.ts';

export function describeFollowed(model: Model, packet: NewPacket, { flow, direction }: Found): Decision {
  const { decision, packet: first } = flow;
  const by = decision.outcome === 'redirected' ? decision.by : ownerOf(model, decision.rule);
  if (!isByItsDoor(packet, { flow, direction })) {
    const text = 'belongs to a connection that goes by another interface';
    return { ...DENIED, by, drop: { kind: 'wrong-interface' }, trail: [{ stage: 'connection', text, rule: 0 }] };
  }
  const flags = packet.flags ?? naturalFlags(flow.flags, direction);
  if (packet.protocol === TCP && !packet.quotes && meetsEnd(flags, flow.flags) === 'stray') {
    const text = 'the second step of a connection whose first nobody saw';
    return { ...DENIED, drop: { kind: 'stray' }, trail: [{ stage: 'stray', text, rule: 0 }] };
  }
  const what = packet.quotes
    ? 'an error that quotes a connection'
    : direction === 'forth'
      ? 'of a connection'
      : 'the answer of one';
  const text = `${what} that ${describeRule(model, decision.rule)} let in`;
  const trail = [{ stage: 'connection', text, rule: decision.rule }] as const;
  if (direction === 'forth') return { ...decision, trail };
  return {
    ...{ outcome: 'allowed', rejected: false, rule: decision.rule, nat: decision.nat, by, drop: null },
    ...{ out: first.in, as: answersAs(flow), becomes: answersTo(flow), trail },
  };
}

/** It came in by the interface by which the connection's packets of this direction come. */
export function isByItsDoor({ in: on }: NewPacket, { flow, direction }: Found): boolean {
  return on === (direction === 'forth' ? flow.packet.in : flow.decision.out);
}

/** Where the answers of a client that is hidden go; null: where they say. */
function answersTo({ decision, packet, forth }: Flow): Destination | null {
  return decision.as ? { machine: packet.from, port: hasPorts(packet.protocol) ? forth.sport : null } : null;
}

/** As whom a redirected target answers; null: as itself. */
function answersAs({ decision, packet, forth }: Flow): Appearance | null {
  if (!decision.becomes) return null;
  const { to, family, in: on } = packet;
  const ports = hasPorts(packet.protocol) ? { first: forth.dport, last: forth.dport } : null;
  switch (to.kind) {
    case 'address':
      return { address: { kind: 'outside', family, address: to.address }, ports };
    case 'own':
      return { address: { kind: 'own', interface: to.interface }, ports };
    case 'self':
      return { address: { kind: 'own', interface: on }, ports };
    default:
      return to satisfies never;
  }
}
