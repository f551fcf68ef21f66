/**
 * The simulator's memory of limits: token buckets and live flows, for a line and for each source, as the datapath keeps them
 * (native/datapath/take.h). Time passes by `wait` alone.
 */
import { limitsOfRules, type RuleLimits } from '../limits.ts';
import type { Limit, Machine, Model, RuleId, Timeouts } from '../model.ts';
import type { Decision } from './decision.ts';
import { ICMP, type NewPacket, TCP, UDP } from './packet.ts';

interface LiveFlow {
  /** null: its source port is not said, so nothing follows it. */
  readonly tuple: string | null;
  /** Buckets that it counts in. */
  readonly counted: readonly string[];
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

  constructor(model: Model) {
    this.#limits = limitsOfRules(model);
    this.#timeouts = model.gateway.timeouts;
  }

  wait(ms: number): void {
    this.#now += ms;
    this.#flows = this.#flows.filter(({ until }) => until > this.#now);
  }

  /** A connection that the lines let in. Returns the line whose limit it is beyond, null: none; it counts from now on. */
  admit(packet: NewPacket, { rule, nat }: Decision): RuleId | null {
    const until = this.#now + this.#timeout(packet);
    const tuple = packet.sport === null ? null : tupleOf(packet);
    const live = tuple === null ? undefined : this.#flows.find((flow) => flow.tuple === tuple);
    if (live !== undefined) {
      live.until = until;
      return null;
    }
    const taken: { readonly key: string; readonly limit: Limit }[] = [];
    for (const line of [...new Set([rule, nat])]) {
      const found = this.#limits.get(line);
      for (const limit of found?.limits ?? []) {
        const key = [found?.meter, limit.kind, limit.perSource ? nameSource(packet.from) : ''].join(' ');
        if (!this.#hasRoom(key, limit)) return line;
        taken.push({ key, limit });
      }
    }
    for (const { key, limit } of taken) if (limit.kind === 'rate') this.#take(key, limit.rate);
    const counted = taken.filter(({ limit }) => limit.kind === 'flows').map(({ key }) => key);
    this.#flows.push({ tuple, counted, until });
    return null;
  }

  #hasRoom(key: string, limit: Limit): boolean {
    if (limit.kind === 'flows') return this.#flows.filter(({ counted }) => counted.includes(key)).length < limit.count;
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
