/** A map as ranges that move as a whole. */
import type { AddressMap, Prefix, Range } from '../model.ts';
import { rangeOfPrefix } from '../pairing.ts';
import { adjustment } from '../prefix-translation.ts';

/** `here` becomes `there`, in order. */
export interface Piece {
  readonly here: Range<bigint>;
  readonly there: Range<bigint>;
}

/** Of a map in more pieces its policies are not followed. /40 to /48, /56 to /64 have fewer. */
const MOST_PIECES = 2100;

/** Sorted by `here`; what is in no piece can't be translated (RFC 6296 section 3.6). null: there are too many. */
export function listPieces(family: AddressMap['family'], from: Prefix, to: Prefix): readonly Piece[] | null {
  if (family === 4) return [{ here: rangeOfPrefix(from, 4), there: rangeOfPrefix(to, 4) }];
  const isShort = from.length <= 48;
  const subnets = 1 << ((isShort ? 48 : 64) - from.length);
  if (subnets * (isShort ? 2 : 8) > MOST_PIECES || from.length < 32) return null;
  const width = isShort ? 80n : 64n;
  const raise = adjustment(from, to) % 0xffff;
  return Array.from({ length: subnets }, (_, i) => BigInt(i) << width).flatMap((subnet) =>
    isShort
      ? turnWord(from.first | subnet, to.first | subnet, 64n, raise)
      : turnAny(from.first | subnet, to.first | subnet, raise),
  );
}

/** The first word of an interface identifier that is not all ones. */
function turnAny(from: bigint, to: bigint, raise: number): Piece[] {
  const pieces: Piece[] = [];
  let ones = 0n;
  for (const shift of [48n, 32n, 16n, 0n]) {
    pieces.push(...turnWord(from | ones, to | ones, shift, raise));
    ones |= 0xffffn << shift;
  }
  return pieces;
}

/** Words 0 to 0xfffe, turned by `raise`; what is behind the word stays. */
function turnWord(from: bigint, to: bigint, shift: bigint, raise: number): Piece[] {
  const rest = (1n << shift) - 1n;
  const range = (base: bigint, first: number, last: number): Range<bigint> => ({
    first: base | (BigInt(first) << shift),
    last: base | (BigInt(last) << shift) | rest,
  });
  const top = 0xfffe;
  const straight = { here: range(from, 0, top - raise), there: range(to, raise, top) };
  if (raise === 0) return [straight];
  return [straight, { here: range(from, top - raise + 1, top), there: range(to, 0, raise - 1) }];
}
