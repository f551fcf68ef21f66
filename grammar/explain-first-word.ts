/** A sentence that starts with a word that no sentence starts with, there where it stands. */
import type { IToken } from 'chevrotain';
import { codes } from './codes.ts';
import type { Fix } from './diagnostic.ts';
import { findAfter, fits, imagine, isWhole, joinOr } from './expectations.ts';
import { findNearest, isOnlyNearest } from './nearest.ts';
import type { Sentence } from './reader.ts';
import type { Reporter } from './reporter.ts';
import { lineRules, type SentenceParser } from './sentence-parser.ts';
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
    const fixes = [{ title: `did you mean \`${foreign}\`?`, span, replacement: foreign, certain: true }];
    reporter.report(codes.foreignWord, { word: first.image, right: foreign }, span, {
      expected: `\`${foreign}\``,
      fixes,
    });
    return foreign;
  }
  const isWord = fits(first.tokenType, [t.AnyWord]);
  const nearest = isWord ? findNearest(first.image, words) : null;
  const word = first.tokenType === t.Text ? first.image : `\`${first.image}\``;
  const report = (expected: string, fixes: readonly Fix[]) => {
    reporter.report(codes.unknownSentence, { word, place: describePlace(kind) }, span, { expected, fixes });
    return nearest;
  };
  if (nearest !== null) {
    const rest = { ...sentence, tokens: sentence.tokens.slice(1) };
    const certain = isOnlyNearest(first.image, nearest, words) && isLost(parser, nearest, kind, rest);
    return report(joinWords(words), [{ title: `did you mean \`${nearest}\`?`, span, replacement: nearest, certain }]);
  }
  if (previous !== null && brokenLine(file, parser, sentence, previous, reporter)) return null;
  const lost = words.filter((w) => isLost(parser, w, kind, sentence));
  if (lost.length > 0) {
    const [only] = lost;
    const place = { ...span, end: span.start };
    const fixes = lost.length > 1 ? [] : [{ title: `insert \`${only}\``, span: place, replacement: `${only} ` }];
    return report(`${joinWords(lost)} before ${word}`, fixes);
  }
  if (previous !== null && continuesList(file, parser, sentence, previous, reporter)) return null;
  return report(whereItBelongs(sentence.tokens, kind) ?? joinWords(words), []);
}

/** Whether the sentence is whole with `word` before it. */
function isLost(parser: SentenceParser, word: string, kind: BlockKind | null, { tokens, opens }: Sentence): boolean {
  if (kind === null && declarations.get(word) !== 'perhaps') {
    if ((declarations.get(word) === 'block') !== (opens !== null)) return false;
  }
  const rule = kind === null ? 'declaration' : lineRules[kind];
  return isWhole(parser, rule, [imagine(t.keywordOf(word)), ...tokens]);
}

const joinWords = (words: readonly string[]): string => joinOr(words.map((word) => `\`${word}\``));

/** Whether a sentence stands under the one before it, further to the right, as if it were the rest of it. */
function isUnder(sentence: Sentence, { sentence: { tokens, opens } }: Previous): boolean {
  return opens === null && sentence.tokens[0]!.startColumn! >= tokens[0]!.startColumn! + 2;
}

/** The rest of the sentence before it, on a line of its own. */
function brokenLine(
  file: string,
  parser: SentenceParser,
  sentence: Sentence,
  previous: Previous,
  reporter: Reporter,
): boolean {
  const { rule, sentence: before } = previous;
  if (!isUnder(sentence, previous) || !isWhole(parser, rule, [...before.tokens, ...sentence.tokens])) return false;
  const first = sentence.tokens[0]!;
  const related = [{ span: spanOf(file, before.tokens.at(-1)!), message: 'the sentence before ends here' }];
  const more = { expected: 'the whole sentence on one line', related };
  reporter.report(codes.lineBreak, { word: first.image }, spanOf(file, first), more);
  return true;
}

/** The next item of the list that the line before ends with: a comma was forgotten. */
function continuesList(
  file: string,
  parser: SentenceParser,
  sentence: Sentence,
  previous: Previous,
  reporter: Reporter,
): boolean {
  const { rule, sentence: before } = previous;
  const first = sentence.tokens[0]!;
  const last = before.tokens.at(-1)!;
  if (!isUnder(sentence, previous)) return false;
  if (!fits(first.tokenType, findAfter(parser, rule, before.tokens, t.Comma))) return false;
  const span = spanAfter(file, last);
  const params = { before: `\`${last.image}\``, after: `\`${first.image}\` on the next line` };
  const fixes = [{ title: 'insert a comma', span, replacement: ',' }];
  reporter.report(codes.missingComma, params, span, { expected: '`,`', fixes });
  return true;
}

/** Says in which block a word of another block belongs. */
function whereItBelongs([first, second]: readonly IToken[], kind: BlockKind | null): string | null {
  const word = first!.image;
  if (second?.tokenType === t.Equals) return null;
  if (t.isReserved(first!.tokenType) && !fits(first!.tokenType, [t.Action, t.KDefault])) return null;
  if (declarations.has(word)) return `\`${word}\` outside of every block`;
  const kinds = (Object.keys(sentences) as BlockKind[]).filter(
    (other) => other !== kind && sentences[other].includes(word),
  );
  return kinds.length === 0 ? null : `\`${word}\` in the block of ${joinWords(kinds)}`;
}
