/** A field's domain cut wherever some clause begins or ends, so that intervals are pairs of small integers. */
import type { Field } from './diagram.ts';
import { lastOf } from './fields.ts';
import type { Ranges } from './ranges.ts';

export interface Axis {
  /** First values of the elementary intervals, ascending, from 0. */
  readonly starts: readonly (number | bigint)[];
  /** The domain's last value. */
  readonly last: bigint;
  /** For each clause: begin, end, begin, end … as indexes of `starts` (end exclusive); empty where it asks nothing. */
  readonly spans: readonly Int32Array[];
}

const NO_SPANS = new Int32Array(0);

/** `wheres[i]` is what clause i asks of the field. Equal objects are cut once: a large set may stand in many rules. */
export function makeAxis(field: Field, wheres: readonly (Ranges | undefined)[]): Axis {
  const last = lastOf(field);
  const sets = new Set(wheres.filter((ranges) => ranges !== undefined));
  const starts = field.endsWith('6') ? cutBigints(sets, last) : cutNumbers(sets, Number(last));
  const index = new Map<number | bigint, number>();
  for (const [i, start] of starts.entries()) index.set(start, i);
  const spans = new Map<Ranges, Int32Array>();
  for (const ranges of sets) {
    const span = new Int32Array(2 * ranges.length);
    let n = 0;
    for (const { first, last } of ranges) {
      span[n++] = index.get(first)!;
      span[n++] = index.get(typeof last === 'bigint' ? last + 1n : last + 1) ?? starts.length;
    }
    spans.set(ranges, span);
  }
  return { starts, last, spans: wheres.map((ranges) => (ranges ? spans.get(ranges)! : NO_SPANS)) };
}

/** The last value of the elementary intervals before number `end`. */
export function lastBefore(axis: Axis, end: number): bigint {
  return end < axis.starts.length ? BigInt(axis.starts[end]!) - 1n : axis.last;
}

function cutNumbers(sets: Iterable<Ranges>, domainLast: number): number[] {
  const cuts = [0];
  for (const ranges of sets) {
    for (const range of ranges) {
      cuts.push(range.first as number);
      if (range.last < domainLast) cuts.push((range.last as number) + 1);
    }
  }
  return dedupe(Array.from(Float64Array.from(cuts).sort()));
}

function cutBigints(sets: Iterable<Ranges>, domainLast: bigint): bigint[] {
  const cuts = [0n];
  for (const ranges of sets) {
    for (const range of ranges) {
      cuts.push(range.first as bigint);
      if (range.last < domainLast) cuts.push((range.last as bigint) + 1n);
    }
  }
  return dedupe(cuts.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)));
}

function dedupe<T>(sorted: readonly T[]): T[] {
  return sorted.filter((value, i) => i === 0 || value !== sorted[i - 1]);
}
