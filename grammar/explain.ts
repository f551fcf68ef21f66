import { codes } from './codes.ts';
import type { Sentence } from './reader.ts';
import type { Reporter } from './reporter.ts';
import type { SentenceParser } from './sentence-parser.ts';
import { spanAfter, spanOf } from './source-spans.ts';
import type { BlockKind } from './words.ts';
export function explain(
  file: string,
  parser: SentenceParser,
  _rule: string,
  sentence: Sentence,
  _kind: BlockKind | null,
  reporter: Reporter,
): void {
  if (parser.errors.length === 0) {
    const { problem } = parser;
    problem?.report((code, params, more) => reporter.report(code, params, spanOf(file, problem.token), more));
    return;
  }
  const error = parser.errors[0]!;
  const span = Number.isNaN(error.token.startOffset)
    ? spanAfter(file, sentence.tokens.at(-1)!)
    : spanOf(file, error.token);
  reporter.report(codes.unexpected, { what: error.token.image, after: error.message }, span);
}
export function explainFirstWord(
  file: string,
  sentence: Sentence,
  kind: BlockKind | null,
  reporter: Reporter,
): string | null {
  const [first] = sentence.tokens;
  reporter.report(codes.unknownSentence, { word: first!.image, place: kind ?? 'sentence' }, spanOf(file, first!));
  return null;
}
