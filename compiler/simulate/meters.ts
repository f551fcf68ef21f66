/**
 * The simulator's memory of limits, as the datapath keeps them (native/datapath/take.h, held.h): token buckets, live connections
 * and the ports that they hold, for a line and for each source.
 */
import { limitsOfRules, type RuleLimits } from '../limits.ts';
import type { Limit, Machine, Model, RuleId } from '../model.ts';

/** What a connection has taken of one limit. */
export interface Hold {
  readonly key: string;
  readonly limit: Limit;
  /** The outside port that it is counted by; null: it needs none, or is counted itself. */
  readonly port: string | null;
}

/** A line that a connection counts for, and the source that is charged; of a masquerade with the outside port that it would use. */
export interface Claim {
  readonly line: RuleId;
  readonly source: Machine;
  readonly role: 'rule' | 'nat';
  readonly port: string | null;
}

export class Meters {
  readonly #limits: ReadonlyMap<RuleId, RuleLimits>;
  /** When a bucket is full again, in milliseconds. */
  readonly #full = new Map<string, number>();
  readonly #live = new Map<string, number>();
  /** How many live connections share a port. */
  readonly #ports = new Map<string, Map<string, number>>();

  constructor(model: Model) {
    this.#limits = limitsOfRules(model);
  }

  /** A connection counts for all of these from now on, or for none: then this is the line whose limit it is beyond. */
  take(claims: readonly Claim[], now: number): readonly Hold[] | RuleId {
    const holds: Hold[] = [];
    for (const { line, source, role, port } of claims) {
      const found = this.#limits.get(line);
      for (const limit of found?.limits ?? []) {
        if (limit.kind === 'ports' && (role === 'rule' || port === null)) continue;
        const key = [found?.meter, limit.kind, limit.perSource ? nameSource(source) : ''].join(' ');
        if (!this.#hasRoom(key, limit, port, now)) {
          this.giveBack(holds);
          return line;
        }
        const hold = { key, limit, port: limit.kind === 'ports' ? port : null };
        this.#count(hold, 1, now);
        holds.push(hold);
      }
    }
    return holds;
  }

  /** There is no such connection, after all. */
  giveBack(holds: readonly Hold[]): void {
    for (const { key, limit } of holds) {
      if (limit.kind === 'rate') this.#full.set(key, (this.#full.get(key) ?? 0) - limit.rate.perMs / limit.rate.count);
    }
    this.leave(holds);
  }

  /** It has ended. */
  leave(holds: readonly Hold[]): void {
    for (const hold of holds) if (hold.limit.kind !== 'rate') this.#count(hold, -1, 0);
  }

  /** `leave`, taken back. */
  stay(holds: readonly Hold[]): void {
    for (const hold of holds) if (hold.limit.kind !== 'rate') this.#count(hold, 1, 0);
  }

  #count({ key, limit, port }: Hold, by: 1 | -1, now: number): void {
    if (limit.kind === 'rate') {
      this.#full.set(key, Math.max(this.#full.get(key) ?? 0, now) + limit.rate.perMs / limit.rate.count);
    } else if (limit.kind === 'flows') {
      add(this.#live, key, by);
    } else if (port !== null) {
      const held = this.#ports.get(key) ?? new Map<string, number>();
      this.#ports.set(key, held);
      add(held, port, by);
    }
  }

  #hasRoom(key: string, limit: Limit, port: string | null, now: number): boolean {
    switch (limit.kind) {
      case 'flows':
        return (this.#live.get(key) ?? 0) < limit.count;
      case 'ports': {
        const held = this.#ports.get(key);
        return port === null || held === undefined || held.has(port) || held.size < limit.count;
      }
      case 'rate': {
        const { count, perMs, burst } = limit.rate;
        return Math.max(this.#full.get(key) ?? 0, now) - now <= ((burst - 1) * perMs) / count;
      }
    }
  }
}

/** What counts nothing is not there. */
function add(counts: Map<string, number>, key: string, by: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}

/** An IPv6 source is its /64. */
function nameSource(machine: Machine): string {
  switch (machine.kind) {
    case 'address':
      return machine.family === 4 ? `4:${machine.address}` : `6:${machine.address >> 64n}`;
    case 'own':
      return `own ${machine.interface}`;
    case 'self':
      return 'self';
    default:
      return machine satisfies never;
  }
}
