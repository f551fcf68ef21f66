/** Boxes in an order, found again by the packets in them. */
import { type Box, hasPoint, type Point, pointIn, subtractBox } from './boxes.ts';

const MOST_STEPS = 128;

/** How many boxes may still be looked at. */
export interface Budget {
  tests: number;
}
export interface Entry<T> {
  readonly box: Box;
  readonly by: T;
  readonly order: number;
}

/** `takers`: all is taken; `left`: a packet that is not. */
export type Cover<T> = { readonly takers: ReadonlySet<T> } | { readonly left: Point } | 'unknown';

/** By a narrow thing that each box asks for, so that those around a packet are found without trying all. */
export class BoxIndex<T> {
  readonly #buckets: readonly Bucket<T>[] = LEVELS.map((level) => ({ ...level, entries: new Map() }));
  readonly #others: Entry<T>[] = [];
  readonly #budget: Budget;
  #size = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** The bound was met: answers are no longer certain. */
  get isSpent(): boolean {
    return this.#budget.tests <= 0;
  }

  /** Into the list that is the shortest so far: a port that all rules share is no help, their senders may be. */
  enter(box: Box, by: T): void {
    let best = this.#others;
    for (const { side, family, bits, entries } of this.#buckets) {
      if (family !== box.family) continue;
      const key = commonKey(box[side], bits);
      if (key === null) continue;
      let list = entries.get(key);
      if (list === undefined) {
        list = [];
        entries.set(key, list);
      }
      if (best === this.#others || list.length < best.length) best = list;
      if (best.length === 0) break;
    }
    best.push({ box, by, order: this.#size++ });
  }

  /** Those, here and in `other`, that together take all of these boxes; a packet that none takes; or the bound was met. */
  coversAll(boxes: readonly Box[], other: BoxIndex<T> | null = null): Cover<T> {
    const takers = new Set<T>();
    let rest = [...boxes];
    for (let step = 0; ; step++) {
      const [box] = rest;
      if (box === undefined) return { takers };
      const left = pointIn(box);
      const taker = this.#find(left) ?? (other === null ? null : other.#find(left));
      if (taker === null) return this.#budget.tests <= 0 ? 'unknown' : { left };
      if (step === MOST_STEPS) return 'unknown';
      takers.add(taker.by);
      rest = rest.flatMap((one) => subtractBox(one, taker.box));
    }
  }

  /** Those here that take all of these boxes; null: a packet is left, or the bound was met. */
  takersOf(boxes: readonly Box[]): ReadonlySet<T> | null {
    const cover = this.coversAll(boxes);
    return cover !== 'unknown' && 'takers' in cover ? cover.takers : null;
  }

  /** The first that was entered of those that hold the packet and that `wanted` takes. */
  first(point: Point, wanted: (by: T) => boolean = () => true): Entry<T> | null {
    let first: Entry<T> | null = null;
    for (const list of this.#listsAround(point)) {
      for (const entry of list) {
        if (first !== null && first.order < entry.order) break; // each list is in order
        if (this.#budget.tests-- <= 0) return null;
        if (hasPoint(entry.box, point) && wanted(entry.by)) first = entry;
      }
    }
    return first;
  }

  #find(point: Point): Entry<T> | null {
    for (const list of this.#listsAround(point)) {
      for (const entry of list) {
        if (this.#budget.tests-- <= 0) return null;
        if (hasPoint(entry.box, point)) return entry;
      }
    }
    return null;
  }

  *#listsAround(point: Point): Generator<readonly Entry<T>[]> {
    yield this.#others;
    for (const { side, family, bits, entries } of this.#buckets) {
      if (family !== point.family || entries.size === 0) continue;
      const list = entries.get(keyAt(point[side], bits));
      if (list !== undefined) yield list;
    }
  }
}

/** Values that agree but for the lowest `bits` are gathered. */
interface Level {
  readonly side: 'services' | 'from' | 'to';
  readonly family: 4 | 6;
  readonly bits: number;
}
interface Bucket<T> extends Level {
  readonly entries: Map<number | bigint, Entry<T>[]>;
}

/** From the narrowest to the widest; `bits` of IPv4, and those of IPv6 that are as narrow. */
const LEVELS: readonly Level[] = ([4, 6] as const).flatMap((family) => {
  const wide = family === 4 ? 1 : 6;
  const sides = (bits: number): Level[] => [
    { side: 'from', family, bits },
    { side: 'to', family, bits },
  ];
  const services = (bits: number): Level => ({ side: 'services', family, bits });
  return [
    ...sides(0),
    services(0),
    services(4),
    ...sides(8 * wide),
    services(8),
    ...sides(16 * wide),
    ...sides(24 * wide),
  ];
});

/** The key that all values of the ranges have; null: they have several. */
function commonKey(ranges: Box[Level['side']], bits: number): number | bigint | null {
  const first = ranges[0]?.first;
  const last = ranges.at(-1)?.last;
  if (first === undefined || last === undefined) return null;
  const key = keyAt(first, bits);
  return key === keyAt(last, bits) ? key : null;
}

function keyAt(value: number | bigint, bits: number): number | bigint {
  return typeof value === 'bigint' ? value >> BigInt(bits) : value >>> bits;
}
