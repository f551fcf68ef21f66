/**
 * The reference simulator: a gateway with its memory (connections, mappings, limits) and a clock that the caller moves. What
 * may become of a packet is asked by `look`, which changes nothing; `enter` lets it happen.
 */
import type { PolicyDiagram } from '../diagram/diagram.ts';
import type { InterfaceId, Model } from '../model.ts';
import { answerOf, isAnswerTo } from './answer.ts';
import { addressOf, decide, isMalformed, type Surroundings, surroundingsOf } from './decide.ts';
import type { Decision } from './decision.ts';
import { enterDoor, lastSent } from './doors.ts';
import { type Flow, Flows, type Found } from './flows.ts';
import { describeFollowed, isByItsDoor } from './followed.ts';
import { Mappings } from './mappings.ts';
import { type Claim, Meters } from './meters.ts';
import { hasPorts, ICMP, isAnswer, type NewPacket, TCP } from './packet.ts';
import { hideRouter } from './private.ts';
import { refuse } from './refuse.ts';
import { portKeyOf, translate } from './source.ts';
import { meetsEnd, naturalFlags, SYN, track } from './tcp.ts';
import { endOf, keepersOf } from './timeouts.ts';
import { reverse, type Tuple } from './tuple.ts';

/** What may become of a packet. */
export interface Prospect {
  readonly packet: NewPacket;
  readonly decision: Decision;
  /** It is of this connection, and keeps it alive: null, it starts one, or changes nothing. */
  readonly follows: Found | null;
  /** It starts a connection, on the tuple of this one, which has ended. */
  readonly ended: Flow | null;
}

/** Ports of senders that the file does not say: RFC 6335 section 6. */
const EPHEMERAL = { first: 49152, last: 65535 };

export class Gateway {
  readonly model: Model;
  readonly #diagram: PolicyDiagram;
  readonly #around: Surroundings;
  readonly #flows = new Flows();
  readonly #mappings = new Mappings();
  readonly #meters: Meters;
  /** Milliseconds since the beginning. */
  #now = 0;
  #connections = 0;
  #last: Flow | null = null;

  constructor(model: Model, diagram: PolicyDiagram, around: Surroundings = surroundingsOf(model, diagram)) {
    this.model = model;
    this.#diagram = diagram;
    this.#around = around;
    this.#meters = new Meters(model);
  }

  /** So much time passes: connections end, ports that have rested are free. */
  wait(ms: number): void {
    const until = this.#now + ms;
    const { timeouts } = this.model.gateway;
    const ends = this.#flows.list().map((flow) => ({ flow, end: endOf(flow, timeouts) }));
    for (const { flow, end } of ends.filter(({ end }) => end <= until).sort((a, b) => a.end - b.end)) {
      this.#end(flow, end);
    }
    this.#now = until;
    this.#mappings.wake(until);
  }

  /** The packet goes its way, by the first interface that it may leave by. `drawn`: see `enter`. */
  step(packet: NewPacket, drawn: number | null = null): Decision {
    return this.enter(this.look(packet)[0]!, drawn);
  }

  /** One prospect for each interface by which the packet may leave, where the file does not tell and it matters. */
  look(packet: NewPacket): readonly Prospect[] {
    const found = isMalformed(packet) ? null : this.#find(packet);
    const ended = found !== null && this.#startsAgain(packet, found) ? found.flow : null;
    if (found !== null && ended === null) {
      const decision = hideRouter(this.#place(packet), found, describeFollowed(this.model, packet, found));
      return [{ packet, decision, follows: decision.drop || packet.quotes ? null : found, ended }];
    }
    const decisions = decide(this.model, this.#diagram, packet, this.#around, (journey) =>
      enterDoor(journey, this.#mappings, this.#now),
    );
    return decisions.map((decision) => ({ packet, decision, follows: null, ended }));
  }

  /**
   * Lets it happen. What starts a connection meets the limits and gets its outside port: `drawn`, where somebody knows which one the
   * gateway took (RangeError: it may not have taken that); null: one that it may take.
   */
  enter({ packet, decision, follows, ended }: Prospect, drawn: number | null = null): Decision {
    if (follows !== null) {
      const { flow, direction } = follows;
      flow.used[direction] = this.#now;
      if (packet.protocol === TCP) track(flow.flags, direction, flagsOf(packet, follows));
      return decision;
    }
    return decision.outcome === 'denied' || packet.quotes ? decision : this.#start(packet, decision, ended, drawn);
  }

  /** What packets of this tuple become; null: they belong to no connection. */
  becomes(tuple: Tuple): Tuple | null {
    const found = this.#flows.find(tuple);
    if (found === null) return null;
    return found.direction === 'forth' ? found.flow.to : reverse(found.flow.forth);
  }

  /** The packet that answers the connection that was started last; null: nothing was, or nothing answers it. */
  answerLast(): NewPacket | null {
    return this.#last && answerOf(this.#last);
  }

  /** The outside socket that the connection started last has by a mapping; null: it has none. */
  lastMapping(): { address: bigint; port: number; on: InterfaceId; own: boolean } | null {
    const flow = this.#last;
    if (!flow?.source) return null;
    const { outside, side } = flow.source;
    return { address: outside.address, port: outside.port, on: side, own: flow.decision.as?.address.kind === 'own' };
  }

  #start(packet: NewPacket, decision: Decision, ended: Flow | null, drawn: number | null): Decision {
    const forth = this.#tupleOf(packet) ?? this.#tupleOf({ ...packet, sport: this.#someport(packet) })!;
    const door = decision.trail.some(({ stage }) => stage === 'door');
    const charged = door && decision.becomes ? decision.becomes.machine : packet.from;
    const port = portKeyOf(this.model, forth, decision, this.#connections);
    const claims: Claim[] = [
      { line: decision.rule, source: charged, role: 'rule', port: null },
      { line: decision.nat, source: packet.from, role: 'nat', port },
    ];
    if (ended) this.#meters.leave(ended.holds);
    const holds = this.#meters.take(claims, this.#now);
    if (typeof holds === 'number') {
      if (ended) this.#meters.stay(ended.holds);
      return refuse(this.model, decision, holds, 'limited');
    }
    if (ended) this.#remove(ended, this.#now);

    const state = { flows: this.#flows, mappings: this.#mappings, around: this.#around, model: this.model };
    const made = translate(state, packet, forth, decision, drawn);
    if (typeof made === 'string') {
      this.#meters.giveBack(holds);
      return refuse(this.model, decision, decision.nat || decision.rule, made);
    }
    const { to, source, shown } = made;
    const socket = { protocol: forth.protocol, address: forth.daddr, port: forth.dport };
    const target = door ? this.#mappings.findLive(socket) : null;
    const keptBy = keepersOf(this.model, decision, door);
    // until the inside answers it lives no longer than the inside has kept the door open
    const back = target && !keptBy.includes('forth') ? lastSent(target) : Number.NEGATIVE_INFINITY;
    this.#last = {
      ...{ packet, decision: shown, forth, to, holds, source, target, keptBy },
      flags: { forth: packet.protocol === TCP ? SYN : 0, back: 0 },
      used: { forth: this.#now, back },
    };
    this.#flows.add(this.#last);
    this.#connections++;
    return shown;
  }

  #end(flow: Flow, at: number): void {
    this.#meters.leave(flow.holds);
    this.#remove(flow, at);
  }

  #remove(flow: Flow, at: number): void {
    this.#flows.remove(flow);
    for (const mapping of [flow.source, flow.target]) if (mapping) this.#mappings.layToRest(mapping, at);
  }

  #find(packet: NewPacket): Found | null {
    if (packet.quotes) return this.#flows.find(reverse(packet.quotes));
    const tuple = this.#tupleOf(packet);
    if (tuple !== null) return this.#flows.find(tuple);
    if (!isAnswer(packet)) return null;
    // an answer whose identifier is not said is the one to the last query between these two
    const [saddr, daddr] = [addressOf(this.#place(packet), packet.from), addressOf(this.#place(packet), packet.to)];
    const asked = ({ to, packet: query }: Flow) =>
      to.protocol === packet.protocol && to.daddr === saddr && to.saddr === daddr && isAnswerTo(packet, query);
    const flow = this.#flows.list().findLast(asked);
    return flow ? { flow, direction: 'back' } : null;
  }

  #startsAgain(packet: NewPacket, found: Found): boolean {
    return (
      packet.protocol === TCP &&
      isByItsDoor(packet, found) &&
      meetsEnd(flagsOf(packet, found), found.flow.flags) === 'starts'
    );
  }

  /** null: its source port is not said. */
  #tupleOf(packet: NewPacket): Tuple | null {
    const { protocol, family, sport } = packet;
    const numbered = hasPorts(protocol) || protocol === ICMP[family];
    if (numbered && sport === null) return null;
    const place = this.#place(packet);
    const addresses = { protocol, saddr: addressOf(place, packet.from), daddr: addressOf(place, packet.to) };
    if (!numbered) return { ...addresses, sport: 0, dport: 0 };
    if (hasPorts(protocol)) return { ...addresses, sport: sport ?? 0, dport: packet.dport };
    return isAnswer(packet)
      ? { ...addresses, sport: 0, dport: sport ?? 0 }
      : { ...addresses, sport: sport ?? 0, dport: 0 };
  }

  #place(packet: NewPacket) {
    return { model: this.model, around: this.#around, packet };
  }

  /** A source port that no connection of the sender has. */
  #someport(packet: NewPacket): number {
    const { saddr } = this.#tupleOf({ ...packet, sport: 0 })!;
    const taken = new Set(this.#flows.list().flatMap(({ forth }) => (forth.saddr === saddr ? [forth.sport] : [])));
    let port = EPHEMERAL.first;
    while (taken.has(port) && port < EPHEMERAL.last) port++;
    return port;
  }
}

function flagsOf({ flags }: NewPacket, { flow, direction }: Found): number {
  return flags ?? naturalFlags(flow.flags, direction);
}
