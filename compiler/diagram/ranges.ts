/** Sets of integers as inclusive ranges: sorted, disjoint, not adjacent. Numbers or bigints, never mixed. */
import type { Range } from '../model.ts';

export type Ranges<T extends number | bigint = number | bigint> = readonly Range<T>[];

/** Any ranges, in any order, overlapping or not, as a set. */
export function unite<T extends number | bigint>(ranges: Ranges<T>): Ranges<T> {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const out: { first: T; last: T }[] = [];
  for (const { first, last } of sorted) {
    const before = out.at(-1);
    if (before && (first <= before.last || first === next(before.last))) {
      if (last > before.last) before.last = last;
    } else out.push({ first, last });
  }
  return out;
}

/** What is in both. */
export function intersect<T extends number | bigint>(a: Ranges<T>, b: Ranges<T>): Ranges<T> {
  const out: Range<T>[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const x = a[i]!;
    const y = b[j]!;
    const first = x.first > y.first ? x.first : y.first;
    const last = x.last < y.last ? x.last : y.last;
    if (first <= last) out.push({ first, last });
    if (x.last < y.last) i++;
    else j++;
  }
  return out;
}

/** What of `domain` is not in `set`. */
export function subtract<T extends number | bigint>(domain: Ranges<T>, set: Ranges<T>): Ranges<T> {
  const out: Range<T>[] = [];
  let j = 0;
  for (const { first, last } of domain) {
    let from = first;
    let done = false;
    while (j < set.length && set[j]!.last < from) j++;
    for (let k = j; k < set.length && set[k]!.first <= last; k++) {
      const hole = set[k]!;
      if (hole.first > from) out.push({ first: from, last: previous(hole.first) });
      if (hole.last >= last) {
        done = true;
        break;
      }
      from = next(hole.last);
    }
    if (!done) out.push({ first: from, last });
  }
  return out;
}

/** Single values (interface ids, ports) as a set. */
export function rangesOf(values: readonly number[]): Ranges<number> {
  return unite(values.map((value) => ({ first: value, last: value })));
}

export function contains<T extends number | bigint>(ranges: Ranges<T>, value: T): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const { first, last } = ranges[middle]!;
    if (value < first) high = middle - 1;
    else if (value > last) low = middle + 1;
    else return true;
  }
  return false;
}

function next<T extends number | bigint>(value: T): T {
  return (typeof value === 'bigint' ? value + 1n : (value as number) + 1) as T;
}
function previous<T extends number | bigint>(value: T): T {
  return (typeof value === 'bigint' ? value - 1n : (value as number) - 1) as T;
}
