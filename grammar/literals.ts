/**
 * Literals: what a token of a literal's shape says (kept as the token's payload), or why it says nothing. A literal that
 * is wrong is reported here, once, and still gets a payload, so that the sentence around it can be read.
 */
import type { IToken } from 'chevrotain';
import type { AddressLiteral } from './ast.ts';
import { type Code, codes } from './codes.ts';
import { readAddressToken } from './literal-addresses.ts';
import { Bracketed, Ipv4, Ipv6, Numeral, Range, Rate, Text, Time } from './tokens.ts';

export type AddressValue = Pick<AddressLiteral, 'form' | 'family' | 'first' | 'last'>;
export interface RateValue {
  readonly count: number;
  readonly perMs: number;
}
export interface RangeValue {
  readonly first: number;
  readonly last: number;
}

/** Says what is wrong with a token. `mend` is the text that should stand in its place. */
export type Complain = <P>(
  code: Code<P>,
  params: P,
  token: IToken,
  more: { readonly expected: string; readonly mend?: string },
) => void;

const UNITS: readonly (readonly [unit: string, ms: number, ...others: string[]])[] = [
  ['second', 1000, 's', 'sec', 'secs', 'seconds'],
  ['minute', 60_000, 'm', 'min', 'mins', 'minutes'],
  ['hour', 3_600_000, 'h', 'hr', 'hrs', 'hours'],
  ['day', 86_400_000, 'd', 'days'],
];
const TIMES: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
const TIME = /^(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$/;
const MOST = 1_000_000_000_000;

/** Gives a literal its payload; tokens of other types are left alone. */
export function readLiteral(token: IToken, complain: Complain): void {
  switch (token.tokenType) {
    case Numeral:
      token.payload = readNumber(token, token.image, complain);
      break;
    case Range:
      token.payload = readRange(token, complain);
      break;
    case Rate:
      token.payload = readRate(token, complain);
      break;
    case Time:
      token.payload = readTime(token, complain);
      break;
    case Text:
      token.payload = readText(token, complain);
      break;
    case Ipv4:
    case Ipv6:
    case Bracketed:
      token.payload = readAddressToken(token, complain);
      break;
  }
}

function readNumber(token: IToken, digits: string, complain: Complain): number {
  const value = Number(digits);
  if (digits.length > 1 && digits[0] === '0') {
    const mend = token.image === digits ? { mend: String(value) } : {};
    complain(codes.badNumber, { text: digits, because: 'it begins with 0' }, token, {
      expected: `\`${value}\``,
      ...mend,
    });
  } else if (value > MOST) {
    complain(codes.badNumber, { text: digits, because: 'it is too large' }, token, { expected: 'a smaller number' });
  }
  return Math.min(value, MOST);
}

function readRange(token: IToken, complain: Complain): RangeValue {
  const [from, to] = token.image.split('-') as [string, string];
  const first = readNumber(token, from, complain);
  const last = readNumber(token, to, complain);
  if (first <= last) return { first, last };
  complain(codes.reversedRange, { text: token.image }, token, {
    expected: 'the smaller number first',
    mend: `${to}-${from}`,
  });
  return { first: last, last: first };
}

function readRate(token: IToken, complain: Complain): RateValue {
  const [digits, unit] = token.image.split('/') as [string, string];
  const expected = 'a number, `/`, and `second`, `minute`, `hour` or `day`';
  const known = UNITS.find(([name]) => name === unit);
  const meant =
    known ?? UNITS.find(([name, , ...others]) => others.includes(unit.toLowerCase()) || name === unit.toLowerCase());
  const count = readNumber(token, digits, complain);
  if (known === undefined && /^(?:tcp|udp|sctp)$/i.test(unit)) {
    const mend = `${unit.toLowerCase()} ${digits}`;
    const because = 'a protocol stands before its ports';
    complain(codes.badRate, { text: token.image, because }, token, { expected: `\`${mend}\``, mend });
  } else if (known === undefined) {
    const mend = meant === undefined ? {} : { mend: `${digits}/${meant[0]}` };
    complain(codes.badRate, { text: token.image, because: `there is no unit \`${unit}\`` }, token, {
      expected,
      ...mend,
    });
  } else if (count === 0) {
    complain(codes.badRate, { text: token.image, because: 'it allows nothing' }, token, { expected });
  }
  return { count: Math.max(count, 1), perMs: meant?.[1] ?? 1000 };
}

function readTime(token: IToken, complain: Complain): number {
  const expected = 'numbers with the units `d h m s ms`, the larger before the smaller, such as `90s` or `2h4m`';
  let ms = 0;
  let mend = '';
  let unknown: string | null = null;
  const large = /^(\d{1,6})([kKMG])$/.exec(token.image);
  for (const [, digits, unit] of token.image.matchAll(/(\d+)([A-Za-z_]*)/g)) {
    const short = shortUnit(unit!);
    if (short === null) unknown ??= unit!;
    ms += Number(digits) * (TIMES[short ?? 'ms'] ?? 0);
    mend += `${digits}${short}`;
  }
  if (unknown !== null) {
    const factor = { k: 1e3, K: 1e3, M: 1e6, G: 1e9 }[large?.[2] ?? ''];
    if (factor !== undefined) {
      const number = String(Number(large![1]) * factor);
      const because = 'numbers are written out';
      complain(codes.badNumber, { text: token.image, because }, token, { expected: `\`${number}\``, mend: number });
      return 0;
    }
    const because = unknown === '' ? 'its last number has no unit' : `there is no unit \`${unknown}\``;
    complain(codes.badTime, { text: token.image, because }, token, { expected });
  } else if (!TIME.test(token.image)) {
    const known = /^(\d+(?:ms|[dhms]))+$/.test(token.image);
    const because = known ? 'its units are not in order' : 'its units are written out';
    complain(codes.badTime, { text: token.image, because }, token, TIME.test(mend) ? { expected, mend } : { expected });
  } else if (ms > MOST) {
    complain(codes.badTime, { text: token.image, because: 'it is too long' }, token, { expected: 'a shorter time' });
  }
  return Math.min(ms, MOST);
}

function shortUnit(unit: string): string | null {
  if (Object.hasOwn(TIMES, unit)) return unit;
  const word = unit.toLowerCase();
  if (['msec', 'msecs', 'millisecond', 'milliseconds'].includes(word)) return 'ms';
  const found = UNITS.find(([name, , ...others]) => name === word || others.includes(word));
  return found === undefined ? null : found[0][0]!;
}

/** Whether a text ends with its quote, which is none after an odd number of backslashes. */
export function isClosed(image: string): boolean {
  if (image.length < 2 || !image.endsWith('"')) return false;
  let at = image.length - 2;
  while (image[at] === '\\') at--;
  return (image.length - 2 - at) % 2 === 0;
}

function readText(token: IToken, complain: Complain): string {
  const { image } = token;
  const closed = isClosed(image);
  const inner = image.slice(1, closed ? -1 : undefined);
  if (!closed)
    complain(codes.openText, {}, token, { expected: 'a text between `"` and `"`, on one line', mend: `${image}"` });
  return inner.replace(/\\(.)/gs, (sequence, sign: string) => {
    if (sign !== '"' && sign !== '\\') {
      complain(codes.badEscape, { sequence }, token, { expected: '`\\"` or `\\\\`' });
    }
    return sign;
  });
}
