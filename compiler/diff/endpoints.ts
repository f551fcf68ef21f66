/** Addresses of a box: one for each thing that a file can say of them, the likeliest first. */
import type { Family } from '../../grammar/ast.ts';
import { isTableField } from '../diagram/fields.ts';
import type { Range } from '../model.ts';
import { ownedAddresses } from '../ownership.ts';
import { rangesOf } from '../pairing.ts';
import type { Box } from './boxes.ts';
import type { Side } from './journey.ts';
import type { Places } from './places.ts';
import { classesOf } from './routable.ts';

/** Ranges of a box in which likely addresses are looked for. */
const MOST_RANGES = 200;
/** Addresses for documentation (RFC 5737, RFC 3849): of somebody out there. */
const OUTSIDE = {
  saddr: { 4: 0xc6336407n, 6: 0x20010db8000000000000000000000007n },
  daddr: { 4: 0xcb007150n, 6: 0x20010db8000000000000000000000080n },
} as const;

export function listAddresses(
  box: Box,
  sides: readonly Side[],
  places: Places,
  family: Family,
  end: 'saddr' | 'daddr',
  place: number,
): readonly bigint[] {
  const asked = box[`${end}${family}`];
  const home = sides.flatMap(({ model }) => {
    const id = places.idIn(model, place);
    return ownedAddresses(model, family).filter(({ interfaces }) => id !== null && interfaces.includes(id));
  });
  const isTabled = Object.keys(box).some((field) => isTableField(field as 'in'));
  const tabled = isTabled
    ? sides.flatMap(({ model }) => model.tables.flatMap(({ addresses }) => rangesOf(addresses, family)))
    : [];
  const outside = OUTSIDE[end][family];
  const likely = [
    ...home.map(({ first, last }) => ({ first: first + (last > first ? 1n : 0n), last })),
    { first: outside, last: outside },
    ...tabled,
    ...(end === 'daddr' ? classesOf(sides, family) : []),
  ];
  const found = new Set<bigint>();
  for (const range of likely) {
    const inside = likelyIn(asked?.slice(0, MOST_RANGES), range);
    if (inside !== null) found.add(inside);
  }
  const whole = { first: 0n, last: family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n };
  for (const { first, last } of (asked ?? [whole]).slice(0, 4))
    for (const one of [(first + last) / 2n, first, last]) found.add(one);
  return [...found];
}

/** The first of `range` that is in one of `asked` (undefined: all are); null: none is. */
export function likelyIn(asked: readonly Range<bigint>[] | undefined, range: Range<bigint>): bigint | null {
  if (asked === undefined) return range.first;
  for (const { first, last } of asked) {
    const from = first > range.first ? first : range.first;
    if (from <= (last < range.last ? last : range.last)) return from;
  }
  return null;
}
