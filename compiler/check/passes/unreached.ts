/**
 * Lines that never decide, because lines above, or what stands before them on a packet's journey, take all of their
 * packets. Exact, as far as it goes: a packet of the line is sought that nothing takes; what takes it is subtracted, and so
 * on until a packet is left or none. Found by an index over addresses and ports, with at most MOST_TESTS boxes looked at in
 * a file and a bounded number of steps for a line; where that is not enough, the policy is said not to be looked at further.
 */
import type { Span } from '../../../grammar/span.ts';
import { SELF } from '../../model.ts';
import { BoxIndex, type Budget } from '../box-index.ts';
import { boxesOf, hasTables, wholeOf } from '../boxes.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { boxesBefore, lookAt, lookAtLines, type Taker } from '../journey.ts';
import { reportTaken, type Search } from '../taken.ts';
import { warnOfDeafRedirects } from './deaf-redirects.ts';
import { type IdleMasquerades, seekIdleMasquerades } from './idle-masquerades.ts';
import { listParts, type Parts, seekPart } from './parts.ts';
import { type Reached, warnOfRepeated } from './repeated.ts';

const MOST_TESTS = 1_000_000;

/** No interface's id: where packets go that are not for the gateway, before they are routed. */
const ELSEWHERE = -1;

export function warnOfUnreached(context: Context): void {
  const budget: Budget = { tests: MOST_TESTS };
  const more: Budget = { tests: MOST_TESTS };
  const ids = context.interfaces.map(({ id }) => id);
  const parts = listParts(context);
  const start = () => ({ before: new BoxIndex<Taker>(budget), lines: new BoxIndex<Taker>(budget) });
  const finish = (whole: boolean, { name, span }: { readonly name: string; readonly span: Span }) => {
    if (!whole) context.report.add(CODES.tooManyToCompare, span, { name });
  };
  for (const gateway of context.gateway) {
    const { rules } = gateway;
    const ways = { from: [SELF, ...ids], to: [SELF, ELSEWHERE] };
    const sight = lookAtLines(ways, rules);
    finish(sight !== null && searchLines({ context, ways, sight, rules, ...start() }, parts, more, null), gateway);
    warnOfDeafRedirects(context, { from: ids, to: [SELF, ELSEWHERE] }, start());
  }
  const idle = seekIdleMasquerades(context);
  for (const policy of context.policies) {
    const { rules } = policy;
    const all = lookAt(context, policy, rules);
    const sight = all ?? lookAtLines(policy, rules);
    const indexes = start();
    if (all !== null) for (const { box, by } of boxesBefore(context, policy, all)) indexes.before.enter(box, by);
    const search = sight === null ? null : { context, ways: policy, sight, rules, ...indexes };
    const whole = search !== null && searchLines(search, parts, more, idle);
    if (search !== null && policy.default.decision === 'allow')
      idle.see(wholeOf(search.sight.ins, search.sight.outs), search);
    if (all === null || !whole) idle.giveUp();
    finish(whole, policy);
  }
  idle.warn();
}

/** false: the search was given up. */
function searchLines(search: Search, parts: Parts, budget: Budget, idle: IdleMasquerades | null): boolean {
  const { sight, rules, lines, before } = search;
  const { ins, outs } = sight;
  let whole = true;
  const kept: Reached[] = [];
  for (const rule of rules) {
    const boxes = boxesOf(rule, ins, outs, 'most');
    const cover = lines.coversAll(boxes, before);
    if (cover === 'unknown') {
      whole = false;
      kept.push({ rule, packet: null });
    } else if ('takers' in cover) reportTaken(search, rule.span, rule, before.takersOf(boxes) ?? cover.takers);
    else {
      kept.push({ rule, packet: cover.left });
      for (const part of parts.get(rule) ?? []) seekPart(search, rule, part);
      if (rule.decision === 'allow') idle?.see(boxes, search);
    }
    if (lines.isSpent) return false;
    const sure = hasTables(rule) ? boxesOf(rule, ins, outs, 'least') : boxes;
    const by: Taker = { kind: 'line', rule };
    for (const box of sure) lines.enter(box, by);
  }
  return warnOfRepeated(search, kept, budget) && whole;
}
