/** `limit` and `log`: rates within bounds, and what holds where the sentence does not say it. */
import type * as ast from '../../../grammar/ast.ts';
import { behind } from '../../../grammar/span.ts';
import type { Limit, Log, Rate } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';

const SECOND = 1000;
const MOST_A_SECOND = 10_000_000;
const MOST_BURST = 1_000_000;
const MOST_FLOWS = 16_777_216;
/** What may come at once where nothing is said is a second's worth, but at least so many. */
const LEAST_BURST = 5;

/** A line's events where `log` gives no rate. */
export const EVENTS_OF_A_LINE: Rate = { count: 10, perMs: SECOND, burst: 50 };
/** Allocations of a masquerade, each of which may be asked for later (RFC 6888 REQ-12). */
export const EVENTS_OF_A_MASQUERADE: Rate = { count: 1000, perMs: SECOND, burst: 5000 };

/** The limits of a line or block; of each kind (`flows`, `flows per source`, …) one. */
export function resolveLimits(
  context: Context,
  written: readonly ast.Limit[],
  by: 'masquerade' | 'other' = 'other',
): readonly Limit[] {
  const first = new Map<string, ast.Limit>();
  return written.flatMap((limit) => {
    const kind = `${limit.of.kind === 'rate' ? 'a rate' : `\`${limit.of.kind}\``}${limit.perSource ? ' `per source`' : ''}`;
    const before = first.get(kind);
    first.set(kind, before ?? limit);
    if (before !== undefined) {
      const related = [{ span: before.span, message: 'the other one' }];
      context.report.add(CODES.limitTwice, limit.span, { kind }, { related });
      return [];
    }
    return limit.of.kind === 'ports' && !mayLimitPorts(context, limit, by) ? [] : resolveLimit(context, limit);
  });
}

function mayLimitPorts(context: Context, { perSource, span }: ast.Limit, by: 'masquerade' | 'other'): boolean {
  if (by === 'other') context.report.add(CODES.portsElsewhere, span, undefined);
  else if (!perSource) {
    const fixes = [{ title: '`per source`', span: behind(span), replacement: ' per source' }];
    context.report.add(CODES.portsOfAll, span, undefined, { fixes });
  }
  return by === 'masquerade' && perSource;
}

function resolveLimit(context: Context, { of, perSource, span }: ast.Limit): Limit[] {
  if (of.kind !== 'rate') {
    if (!isWithin(context, of.count, `the limit of ${of.kind}`, MOST_FLOWS)) return [];
    const count = of.count.value;
    return of.kind === 'flows'
      ? [{ kind: 'flows', count, perSource, span }]
      : [{ kind: 'ports', count, perSource: true, span }];
  }
  const rate = resolveRate(context, of.rate, of.burst);
  return rate === null ? [] : [{ kind: 'rate', rate, perSource, span }];
}

/** null: a mistake, which is reported. */
function resolveRate(context: Context, rate: ast.Rate, burst: ast.NumberLiteral | null): Rate | null {
  const { count, perMs } = rate;
  if (count * SECOND > MOST_A_SECOND * perMs) {
    const bounds = { what: 'this rate', low: '1/day', high: `${MOST_A_SECOND.toLocaleString('en')} a second` };
    context.report.add(CODES.outOfRange, rate.span, bounds);
    return null;
  }
  if (burst !== null && !isWithin(context, burst, 'the burst', MOST_BURST)) return null;
  return { count, perMs, burst: burst?.value ?? burstOf(rate) };
}

/** A second's worth of a rate, within bounds. */
function burstOf({ count, perMs }: ast.Rate): number {
  return Math.min(MOST_BURST, Math.max(LEAST_BURST, Math.floor((count * SECOND) / perMs)));
}

function isWithin(context: Context, { value, span }: ast.NumberLiteral, what: string, most: number): boolean {
  if (value >= 1 && value <= most) return true;
  context.report.add(CODES.outOfRange, span, { what, low: '1', high: most.toLocaleString('en') });
  return false;
}

/** null: it logs nothing, or its rate is a mistake, which is reported. */
export function resolveLog(context: Context, log: ast.Log | null, usual: Rate = EVENTS_OF_A_LINE): Log | null {
  if (log === null) return null;
  const rate = log.rate === null ? usual : resolveRate(context, log.rate, null);
  return rate === null ? null : { label: log.label?.value ?? null, rate };
}
