/**
 * Lines that never decide, because the lines above take all of their packets. Exact, as far as it goes: a packet of
 * the line is sought that no line above takes; a line above that takes it is subtracted, and so on until a packet is
 * left or none. Lines above are found by an index over addresses and ports, and the whole search tests at most
 * MOST_TESTS boxes in a file and MOST_STEPS for a line; where that is not enough, the policy is said not to be looked at further.
 */
import type { Related } from '../../../grammar/diagnostic.ts';
import type { Span } from '../../../grammar/span.ts';
import type { InterfaceId, Rule } from '../../model.ts';
import { SELF } from '../../model.ts';
import { type Box, boxesOf, classify, hasPoint, type Point, pointIn, subtractBox } from '../boxes.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';

const MOST_TESTS = 1_000_000;
const MOST_STEPS = 128;

interface Budget {
  tests: number;
}
interface Entry {
  readonly box: Box;
  readonly rule: Rule;
}
interface Lines {
  readonly name: string;
  readonly span: Span;
  readonly rules: readonly Rule[];
  readonly from: readonly InterfaceId[];
  readonly to: readonly InterfaceId[];
}

/** No interface's id: where packets go that are not for the gateway, before they are routed. */
const ELSEWHERE = -1;

export function warnOfUnreached(context: Context): void {
  const budget: Budget = { tests: MOST_TESTS };
  const everywhere = [SELF, ...context.interfaces.map(({ id }) => id)];
  for (const { name, rules, span } of context.gateway) {
    searchLines(context, { name, span, rules, from: everywhere, to: [SELF, ELSEWHERE] }, budget);
  }
  for (const policy of context.policies) searchLines(context, policy, budget);
}

function searchLines(context: Context, lines: Lines, budget: Budget): void {
  const ins = classify(lines.from, mentioned(lines.rules, 'from'));
  const outs = classify(lines.to, mentioned(lines.rules, 'to'));
  const index = new Index(budget);
  let whole = ins !== null && outs !== null;
  if (ins !== null && outs !== null) {
    for (const rule of lines.rules) {
      const boxes = boxesOf(rule, ins, outs, 'most');
      const takers = index.coversAll(boxes);
      if (takers === 'unknown') whole = false;
      else if (takers !== null) warn(context, rule, boxes.length === 0, takers);
      if (budget.tests <= 0) break;
      for (const box of hasTables(rule) ? boxesOf(rule, ins, outs, 'least') : boxes) index.enter({ box, rule });
    }
  }
  if (!whole) context.report.add(CODES.tooManyToCompare, lines.span, { name: lines.name });
}

function warn(context: Context, rule: Rule, empty: boolean, takers: ReadonlySet<Rule>): void {
  if (empty) {
    const why = 'no packet that comes here is what it names';
    context.report.add(CODES.neverReached, rule.span, { why });
    return;
  }
  const related: Related[] = [...takers].slice(0, 3).map(({ span }) => ({ span, message: 'decides first' }));
  const why = takers.size === 1 ? 'a line above it takes all of its packets' : 'lines above it take all of its packets';
  context.report.add(CODES.neverReached, rule.span, { why }, { related });
}

function hasTables({ from, to }: Rule): boolean {
  return [from, to].some(({ include, except }) => include.tables.length + (except?.tables.length ?? 0) > 0);
}

function mentioned(rules: readonly Rule[], side: 'from' | 'to'): ReadonlySet<InterfaceId> {
  const ids = new Set<InterfaceId>();
  for (const rule of rules) {
    for (const id of rule[side].include.interfaces) ids.add(id);
    for (const id of rule[side].except?.interfaces ?? []) ids.add(id);
  }
  return ids;
}

/** Boxes by a narrow thing that they ask for, so that those around a packet are found without trying all. */
class Index {
  readonly #buckets: readonly Bucket[] = LEVELS.map((level) => ({ ...level, entries: new Map() }));
  readonly #others: Entry[] = [];
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** Into the list that is the shortest so far: a port that all rules share is no help, their senders may be. */
  enter(entry: Entry): void {
    let best = this.#others;
    for (const { side, family, bits, entries } of this.#buckets) {
      if (family !== entry.box.family) continue;
      const key = commonKey(entry.box[side], bits);
      if (key === null) continue;
      let list = entries.get(key);
      if (list === undefined) {
        list = [];
        entries.set(key, list);
      }
      if (best === this.#others || list.length < best.length) best = list;
      if (best.length === 0) break;
    }
    best.push(entry);
  }

  /** The rules that together take all of these boxes; null: a packet is left. */
  coversAll(boxes: readonly Box[]): ReadonlySet<Rule> | null | 'unknown' {
    const takers = new Set<Rule>();
    let rest = [...boxes];
    for (let step = 0; ; step++) {
      const [box] = rest;
      if (box === undefined) return takers;
      const taker = this.#find(pointIn(box));
      if (taker === null) return this.#budget.tests <= 0 ? 'unknown' : null;
      if (step === MOST_STEPS) return 'unknown';
      takers.add(taker.rule);
      rest = rest.flatMap((one) => subtractBox(one, taker.box));
    }
  }

  #find(point: Point): Entry | null {
    const found = this.#findIn(this.#others, point);
    if (found !== null) return found;
    for (const { side, family, bits, entries } of this.#buckets) {
      if (family !== point.family || entries.size === 0) continue;
      const list = entries.get(keyAt(point[side], bits));
      const entry = list === undefined ? null : this.#findIn(list, point);
      if (entry !== null) return entry;
    }
    return null;
  }

  #findIn(entries: readonly Entry[], point: Point): Entry | null {
    for (const entry of entries) {
      if (this.#budget.tests-- <= 0) return null;
      if (hasPoint(entry.box, point)) return entry;
    }
    return null;
  }
}

/** Values that agree but for the lowest `bits` are gathered. */
interface Level {
  readonly side: 'services' | 'from' | 'to';
  readonly family: 4 | 6;
  readonly bits: number;
}
interface Bucket extends Level {
  readonly entries: Map<number | bigint, Entry[]>;
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
