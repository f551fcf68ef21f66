/** Sets of integers as the model has them: sorted, disjoint, not adjacent. Numbers or bigints, never mixed. */
import { normalize } from '../addresses.ts';
import type { Range } from '../model.ts';

export type Ranges<T extends number | bigint = number | bigint> = readonly Range<T>[];

/** Single values (interface ids, protocols) as a set. */
export function rangesOf(values: readonly number[]): Ranges<number> {
  return normalize(values.map((value) => ({ first: value, last: value })));
}
