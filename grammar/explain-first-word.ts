/** A sentence that starts with a word that no sentence starts with, there where it stands. */
import type { IToken } from 'chevrotain';
import { codes } from './codes.ts';
import { findExpected, fits, imagine, joinOr } from './expectations.ts';
import { findNearest } from './nearest.ts';
import type { Sentence } from './reader.ts';
import type { Reporter } from './reporter.ts';
import type { SentenceParser } from './sentence-parser.ts';
import { spanAfter, spanOf } from './source-spans.ts';
import * as t from './tokens.ts';
import { type BlockKind, declarations, foreignWords, sentences } from './words.ts';

/** The sentence on the line before, which this one may be the rest of. */
export interface Previous {
  readonly rule: string;
  readonly sentence: Sentence;
}

export const describePlace = (kind: BlockKind | null): string => {
  if (kind === null) return 'declaration';
  return `sentence of ${/^[aeiou]/.test(kind) ? 'an' : 'a'} \`${kind}\``;
};

/** Reports it, and gives the word that was probably meant. `kind` null: outside of every block. */
export function explainFirstWord(
  file: string,
  parser: SentenceParser,
  sentence: Sentence,
  kind: BlockKind | null,
  previous: Previous | null,
  reporter: Reporter,
): string | null {
  const first = sentence.tokens[0]!;
  const words = kind === null ? [...declarations.keys()] : sentences[kind];
  const span = spanOf(file, first);
  const foreign = foreignWords.get(first.image.toLowerCase());
  if (foreign !== undefined && words.includes(foreign)) {
    const fixes = [{ title: `did you mean \`${foreign}\`?`, span, replacement: foreign }];
    reporter.report(codes.foreignWord, { word: first.image, right: foreign }, span, {
      expected: `\`${foreign}\``,
      fixes,
    });
    return foreign;
  }
  const isWord = fits(first.tokenType, [t.AnyWord]);
  const nearest = isWord ? findNearest(first.image, words) : null;
  if (nearest === null && previous !== null && continues(file, parser, first, previous, reporter)) return null;
  const word = first.tokenType === t.Text ? first.image : `\`${first.image}\``;
  const fixes = nearest === null ? [] : [{ title: `did you mean \`${nearest}\`?`, span, replacement: nearest }];
  const expected =
    (nearest === null ? whereItBelongs(first.image, kind) : null) ?? joinOr(words.map((w) => `\`${w}\``));
  reporter.report(codes.unknownSentence, { word, place: describePlace(kind) }, span, { expected, fixes });
  return nearest;
}

/** The rest of the sentence before it: a comma was forgotten, or the line was broken where it can't be. */
function continues(
  file: string,
  parser: SentenceParser,
  first: IToken,
  { rule, sentence }: Previous,
  reporter: Reporter,
): boolean {
  const { tokens, opens } = sentence;
  const last = tokens.at(-1);
  if (last === undefined || opens !== null) return false;
  if (fits(first.tokenType, findExpected(parser, rule, [...tokens, imagine(t.Comma)]))) {
    const span = spanAfter(file, last);
    const params = { before: `\`${last.image}\``, after: `\`${first.image}\` on the next line` };
    const fixes = [{ title: 'insert a comma', span, replacement: ',' }];
    reporter.report(codes.missingComma, params, span, { expected: '`,`', fixes });
    return true;
  }
  if (!fits(first.tokenType, findExpected(parser, rule, tokens))) return false;
  const related = [{ span: spanOf(file, last), message: 'the sentence before ends here' }];
  reporter.report(codes.lineBreak, { word: first.image }, spanOf(file, first), {
    expected: 'the whole sentence on one line',
    related,
  });
  return true;
}

/** Says in which block a word of another block belongs. */
function whereItBelongs(word: string, kind: BlockKind | null): string | null {
  if (declarations.has(word)) return `\`${word}\` outside of every block`;
  const kinds = (Object.keys(sentences) as BlockKind[]).filter(
    (other) => other !== kind && sentences[other].includes(word),
  );
  return kinds.length === 0 ? null : `\`${word}\` in the block of ${joinOr(kinds.map((other) => `\`${other}\``))}`;
}
