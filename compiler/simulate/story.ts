/** A packet's story: what was asked, what it becomes, how its answer fares, who else may come in by its port. */
import type { PolicyDiagram } from '../diagram/diagram.ts';
import type { ExpectedPacket, Filtering, Model } from '../model.ts';
import { surroundingsOf } from './decide.ts';
import type { Decision } from './decision.ts';
import { Gateway } from './gateway.ts';
import { listOverlooked, type Overlooked } from './overlooked.ts';
import type { NewPacket } from './packet.ts';
import { listPackets } from './variants.ts';

/** Another packet that this one makes possible, or forbids. */
export interface Sequel {
  readonly packet: NewPacket;
  readonly decision: Decision;
}

export interface Story {
  readonly packet: NewPacket;
  readonly decision: Decision;
  /** More than one way out is possible, and this is the story of one of them. */
  readonly several: boolean;
  readonly overlooked: readonly Overlooked[];
  /** null: there is none. */
  readonly answer: Sequel | null;
  /** Whom its outside port lets in; null: it has no mapping. */
  readonly filtering: Filtering | null;
  /** The same destination asked for from the inside network; null: nothing is translated. */
  readonly hairpin: Sequel | null;
}

/** The stories of sentences in their order, each after what the ones before have left; a `wait` has none. */
export function tellStories(
  model: Model,
  diagram: PolicyDiagram,
  steps: readonly (ExpectedPacket | { readonly waitMs: number })[],
): readonly (readonly Story[])[] {
  const around = surroundingsOf(model, diagram);
  const gateway = new Gateway(model, diagram, around);
  return steps.map((step) => {
    if ('waitMs' in step) {
      gateway.wait(step.waitMs);
      return [];
    }
    const packets = listPackets(model, diagram, step);
    const packet = packets.find(({ to }) => to.kind === 'own' && to.interface === step.on) ?? packets[0]!;
    const prospects = gateway.look(packet);
    return prospects.map((prospect, i): Story => {
      // where the file does not tell the way, the first one counts for what follows
      const decision = i === 0 ? gateway.enter(prospect) : prospect.decision;
      const entered = i === 0 && decision.outcome !== 'denied' && prospect.follows === null;
      const answer = entered ? lookAt(gateway, gateway.answerLast()) : null;
      const mapped = entered ? gateway.lastMapping() : null;
      const overlooked = prospect.follows === null ? listOverlooked(model, around, packet, decision) : [];
      const masquerade = mapped && model.masquerades.find(({ id }) => id === decision.nat);
      return {
        ...{ packet, decision, several: prospects.length > 1, overlooked, answer },
        filtering: masquerade?.filtering ?? null,
        hairpin: entered ? lookAt(gateway, hairpinOf(packet, decision, mapped)) : null,
      };
    });
  });
}

function lookAt(gateway: Gateway, packet: NewPacket | null): Sequel | null {
  const [prospect] = packet ? gateway.look(packet) : [];
  return packet && prospect ? { packet, decision: prospect.decision } : null;
}

/** A neighbour of the inside host asks for the outside socket. */
function hairpinOf(
  packet: NewPacket,
  { outcome, becomes, out, trail }: Decision,
  mapped: { readonly address: bigint; readonly port: number; readonly on: number; readonly own: boolean } | null,
): NewPacket | null {
  const { family } = packet;
  const door = trail.some(({ stage }) => stage === 'door');
  if (outcome === 'redirected' && !door && becomes?.machine.kind === 'address' && out !== null && out !== 0) {
    const from = { kind: 'address', family, address: becomes.machine.address ^ 1n } as const;
    return out === packet.in ? null : { ...packet, in: out, from, sport: null };
  }
  if (mapped === null || door || packet.from.kind !== 'address') return null;
  const from = { kind: 'address', family, address: packet.from.address ^ 1n } as const;
  const to = mapped.own
    ? ({ kind: 'own', interface: mapped.on } as const)
    : ({ kind: 'address', family, address: mapped.address } as const);
  return { ...packet, from, sport: null, to, dport: mapped.port };
}
