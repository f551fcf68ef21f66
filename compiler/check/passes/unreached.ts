/**
 * Lines that never decide, because the lines above take all of their packets. Exact, as far as it goes: a packet of
 * the line is sought that no line above takes; a line above that takes it is subtracted, and so on until a packet is
 * left or none. Lines above are found by an index over addresses and ports, and the whole search tests at most
 * MOST_TESTS boxes in a file and MOST_STEPS for a line; where that is not enough, the policy is said not to be looked at further.
 */
import type { Related } from '../../../grammar/diagnostic.ts';
import type { Span } from '../../../grammar/span.ts';
import type { InterfaceId, Range, Rule } from '../../model.ts';
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
      const boxes = boxesOf(rule, ins, outs);
      const takers = index.coversAll(boxes);
      if (takers === 'unknown') whole = false;
      else if (takers !== null) warn(context, rule, boxes.length === 0, takers);
      if (budget.tests <= 0) break;
      for (const box of boxes) index.enter({ box, rule });
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

function mentioned(rules: readonly Rule[], side: 'from' | 'to'): ReadonlySet<InterfaceId> {
  const ids = new Set<InterfaceId>();
  for (const rule of rules) {
    for (const id of rule[side].include.interfaces) ids.add(id);
    for (const id of rule[side].except?.interfaces ?? []) ids.add(id);
  }
  return ids;
}

/** Boxes by the narrowest thing that they ask for, so that those around a packet are found without trying all. */
class Index {
  readonly #byKey = new Map<string, Entry[]>();
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  enter(entry: Entry): void {
    const key = keyOf(entry.box);
    const entries = this.#byKey.get(key);
    if (entries === undefined) this.#byKey.set(key, [entry]);
    else entries.push(entry);
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
    for (const key of keysOf(point)) {
      for (const entry of this.#byKey.get(key) ?? []) {
        if (this.#budget.tests-- <= 0) return null;
        if (hasPoint(entry.box, point)) return entry;
      }
    }
    return null;
  }
}

/** Prefix lengths that address lists are gathered under, as the bits that are left out. */
const NARROW = { 4: [0n, 8n], 6: [0n, 64n] } as const;
const WIDE = { 4: [16n, 24n], 6: [80n, 96n] } as const;

function keyOf({ family, from, to, services }: Box): string {
  const narrow = prefixKey('from', from, NARROW[family], family) ?? prefixKey('to', to, NARROW[family], family);
  if (narrow !== null) return narrow;
  const [service] = services;
  if (services.length === 1 && service !== undefined && service.first === service.last) return `is ${service.first}`;
  return prefixKey('from', from, WIDE[family], family) ?? prefixKey('to', to, WIDE[family], family) ?? '';
}

function prefixKey(
  side: string,
  ranges: readonly Range<bigint>[],
  levels: readonly bigint[],
  family: number,
): string | null {
  const first = ranges[0]?.first;
  const last = ranges.at(-1)?.last;
  if (first === undefined || last === undefined) return null;
  const level = levels.find((bits) => first >> bits === last >> bits);
  return level === undefined ? null : `${side} ${family} ${level} ${first >> level}`;
}

function keysOf({ family, from, to, service }: Point): string[] {
  const keys = [`is ${service}`, ''];
  for (const level of [...NARROW[family], ...WIDE[family]]) {
    keys.push(`from ${family} ${level} ${from >> level}`, `to ${family} ${level} ${to >> level}`);
  }
  return keys;
}
