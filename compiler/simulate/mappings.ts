/**
 * Outside ports. A mapping is one inside socket's outside socket, whoever it talks to (RFC 4787 REQ-1); it lives as long as it has
 * flows, and then its port rests (native/datapath/mapping.h, ports.h). Which port is drawn, nobody can foretell: the simulator
 * takes the lowest that is free and fits, and `certain` says whether the gateway could only have taken this one.
 */
import { type InterfaceId, PORT_REST_MS, type Range } from '../model.ts';
import type { Flow } from './flows.ts';

export interface Socket {
  readonly protocol: number;
  readonly address: bigint;
  readonly port: number;
}

export interface Mapping {
  readonly outside: Socket;
  readonly inside: Socket;
  /** The interface that hides the inside socket. */
  readonly side: InterfaceId;
  readonly certain: boolean;
  readonly users: Set<Flow>;
  /** Without users: until then the port is kept for the inside socket. */
  restsUntil: number;
}

/** What an outside port is wanted for. */
export interface Wish {
  readonly inside: Socket;
  readonly address: bigint;
  readonly side: InterfaceId;
  readonly pool: Range<number>;
  /** The source's own port where it is free. */
  readonly keep: boolean;
}

export class Mappings {
  readonly #byOutside = new Map<string, Mapping>();
  readonly #byInside = new Map<string, Set<Mapping>>();

  /** A mapping that somebody uses. */
  findLive(outside: Socket): Mapping | null {
    const found = this.#byOutside.get(nameOf(outside));
    return found && found.users.size > 0 ? found : null;
  }

  /** The outside socket is nobody's, not even while it rests. */
  isFree(outside: Socket): boolean {
    return !this.#byOutside.has(nameOf(outside));
  }

  /** The inside socket's mapping, live or at rest. */
  findOwn({ inside, address, side, pool }: Wish): Mapping | null {
    const found = [...(this.#byInside.get(nameOf(inside)) ?? [])].filter(
      (one) => one.side === side && one.outside.address === address,
    );
    return found.find(({ outside }) => isIn(pool, outside.port)) ?? null;
  }

  /**
   * The inside socket's own mapping, or a new one. `drawn` is the port that the gateway took, where somebody knows; RangeError: it
   * may not have taken that. null: no port is left.
   */
  claim(wish: Wish, drawn: number | null): Mapping | null {
    const own = this.findOwn(wish);
    if (own) {
      if (drawn !== null && drawn !== own.outside.port)
        throw new RangeError(`port ${drawn}: it has ${own.outside.port}`);
      return own;
    }
    const free = (port: number) => this.isFree({ ...wish.inside, address: wish.address, port });
    const found = choosePort(wish, free, drawn) ?? this.#takeRested(wish);
    if (found === null) return null;
    const outside = { ...wish.inside, address: wish.address, port: found.port };
    const mapping: Mapping = {
      ...{ outside, inside: wish.inside, side: wish.side, certain: found.certain },
      ...{ users: new Set<Flow>(), restsUntil: 0 },
    };
    this.#add(mapping);
    return mapping;
  }

  /** The port that has rested longest, of those that nobody uses. */
  #takeRested({ inside, address, pool }: Wish): Choice | null {
    const resting = [...this.#byOutside.values()].filter(
      ({ outside, users }) =>
        users.size === 0 &&
        outside.address === address &&
        outside.protocol === inside.protocol &&
        isIn(pool, outside.port),
    );
    const [oldest] = resting.sort((a, b) => a.restsUntil - b.restsUntil);
    return oldest ? { port: oldest.outside.port, certain: resting.length === 1 } : null;
  }

  /** A flow of it has ended. */
  layToRest(mapping: Mapping, now: number): void {
    if (mapping.users.size === 0) mapping.restsUntil = now + PORT_REST_MS;
  }

  /** Ports that have rested are free again. */
  wake(now: number): void {
    for (const [name, { users, restsUntil }] of this.#byOutside) {
      if (users.size === 0 && restsUntil <= now) this.#remove(name);
    }
  }

  #add(mapping: Mapping): void {
    const [outside, inside] = [nameOf(mapping.outside), nameOf(mapping.inside)];
    this.#remove(outside); // one at rest gives way
    this.#byOutside.set(outside, mapping);
    const same = this.#byInside.get(inside) ?? new Set();
    this.#byInside.set(inside, same.add(mapping));
  }

  #remove(outside: string): void {
    const mapping = this.#byOutside.get(outside);
    if (!mapping) return;
    this.#byOutside.delete(outside);
    const inside = nameOf(mapping.inside);
    const same = this.#byInside.get(inside);
    same?.delete(mapping);
    if (same?.size === 0) this.#byInside.delete(inside);
  }
}

export interface Choice {
  readonly port: number;
  readonly certain: boolean;
}

/**
 * The source's own port, else one with its parity and on its side of 1024 where there is such a one (RFC 4787 REQ-3a and 4), else
 * any. `drawn` and null: see Mappings.claim.
 */
export function choosePort(
  { inside, pool, keep }: Pick<Wish, 'inside' | 'pool' | 'keep'>,
  isFree: (port: number) => boolean,
  drawn: number | null,
): Choice | null {
  if (keep && isIn(pool, inside.port) && isFree(inside.port)) {
    if (drawn !== null && drawn !== inside.port) throw new RangeError(`port ${drawn}: ${inside.port} is free`);
    return { port: inside.port, certain: true };
  }
  const certain = pool.first === pool.last;
  if (drawn !== null) {
    if (!isIn(pool, drawn) || !isFree(drawn)) throw new RangeError(`port ${drawn} is taken, or none of the pool`);
    return { port: drawn, certain };
  }
  const part = sideOf(pool, inside.port);
  for (const { first, last } of [part, pool]) {
    const start = first + ((first ^ inside.port) & 1);
    for (let port = start; port <= last; port += 2) if (isFree(port)) return { port, certain };
    for (let port = first; port <= last; port++) if (isFree(port)) return { port, certain };
  }
  return null;
}

function sideOf({ first, last }: Range<number>, port: number): Range<number> {
  if (first >= 1024 || last < 1024) return { first, last };
  return port < 1024 ? { first, last: 1023 } : { first: 1024, last };
}

export function isIn({ first, last }: Range<number>, port: number): boolean {
  return first <= port && port <= last;
}

function nameOf({ protocol, address, port }: Socket): string {
  return `${protocol} ${address} ${port}`;
}
