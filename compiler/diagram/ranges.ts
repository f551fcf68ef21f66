/** Sets of integers as the model has them: sorted, disjoint, not adjacent. Numbers or bigints, never mixed. */
import type { Family } from '../../grammar/ast.ts';
import { normalize } from '../addresses.ts';
import type { Prefix, Range } from '../model.ts';
import { rangeOfPrefix } from '../pairing.ts';

export type Ranges<T extends number | bigint = number | bigint> = readonly Range<T>[];

/** Single values (interface ids, protocols) as a set. */
export function rangesOf(values: readonly number[]): Ranges<number> {
  return normalize(values.map((value) => ({ first: value, last: value })));
}

/** A prefix as one range of its family's kind. */
export function prefixRanges(prefix: Prefix, family: Family): Ranges {
  const { first, last } = rangeOfPrefix(prefix, family);
  return family === 6 ? [{ first, last }] : [{ first: Number(first), last: Number(last) }];
}
