/** What a token that has no shape at all may have been meant as. */
import type { IToken } from 'chevrotain';
import { readIpv4 } from './address.ts';
import { Ipv4, Ipv6, KHttp, lexer, Numeral, Range, Rate } from './tokens.ts';

export interface Guess {
  readonly because: string;
  readonly expected: string;
  /** The text that should stand from token `from` to token `to`, relative to the token itself (-1, 0, 1). */
  readonly mend?: Mend;
}
interface Mend {
  readonly text: string;
  readonly from: -1 | 0;
  readonly to: 0 | 1;
}

const only = (text: string): Mend => ({ text, from: 0, to: 0 });

/** `before` and `after` are its neighbours on the line. */
export function explainJunk(token: IToken, before: IToken | undefined, after: IToken | undefined): Guess {
  const { image } = token;
  const joined = joinLiteral(image, before, after);
  if (joined !== null) {
    const because = 'ranges, networks and rates are written without blanks';
    return { because, expected: `\`${joined.text}\``, mend: joined };
  }
  if (before?.tokenType === KHttp) {
    const text = `"${image.replaceAll('"', '')}"`;
    return { because: 'a path stands in quotes', expected: text, mend: only(text) };
  }
  if (image === '+' || image === '&' || image === '|') {
    return { because: 'a list has commas', expected: '`,`', mend: only(',') };
  }
  if (image === '->' || image === '=>') {
    return { because: '`to` is written as a word', expected: '`to`', mend: only('to') };
  }
  if (image.includes('\u00a0')) {
    const mend = only(image.replaceAll('\u00a0', ' '));
    return { because: 'it holds a no-break space', expected: 'plain blanks', mend };
  }
  if (/^'[^']*'$/.test(image)) {
    const text = image.replaceAll("'", '"');
    return { because: 'texts stand between double quotes', expected: text, mend: only(text) };
  }
  const [, because, expected] = guesses.find(([pattern]) => pattern.test(image)) ?? [
    '',
    '',
    'a word, a number or an address',
  ];
  return { because, expected };
}

/** Pieces of a literal with blanks between them: `80 - 90`, `10.0.0.0 /8`. */
function joinLiteral(image: string, before: IToken | undefined, after: IToken | undefined): Mend | null {
  const [first, last] = [before?.image ?? '', after?.image ?? ''];
  const tries = [
    { text: first + image + last, from: -1, to: 1 },
    { text: first + image, from: -1, to: 0 },
    { text: image + last, from: 0, to: 1 },
  ] as const;
  return (
    tries.find(({ text, from, to }) => (from === 0 || first !== '') && (to === 0 || last !== '') && isLiteral(text)) ??
    null
  );
}

function isLiteral(text: string): boolean {
  if (text.length > 100) return false;
  const { tokens } = lexer.tokenize(text);
  return tokens.length === 1 && [Range, Rate, Ipv4, Ipv6, Numeral].includes(tokens[0]!.tokenType);
}

const guesses: readonly (readonly [pattern: { test(image: string): boolean }, because: string, expected: string])[] = [
  [/[“”„«»‘’]/, 'texts stand between straight quotes', '`"`'],
  [/[\u00ad\u200b-\u200f\u2060-\u2064]/, 'it holds an invisible character', 'plain ASCII letters'],
  [/^_/, 'a name begins with a letter', 'a letter, then letters, digits, `_` and `-`'],
  [
    /^\d+\/\d*$/,
    'a network has four numbers before `/`, a rate a unit after it',
    'such as `10.0.0.0/8` or `10/minute`',
  ],
  [/^!/, 'exceptions are written with `except`', 'such as `from any except lan`'],
  [/^(?:&&|\|\|)$/, 'a list has commas', '`,`'],
  [/^\d+-/, 'a range is two numbers', 'such as `6970-7170`'],
  [/^[-/]/, 'ranges, networks and rates are written without blanks', 'such as `6970-7170` or `10.0.0.0/8`'],
  [/^\*$/, '`any` stands for every address', '`any`, or `1-65535` for every port'],
  [/[()]/, 'there are no parentheses', 'the words alone'],
  [/^\$/, 'there are no variables', 'a name given by `host`, `network`, `set` or `service`'],
  [/[^\u0000-\u007f]/, 'names and words are ASCII', 'letters, digits, `_` and `-`'],
  [
    { test: (image) => readIpv4(image.split(/[/:-]/, 1)[0]!) !== null },
    'it only begins like an address',
    'such as `10.0.0.1`',
  ],
];
