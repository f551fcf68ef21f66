/** One packet, and what the simulator says of it in a file. */
import type { Family } from '../../grammar/ast.ts';
import { NOWHERE } from '../diagram/fields.ts';
import { tableValues, walk } from '../diagram/walk.ts';
import { SELF } from '../model.ts';
import { decide, surroundingsOf } from '../simulate/decide.ts';
import type { Decision } from '../simulate/decision.ts';
import { hasPorts, type NewPacket } from '../simulate/packet.ts';
import { routesOf } from '../simulate/routing.ts';
import type { Side } from './journey.ts';
import type { Places } from './places.ts';

/** A first packet, by numbers of places that both files share. */
export interface Witness {
  readonly family: Family;
  readonly in: number;
  /** Where routing sends it; SELF for one of the gateway's addresses. */
  readonly out: number;
  /** The place whose address the destination is, 0: none. */
  readonly own: number;
  readonly protocol: number;
  readonly dport: number;
  readonly saddr: bigint;
  readonly daddr: bigint;
}

/** null: the file does not declare the interfaces that it crosses. */
export function ask({ model, diagram }: Side, places: Places, packet: Witness): Decision | null {
  const into = places.idIn(model, packet.in);
  const out = packet.out === SELF ? SELF : places.idIn(model, packet.out);
  if (into === null) return null;
  const file = routesOf(model);
  const to =
    packet.own === 0
      ? ({ kind: 'address', family: packet.family, address: packet.daddr } as const)
      : ({ kind: 'own', interface: places.idIn(model, packet.own) ?? NOWHERE } as const);
  const asked: NewPacket = {
    family: packet.family,
    protocol: packet.protocol,
    in: into,
    from: { kind: 'address', family: packet.family, address: packet.saddr },
    sport: hasPorts(packet.protocol) ? 49152 : null,
    to,
    dport: packet.dport,
  };
  const ingress = walk(diagram.ingress, {
    family: BigInt(packet.family),
    in: BigInt(into),
    own: BigInt(to.kind === 'own' ? to.interface : 0),
    protocol: BigInt(packet.protocol),
    dport: BigInt(packet.dport),
    ...tableValues(model, packet.family, packet.saddr, packet.daddr),
    ...(packet.family === 4
      ? { daddr4: packet.daddr, saddr4: packet.saddr }
      : { daddr6: packet.daddr, saddr6: packet.saddr }),
  });
  if (out === null && packet.own === 0 && ingress.verdict !== 'redirect') return null;
  const routes = (family: Family, address: bigint) => {
    const known = file(family, address);
    return ingress.verdict === 'redirect' && known.length === 1 ? known : [out ?? NOWHERE];
  };
  // of boxes nobody knows where their sources live: where they come from
  const around = { ...surroundingsOf(model, diagram), routes, returns: () => [into], own: () => packet.daddr };
  return decide(model, diagram, asked, around)[0] ?? null;
}
