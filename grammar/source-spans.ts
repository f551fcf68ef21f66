import type { IToken } from 'chevrotain';
import { behind, type Span } from './span.ts';

/** The place of a token that the reader has given its line and column. */
export function spanOf(file: string, token: IToken): Span {
  const { startOffset: start, startLine, startColumn } = token;
  return { file, start, end: start + token.image.length, line: startLine!, column: startColumn! };
}

/** From `first` to `last`, but not beyond the line of `first`, whose last token ends at `lineEnd`. */
export function spanBetween(file: string, first: IToken, last: IToken, tokens: readonly IToken[]): Span {
  let end = last;
  if (last.startLine !== first.startLine) {
    end = tokens.findLast((token) => token.startLine === first.startLine) ?? first;
  }
  return { ...spanOf(file, first), end: end.startOffset + end.image.length };
}

/** The empty place behind a token. */
export function spanAfter(file: string, token: IToken): Span {
  return behind(spanOf(file, token));
}
