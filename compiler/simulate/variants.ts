/** The packets that one step of an `expect` speaks of. */

import type { PolicyDiagram } from '../diagram/diagram.ts';
import type { ExpectedPacket, Machine, Model } from '../model.ts';
import { protocolNumber } from '../protocols.ts';
import { listCuts } from './own-addresses.ts';
import { hasPorts, type NewPacket } from './packet.ts';

/**
 * A step without a port speaks of every port, and `to self` of every address of the gateway: there is one packet for
 * each class of ports that some rule tells apart and for each interface's address. `icmp` without a type is an echo request.
 */
export function listPackets(model: Model, diagram: PolicyDiagram, step: ExpectedPacket): NewPacket[] {
  const protocol = protocolNumber(step.protocol, step.family);
  const common = { family: step.family, protocol, in: step.on, from: step.from, sport: step.fromPort };
  return listMachines(model, step.to).flatMap((to) =>
    listPorts(diagram, step, protocol).map((dport) => ({ ...common, to, dport })),
  );
}

function listMachines(model: Model, to: Machine): readonly Machine[] {
  if (to.kind !== 'self') return [to];
  return model.interfaces.map(({ id }) => ({ kind: 'own', interface: id }));
}

function listPorts(diagram: PolicyDiagram, step: ExpectedPacket, protocol: number): readonly number[] {
  if (step.protocol === 'icmp') return [(step.icmpType ?? (step.family === 4 ? 8 : 128)) << 8];
  if (!hasPorts(protocol)) return [0];
  if (step.toPort !== null) return [step.toPort];
  return listCuts(diagram, ['dport'])
    .map(Number)
    .filter((port) => port > 0);
}
