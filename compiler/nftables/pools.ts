/** Outside addresses of a masquerade. A source keeps one of them; which one, the kernel's hash says. */
import { writeAddress } from '../../grammar/address.ts';
import type { Family } from '../../grammar/ast.ts';
import type { Masquerade, Range } from '../model.ts';
import { countAddresses, outsideRanges } from '../pairing.ts';
import { layer } from './builder.ts';

export interface Pool {
  /** `203.0.113.4-203.0.113.9` */
  readonly text: string;
  /** The same where `:ports` follow. */
  readonly before: string;
}

/** null: the interface's own. */
export function writePool(masquerade: Masquerade, family: Family): Pool | null {
  const ranges = outsideRanges(masquerade, family);
  if (ranges === null) return null;
  const [only] = ranges;
  if (ranges.length === 1 && only !== undefined) {
    return { text: writeRange(only, family, false), before: writeRange(only, family, family === 6) };
  }
  // The kernel wants all values of a map to be of one kind: ranges, or single ones.
  const single = ranges.every(({ first, last }) => first === last);
  let at = 0;
  const pairs = ranges.map((range) => {
    const first = at;
    at += countAddresses([range]);
    return `${first === at - 1 ? first : `${first}-${at - 1}`} : ${single ? writeRange(range, family, false) : writeEnds(range, family)}`;
  });
  const text = `jhash ${layer(family)} saddr mod ${at} map { ${pairs.join(', ')} }`;
  return { text, before: text };
}

export function hasSeveral(masquerade: Masquerade, family: Family): boolean {
  const ranges = outsideRanges(masquerade, family);
  return ranges !== null && countAddresses(ranges) > 1;
}

const writeEnds = ({ first, last }: Range<bigint>, family: Family): string =>
  `${writeAddress(first, family)}-${writeAddress(last, family)}`;

function writeRange({ first, last }: Range<bigint>, family: Family, bracketed: boolean): string {
  const ends = first === last ? [first] : [first, last];
  return ends
    .map((end) => writeAddress(end, family))
    .map((end) => (bracketed ? `[${end}]` : end))
    .join('-');
}
