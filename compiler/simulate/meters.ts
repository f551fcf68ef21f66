/**
 * The simulator's memory of limits: token buckets and live flows, for a line and for each source, as the datapath keeps them
 * (native/datapath/take.h). Time passes by `wait` alone.
 */
import { limitsOfRules, type RuleLimits } from '../limits.ts';
import type { Limit, Machine, Model, RuleId, Timeouts } from '../model.ts';
import type { Decision } from './decision.ts';
import { ICMP, type NewPacket, SCTP, TCP, UDP } from './packet.ts';

/** Beside those of has_ports (native/datapath/parse.h) only ICMP's identifiers are translated. */
const PROTOCOLS_WITH_PORTS: ReadonlySet<number> = new Set([TCP, UDP, SCTP, 33, 136]);

interface LiveFlow {
  /** null: its source port is not said, so nothing follows it. */
  readonly tuple: string | null;
  /** Buckets that it counts in. */
  readonly counted: readonly string[];
  /** The outside port that it uses; null: it needs none. Flows of one mapping share theirs. */
  readonly port: string | null;
  until: number;
}

export class Meters {
  readonly #limits: ReadonlyMap<RuleId, RuleLimits>;
  readonly #timeouts: Timeouts;
  /** Milliseconds. */
  #now = 0;
  /** When a bucket is full again. */
  readonly #full = new Map<string, number>();
  #flows: LiveFlow[] = [];
  #ports = 0;
  readonly #mapped: ReadonlySet<RuleId>;

  constructor(model: Model) {
    const mapped = model.masquerades.filter(({ mapping }) => mapping === 'endpoint-independent');
    this.#mapped = new Set(mapped.map(({ id }) => id));
    this.#limits = limitsOfRules(model);
    this.#timeouts = model.gateway.timeouts;
  }

  wait(ms: number): void {
    this.#now += ms;
    this.#flows = this.#flows.filter(({ until }) => until > this.#now);
  }

  /** A connection that the lines let in. Returns the line whose limit it is beyond, null: none; it counts from now on. */
  admit(packet: NewPacket, decision: Decision): RuleId | null {
    const { rule, nat } = decision;
    const until = this.#now + this.#timeout(packet);
    const tuple = packet.sport === null ? null : tupleOf(packet);
    const live = tuple === null ? undefined : this.#flows.find((flow) => flow.tuple === tuple);
    if (live !== undefined) {
      live.until = until;
      return null;
    }
    const port = this.#portOf(packet, decision);
    const taken: { readonly key: string; readonly limit: Limit }[] = [];
    for (const line of [...new Set([rule, nat])]) {
      const found = this.#limits.get(line);
      for (const limit of found?.limits ?? []) {
        const key = [found?.meter, limit.kind, limit.perSource ? nameSource(packet.from) : ''].join(' ');
        if (!this.#hasRoom(key, limit, port)) return line;
        taken.push({ key, limit });
      }
    }
    for (const { key, limit } of taken) if (limit.kind === 'rate') this.#take(key, limit.rate);
    const counted = taken.filter(({ limit }) => limit.kind !== 'rate').map(({ key }) => key);
    this.#flows.push({ tuple, counted, port, until });
    return null;
  }

  /** A mapping is one for each inside socket; what has none needs a port for each connection. */
  #portOf({ family, protocol, from, sport }: NewPacket, { nat, out }: Decision): string | null {
    if (protocol !== ICMP[family] && !PROTOCOLS_WITH_PORTS.has(protocol)) return null;
    const isMapped = this.#mapped.has(nat) && (protocol === TCP || protocol === UDP);
    return isMapped && sport !== null ? [protocol, nameMachine(from), sport, out].join(' ') : `#${this.#ports++}`;
  }

  #hasRoom(key: string, limit: Limit, port: string | null): boolean {
    if (limit.kind !== 'rate') {
      const live = this.#flows.filter(({ counted }) => counted.includes(key));
      if (limit.kind === 'flows') return live.length < limit.count;
      const held = new Set(live.flatMap((flow) => flow.port ?? []));
      return port === null || held.has(port) || held.size < limit.count;
    }
    const { count, perMs, burst } = limit.rate;
    return Math.max(this.#full.get(key) ?? 0, this.#now) - this.#now <= ((burst - 1) * perMs) / count;
  }

  #take(key: string, { count, perMs }: { readonly count: number; readonly perMs: number }): void {
    this.#full.set(key, Math.max(this.#full.get(key) ?? 0, this.#now) + perMs / count);
  }

  /** Of a connection that nobody has answered. */
  #timeout({ protocol, family }: NewPacket): number {
    if (protocol === TCP) return this.#timeouts['tcp-syn'];
    if (protocol === UDP) return this.#timeouts.udp;
    return protocol === ICMP[family] ? this.#timeouts.icmp : this.#timeouts.other;
  }
}

function tupleOf({ protocol, from, sport, to, dport, in: on }: NewPacket): string {
  return [protocol, nameMachine(from), sport, nameMachine(to), dport, on].join(' ');
}

function nameMachine(machine: Machine): string {
  switch (machine.kind) {
    case 'address':
      return `${machine.family}:${machine.address}`;
    case 'own':
      return `own ${machine.interface}`;
    case 'self':
      return 'self';
    default:
      return machine satisfies never;
  }
}

/** An IPv6 source is its /64. */
function nameSource(machine: Machine): string {
  if (machine.kind !== 'address' || machine.family === 4) return nameMachine(machine);
  return `6:${machine.address >> 64n}`;
}
