/**
 * Lines that a line below says again, and more: without them every packet would be decided alike. What only the default
 * repeats is no mistake, but a thing said on purpose; and a line that logs or limits does more than decide.
 */
import type { Rule } from '../../model.ts';
import { BoxIndex, type Budget } from '../box-index.ts';
import { type Box, boxesOf, hasTables, intersectBox, meets, type Point, subtractBox } from '../boxes.ts';
import { CODES } from '../codes.ts';
import type { Search } from '../taken.ts';
import { findWitness } from '../witness.ts';

const MOST_PIECES = 128;

/** A line with a packet that reaches it; null: it is not known whether one does. */
export interface Reached {
  readonly rule: Rule;
  readonly packet: Point | null;
}
interface Line extends Reached {
  readonly number: number;
  readonly most: readonly Box[];
  /** What it takes for sure. */
  readonly least: readonly Box[];
}

/** false: the search was given up. */
export function warnOfRepeated(search: Search, rules: readonly Reached[], budget: Budget): boolean {
  const { ins, outs } = search.sight;
  const index = new BoxIndex<Line>(budget);
  const lines = rules.map(({ rule, packet }, number): Line => {
    const most = boxesOf(rule, ins, outs, 'most');
    return { rule, packet, number, most, least: hasTables(rule) ? boxesOf(rule, ins, outs, 'least') : most };
  });
  for (const line of lines) for (const box of line.most) index.enter(box, line);
  for (const line of lines) {
    if (!isPlain(line.rule) || !mayBeRepeated(index, line)) continue;
    const rest = takeAway(line.most, lines.slice(0, line.number), budget);
    const below = rest === null ? null : findRepetition(rest, line, lines, budget);
    if (budget.tests <= 0) return false;
    if (rest === null || below === null) continue;
    const related = below.slice(0, 3).map((one) => ({ span: one.rule.span, message: describe(search, one, rest) }));
    const several = below.length > 1;
    search.context.report.add(CODES.repeatedBelow, line.rule.span, { several }, { related });
  }
  return budget.tests > 0;
}

function describe({ context, ways, sight }: Search, { most }: Line, rest: readonly Box[]): string {
  const common = rest.flatMap((box) => most.flatMap((one) => intersectBox(box, one) ?? []));
  const witness = findWitness(context, common, ways, sight);
  return witness === null ? 'decides alike' : `decides ${witness.text} alike`;
}

const isPlain = ({ limits, log }: Rule): boolean => limits.length === 0 && log === null;

/** Quickly: is its packet decided alike further down? */
function mayBeRepeated(index: BoxIndex<Line>, line: Line): boolean {
  const next = line.packet === null ? null : index.first(line.packet, ({ number }) => number > line.number);
  return next !== null && isAlike(next.by, line);
}

const isAlike = (a: Line, b: Line): boolean => isPlain(a.rule) && a.rule.decision === b.rule.decision;

/** null: too many pieces. */
function takeAway(boxes: readonly Box[], lines: readonly Line[], budget: Budget): Box[] | null {
  let rest = [...boxes];
  for (const { least } of lines) {
    rest = subtractAll(rest, least, budget);
    if (rest.length > MOST_PIECES || budget.tests <= 0) return null;
  }
  return rest;
}

function subtractAll(boxes: Box[], taken: readonly Box[], budget: Budget): Box[] {
  budget.tests -= boxes.length * taken.length;
  let rest = boxes;
  for (const box of taken) {
    if (rest.some((one) => meets(one, box))) rest = rest.flatMap((one) => subtractBox(one, box));
  }
  return rest;
}

/** The lines below that together decide all of `boxes` alike; null: something else happens to a packet. */
function findRepetition(boxes: Box[], line: Line, lines: readonly Line[], budget: Budget): readonly Line[] | null {
  let rest = boxes;
  const found: Line[] = [];
  for (const below of lines.slice(line.number + 1)) {
    budget.tests -= rest.length;
    if (budget.tests <= 0) return null;
    if (!below.most.some((box) => rest.some((one) => meets(one, box)))) continue;
    if (!isAlike(below, line)) return null;
    rest = subtractAll(rest, below.least, budget);
    found.push(below);
    if (rest.length === 0) return found;
    if (rest.length > MOST_PIECES) return null;
  }
  return null;
}
