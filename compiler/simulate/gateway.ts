/**
 * The reference simulator: a gateway with its memory (connections, mappings, limits) and a clock that the caller moves. What
 * may become of a packet is asked by `look`, which changes nothing; `enter` lets it happen.
 */
import type { PolicyDiagram } from '../diagram/diagram.ts';
import { type InterfaceId, type Model, type RuleId, SELF } from '../model.ts';
import { addressOf, DENIED, decide, isMalformed, ownerOf, type Surroundings, surroundingsOf } from './decide.ts';
import type { Decision } from './decision.ts';
import { enterDoor, lastSent } from './doors.ts';
import { type Flow, Flows, type Found } from './flows.ts';
import { describeFollowed, isByItsDoor } from './followed.ts';
import { Mappings } from './mappings.ts';
import { type Claim, Meters } from './meters.ts';
import { hasPorts, ICMP, isAnswer, type NewPacket, TCP } from './packet.ts';
import { wouldShowRouter } from './private.ts';
import { portKeyOf, translate } from './source.ts';
import { meetsEnd, naturalFlags, SYN, track } from './tcp.ts';
import { endOf } from './timeouts.ts';
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
      const decision = this.#hideRouter(packet, found, describeFollowed(this.model, packet, found));
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
    if (this.#last === null) return null;
    const { packet, decision, to } = this.#last;
    const { family, protocol } = packet;
    const machine = (address: bigint) => ({ kind: 'address', family, address }) as const;
    const as = decision.as?.address;
    const own = as?.kind === 'own' ? ({ kind: 'own', interface: as.interface } as const) : null;
    const back = {
      ...{ family, protocol, in: decision.out ?? SELF },
      from: decision.becomes?.machine ?? packet.to,
      to: as ? (own ?? machine(to.saddr)) : packet.from,
    };
    if (protocol !== ICMP[family]) return { ...back, sport: to.dport, dport: to.sport };
    const type = answerType(packet);
    return type === null ? null : { ...back, sport: to.sport, dport: type << 8 };
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

  /** An error that a router sends out shows its address where that of the connection is shown as it is. */
  #hideRouter(packet: NewPacket, found: Found, decision: Decision): Decision {
    if (decision.drop || !packet.quotes) return decision;
    const { flow, direction } = found;
    const [from, to] = direction === 'forth' ? [flow.forth, flow.to] : [reverse(flow.to), reverse(flow.forth)];
    const place = this.#place(packet);
    const isShown = from.saddr === to.saddr && from.sport === to.sport && addressOf(place, packet.from) !== from.saddr;
    if (!isShown || !wouldShowRouter(place, direction === 'forth' ? flow.decision.out : flow.packet.in))
      return decision;
    return { ...DENIED, by: decision.by, out: decision.out, drop: { kind: 'untranslated' }, trail: decision.trail };
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

function isAnswerTo(answer: NewPacket, query: NewPacket): boolean {
  return answer.dport >> 8 === answerType(query);
}

/** The type of ICMP that answers a query; null: nothing does. */
function answerType({ family, dport }: NewPacket): number | null {
  const type = dport >> 8;
  if (family === 6) return type === 128 ? 129 : null;
  return type === 8 ? 0 : [13, 15, 17].includes(type) ? type + 1 : null;
}

/** Whose packets keep a connection alive (RFC 4787 REQ-6). */
function keepersOf(model: Model, { nat, rule, as }: Decision, door: boolean): Flow['keptBy'] {
  const outbound = (id: RuleId) => model.masquerades.some((one) => one.id === id && one.refresh === 'outbound');
  if (door && outbound(rule)) return as ? ['forth', 'back'] : ['back'];
  return !door && outbound(nat) ? ['forth'] : ['forth', 'back'];
}

type Shortage = 'limited' | 'ports-exhausted' | 'port-taken';
const SHORTAGES: Readonly<Record<Shortage, string>> = {
  limited: 'beyond the limit',
  'ports-exhausted': 'no outside port is left',
  'port-taken': 'another connection has these ports',
};

function refuse(model: Model, decision: Decision, rule: RuleId, kind: Shortage): Decision {
  const stage = kind === 'limited' ? 'limit' : 'port';
  const trail = [...decision.trail, { stage, text: SHORTAGES[kind], rule } as const];
  return { ...DENIED, rule, by: ownerOf(model, rule), out: decision.out, drop: { kind }, trail };
}
