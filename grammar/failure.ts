/** A sentence that the grammar has refused, and what can be asked about it to find the mistake. */
import type { IToken, TokenType } from 'chevrotain';
import type { Code, More } from './codes.ts';
import type { Fix } from './diagnostic.ts';
import { fits } from './expectations.ts';
import type { Span } from './span.ts';
import * as t from './tokens.ts';
import { declarations } from './words.ts';

/** A sentence that went wrong at `at`. */
export interface Failure {
  readonly file: string;
  readonly rule: string;
  readonly tokens: readonly IToken[];
  readonly index: number;
  /** null: the sentence ends where it must go on. */
  readonly at: IToken | null;
  readonly before: IToken | null;
  readonly expected: readonly TokenType[];
  /** How the end of the sentence is called here; null: it can't end here. */
  readonly end: string | null;
  /** What could have stood one token earlier. */
  readonly expectedBefore: readonly TokenType[];
  /** What may follow if tokens of `types` stood in place of `at` (or before it). */
  follow(...types: TokenType[]): readonly TokenType[];
  /** Whether `tokens` are a whole sentence of the same kind. */
  isWhole(tokens: readonly IToken[]): boolean;
  /** Whether the sentence is whole with a token of `type` before `at`. */
  wholeWith(type: TokenType): boolean;
  /** What may follow if one token earlier stood one of `type`. */
  followBefore(type: TokenType): readonly TokenType[];
  report<P>(code: Code<P>, params: P, span: Span, more: More): true;
}

/** The token `at` can't stand where it stands. */
export interface Misplaced extends Failure {
  readonly at: IToken;
}
/** A mistake that may be behind it: reports and returns true if it is. */
export type Mistake = (failure: Misplaced) => boolean;

/** What the end of a sentence is called. */
export function nameEnd(rule: string, tokens: readonly IToken[]): string {
  if (rule !== 'declaration') return 'the end of the line';
  const takes = declarations.get(tokens[0]!.image);
  return takes === 'block' ? '`{`' : takes === 'perhaps' ? '`{` or the end of the line' : 'the end of the line';
}

export const replace = (title: string, span: Span, replacement: string, certain = false): readonly Fix[] => [
  { title, span, replacement, certain },
];
export const didYouMean = (span: Span, word: string, certain: boolean): readonly Fix[] =>
  replace(`did you mean \`${word}\`?`, span, word, certain);
export const quote = (token: IToken): string => (token.tokenType === t.Text ? token.image : `\`${token.image}\``);

/** Whether what stands after `at` could follow `types`. */
export function goesOn({ follow, tokens, index }: Misplaced, ...types: TokenType[]): boolean {
  const next = tokens[index + 1];
  return next === undefined || fits(next.tokenType, follow(...types));
}
