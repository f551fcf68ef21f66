/**
 * The simulator's memory of limits: token buckets, for a line and for each source, as the datapath keeps them
 * (native/datapath/take.h). Of live connections it keeps nothing: they are given.
 */
import { limitsOfRules, type RuleLimits } from '../limits.ts';
import type { Limit, Machine, Model, RuleId } from '../model.ts';
import type { Decision } from './decision.ts';
import type { Flow } from './flows.ts';

/** What a connection would count for. */
export interface Charge {
  readonly buckets: readonly { readonly key: string; readonly limit: Limit }[];
  /** The line whose limit it is beyond; null: none. */
  readonly over: RuleId | null;
}

export class Meters {
  readonly #limits: ReadonlyMap<RuleId, RuleLimits>;
  /** When a bucket is full again, in milliseconds. */
  readonly #full = new Map<string, number>();

  constructor(model: Model) {
    this.#limits = limitsOfRules(model);
  }

  /** `source` is charged; `port` is the outside port that the connection would use: flows of one mapping share theirs. */
  ask({ rule, nat }: Decision, source: Machine, port: string | null, live: readonly Flow[], now: number): Charge {
    const buckets: { readonly key: string; readonly limit: Limit }[] = [];
    for (const line of new Set([rule, nat])) {
      const found = this.#limits.get(line);
      for (const limit of found?.limits ?? []) {
        const key = [found?.meter, limit.kind, limit.perSource ? nameSource(source) : ''].join(' ');
        if (!this.#hasRoom(key, limit, port, live, now)) return { buckets: [], over: line };
        buckets.push({ key, limit });
      }
    }
    return { buckets, over: null };
  }

  /** It counts from now on: takes its tokens. Returns the buckets in which it counts while it lives. */
  take({ buckets }: Charge, now: number): readonly string[] {
    for (const { key, limit } of buckets) {
      if (limit.kind !== 'rate') continue;
      const { count, perMs } = limit.rate;
      this.#full.set(key, Math.max(this.#full.get(key) ?? 0, now) + perMs / count);
    }
    return buckets.filter(({ limit }) => limit.kind !== 'rate').map(({ key }) => key);
  }

  #hasRoom(key: string, limit: Limit, port: string | null, all: readonly Flow[], now: number): boolean {
    if (limit.kind !== 'rate') {
      const live = all.filter(({ counted }) => counted.includes(key));
      if (limit.kind === 'flows') return live.length < limit.count;
      const held = new Set(live.flatMap((flow) => flow.port ?? []));
      return port === null || held.has(port) || held.size < limit.count;
    }
    const { count, perMs, burst } = limit.rate;
    return Math.max(this.#full.get(key) ?? 0, now) - now <= ((burst - 1) * perMs) / count;
  }
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
