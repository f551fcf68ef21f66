/** Words that are misspelt, of another language, or reserved. */
import { codes } from './codes.ts';
import { describe, expectedWords, fits, imagine } from './expectations.ts';
import { didYouMean, goesOn, type Misplaced, type Mistake, replace } from './failure.ts';
import { findNearest, isOnlyNearest } from './nearest.ts';
import { spanAfter, spanOf } from './source-spans.ts';
import * as t from './tokens.ts';
import { foreignWords } from './words.ts';

export const foreign: Mistake = (failure) => {
  const { at, expected, file } = failure;
  const right = foreignWords.get(at.image.toLowerCase());
  if (
    right === undefined ||
    !fits(
      t.keywordOf(right),
      expected.filter((e) => e !== t.Name && e !== t.AnyWord),
    )
  )
    return false;
  const span = spanOf(file, at);
  return failure.report(codes.foreignWord, { word: at.image, right }, span, {
    expected: `\`${right}\``,
    fixes: didYouMean(span, right, true),
  });
};

/** Whether the sentence is whole with `word` in the place of its token `index`. */
const wholeWith = ({ isWhole, tokens }: Misplaced, index: number, word: string): boolean =>
  isWhole([...tokens.slice(0, index), imagine(t.keywordOf(word)), ...tokens.slice(index + 1)]);

export const misspelt: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (!fits(at.tokenType, [t.AnyWord])) return false;
  const words = expectedWords(expected);
  const right = findNearest(at.image, words);
  if (right === null || !goesOn(failure, t.keywordOf(right))) return false;
  const span = spanOf(file, at);
  const more = {
    expected: describe(expected, failure.end),
    fixes: didYouMean(span, right, isOnlyNearest(at.image, right, words) && wholeWith(failure, failure.index, right)),
  };
  return failure.report(codes.misspelt, { word: at.image, right }, span, more);
};

/** `deny form blocked`: `form` may be a service, until the next word shows that it is not. */
export const misspeltBefore: Mistake = (failure) => {
  const { at, before, expectedBefore, file } = failure;
  if (before === null || before.tokenType !== t.Name) return false;
  const words = expectedWords(expectedBefore);
  const right = findNearest(before.image, words);
  if (right === null || !fits(at.tokenType, failure.followBefore(t.keywordOf(right)))) return false;
  const span = spanOf(file, before);
  const more = {
    expected: describe(expectedBefore, null),
    fixes: didYouMean(
      span,
      right,
      isOnlyNearest(before.image, right, words) && wholeWith(failure, failure.index - 1, right),
    ),
  };
  return failure.report(codes.misspelt, { word: before.image, right }, span, more);
};

/** `from lan and dmz` */
export const conjunction: Mistake = (failure) => {
  const { at, before, expected, file } = failure;
  if (before === null || !/^(?:and|or)$/i.test(at.image) || !expected.includes(t.Comma)) return false;
  const span = spanOf(file, at);
  const place = { ...spanAfter(file, before), end: span.end };
  const fixes = at.startLine === before.startLine ? replace('write `,`', place, ',', true) : [];
  return failure.report(codes.foreignWord, { word: at.image, right: ',' }, span, { expected: '`,`', fixes });
};

export const reservedName: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (!t.isReserved(at.tokenType) || expected.length !== 1 || expected[0] !== t.Name) return false;
  if (fits(at.tokenType, failure.follow(t.Name))) return false;
  const span = spanOf(file, at);
  return failure.report(codes.reservedName, { word: at.image }, span, { expected: 'a name of your own' });
};
