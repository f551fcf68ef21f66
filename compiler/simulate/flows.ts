/** The simulator's connections: each is found by the tuple of its packets and by that of its answers (native/datapath/flow.h). */

import type { Decision } from './decision.ts';
import type { Mapping } from './mappings.ts';
import type { Hold } from './meters.ts';
import type { NewPacket } from './packet.ts';
import { keyOf, reverse, type Tuple } from './tuple.ts';

/** `forth`: as the packet that started it. */
export type Direction = 'forth' | 'back';

/** Of each direction. */
export type Sides<T> = Record<Direction, T>;

export interface Flow {
  readonly packet: NewPacket;
  /** What became of that packet. */
  readonly decision: Decision;
  /** As its packets arrive, and as they leave. */
  readonly forth: Tuple;
  readonly to: Tuple;
  /** What it holds of limits. */
  readonly holds: readonly Hold[];
  /** The mapping of its new source, and the one that it was sent to. */
  readonly source: Mapping | null;
  readonly target: Mapping | null;
  /** Whose packets keep it alive: all, or only those of the inside (RFC 4787 REQ-6). */
  readonly keptBy: readonly Direction[];
  /** TCP flags that each direction has shown (tcp.ts). */
  readonly flags: Sides<number>;
  /** When each direction sent last, in milliseconds. */
  readonly used: Sides<number>;
}

export interface Found {
  readonly flow: Flow;
  readonly direction: Direction;
}

export class Flows {
  readonly #byTuple = new Map<string, Found>();

  find(tuple: Tuple): Found | null {
    return this.#byTuple.get(keyOf(tuple)) ?? null;
  }

  /** Nobody has the tuple of the answers yet. */
  isFree(back: Tuple): boolean {
    return !this.#byTuple.has(keyOf(back));
  }

  add(flow: Flow): void {
    this.#byTuple.set(keyOf(reverse(flow.to)), { flow, direction: 'back' });
    this.#byTuple.set(keyOf(flow.forth), { flow, direction: 'forth' });
    flow.source?.users.add(flow);
    flow.target?.users.add(flow);
  }

  remove(flow: Flow): void {
    this.#byTuple.delete(keyOf(flow.forth));
    this.#byTuple.delete(keyOf(reverse(flow.to)));
    flow.source?.users.delete(flow);
    flow.target?.users.delete(flow);
  }

  list(): Flow[] {
    return [...this.#byTuple.values()].filter(({ direction }) => direction === 'forth').map(({ flow }) => flow);
  }
}
