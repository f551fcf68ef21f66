/**
 * Cuts a text into sentences: a sentence is a line, goes on after a comma, and ends before `{` and `}`. Works line by
 * line, so that the memory it takes is that of the longest sentence.
 */
import type { IToken } from 'chevrotain';
import { codes } from './codes.ts';
import { isOf } from './expectations.ts';
import { readLine } from './line-reader.ts';
import type { Reporter } from './reporter.ts';
import { spanOf } from './source-spans.ts';
import type { SourceText } from './span.ts';
import { Close, Comma, Name, Open, Text } from './tokens.ts';
import { declarations, sentenceWords } from './words.ts';

/** Tokens with their line and column filled in. `wrong`: a literal in it is wrong (reported already). */
export interface Sentence {
  readonly kind: 'sentence';
  readonly tokens: readonly IToken[];
  /** The `{` after it. */
  readonly opens: IToken | null;
  readonly wrong: boolean;
}
export type Piece = Sentence | { readonly kind: 'close'; readonly token: IToken };

/** Longer sentences are not read (in words and signs). */
export const LONGEST_SENTENCE = 500_000;

export function* readPieces(source: SourceText, reporter: Reporter): Generator<Piece, void> {
  const { text, file } = source;
  let pending: IToken[] = [];
  let wrong = false;
  const complete = (opens: IToken | null): Sentence => {
    const sentence: Sentence = { kind: 'sentence', tokens: pending, opens, wrong };
    pending = [];
    return sentence;
  };
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  for (let line = 1; start <= text.length && !reporter.full; line++) {
    const newline = text.indexOf('\n', start);
    const next = newline < 0 ? text.length : newline;
    const end = next > start && text[next - 1] === '\r' ? next - 1 : next;
    if (end === start) {
      start = next + 1;
      continue;
    }
    const read = readLine({ file, text: text.slice(start, end) }, start, line, reporter);
    start = next + 1;
    if (read.tokens.length > 0 && pending.length > 0 && beginsAnew(read.tokens, pending[0]!)) yield complete(null);
    wrong = read.wrong || (wrong && pending.length > 0);
    for (const token of read.tokens) {
      if (token.tokenType === Open) yield complete(token);
      else if (token.tokenType === Close) {
        if (pending.length > 0) yield complete(null);
        yield { kind: 'close', token };
      } else if (pending.length < LONGEST_SENTENCE) pending.push(token);
      else {
        const more = { expected: '`file "…"` for long lists of addresses' };
        reporter.report(codes.sentenceTooLong, { limit: LONGEST_SENTENCE }, spanOf(file, pending[0]!), more);
        wrong = true;
      }
    }
    if (pending.length > 0 && read.tokens.at(-1)?.tokenType !== Comma && read.tokens.length > 0) yield complete(null);
  }
  if (pending.length > 0) yield complete(null);
}

/**
 * After a comma the sentence goes on, but not with `host yoda` in the first column, nor with `interface wan` no further
 * to the right than the sentence's own beginning: then the comma is what is wrong.
 */
function beginsAnew([first, second]: readonly IToken[], beginning: IToken): boolean {
  if (second === undefined || second.tokenType === Comma) return false;
  if (first!.startColumn === 1 && declarations.has(first!.image)) {
    return second.tokenType === Text || isOf(second.tokenType, Name);
  }
  return first!.startColumn! <= beginning.startColumn! && sentenceWords.has(first!.image);
}
