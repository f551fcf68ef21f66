/** Something is missing in a sentence, or too much. */
import { codes } from './codes.ts';
import { describe, fits } from './expectations.ts';
import { type Misplaced, type Mistake, nameEnd, quote, replace } from './failure.ts';
import { spanAfter, spanBetween, spanOf } from './source-spans.ts';
import * as t from './tokens.ts';
import { sentences } from './words.ts';

/** `interface wan = ppp0 mss clamp`, `interface lan = veth0 xdp off`. */
export const bareBlock: Mistake = (failure) => {
  const { at, rule, file, tokens } = failure;
  if (rule !== 'declaration' || !sentences.interface.includes(at.image) || tokens[0]!.tokenType !== t.KInterface)
    return false;
  const span = spanBetween(file, at, tokens.at(-1)!, tokens);
  const rest = tokens.slice(failure.index).map(({ image }) => image);
  const lines = rest.map((word, i) =>
    i > 0 && sentences.interface.includes(word) ? `\n  ${word}` : `${i > 0 ? ' ' : ''}${word}`,
  );
  const inner = lines.join('');
  const isOne = !inner.includes('\n');
  const right = isOne ? `{ ${inner} }` : `{\n  ${inner}\n}`;
  const what = isOne ? `\`${right}\`` : 'a block with a line for each';
  const more = { expected: what, fixes: replace(`write ${what}`, span, right) };
  return failure.report(codes.missingOpen, { block: 'interface' }, spanOf(file, at), more);
};

/** `allow tcp 80, from lan` */
export const strayComma: Mistake = (failure) => {
  const { at, before, file, tokens, index } = failure;
  if (before?.tokenType !== t.Comma || !failure.isWhole(tokens.filter((_, i) => i !== index - 1))) return false;
  const span = spanOf(file, before);
  const more = { expected: 'another item, or no comma', fixes: replace('remove the comma', span, '') };
  return failure.report(codes.strayComma, { before: quote(at) }, span, more);
};

/** `allow tcp 25 default deny`: what is here is a sentence, and so is the rest. */
export const twoSentences: Mistake = (failure) => {
  const { tokens, index, file } = failure;
  if (!failure.isWhole(tokens.slice(0, index)) || !failure.isWhole(tokens.slice(index))) return false;
  const span = spanOf(file, failure.at);
  const fixes = replace('begin a new line', { ...span, end: span.start }, '\n', true);
  return failure.report(codes.newLine, {}, span, { expected: nameEnd(failure.rule, tokens), fixes });
};

/** The first of the two ways to look at a sentence: with the missing thing it is whole. */
export const commaWhole: Mistake = (failure) => failure.wholeWith(t.Comma) && comma(failure);

export const missingWhole: Mistake = (failure) => missing(failure, true);

export const comma: Mistake = (failure) => {
  const { at, before, expected, file } = failure;
  if (before === null || !expected.includes(t.Comma) || !fits(at.tokenType, failure.follow(t.Comma))) return false;
  const span = spanOf(file, at);
  // `from home yoda` may lack a comma or a `to`.
  const others = expected.filter((type) => type !== t.Comma && failure.wholeWith(type));
  const certain = failure.wholeWith(t.Comma) && others.length === 0;
  const fixes = replace('insert a comma', spanAfter(file, before), ',', certain);
  return failure.report(codes.missingComma, { before: quote(before), after: quote(at) }, span, {
    expected: '`,`',
    fixes,
  });
};

/** One word or sign is missing: with it, the sentence goes on. */
export const missing = (failure: Misplaced, demandWhole = false): boolean => {
  const { at, expected, file, before } = failure;
  const fitting = expected.filter((type) => type !== t.Comma && fits(at.tokenType, failure.follow(type)));
  const whole = fitting.filter((type) => failure.wholeWith(type));
  const types = whole.length > 0 || demandWhole ? whole : fitting;
  if (types.length === 0) return false;
  const span = spanOf(file, at);
  const what = describe(types, null);
  const word = /^`([^`]*)`$/.exec(what)?.[1];
  // `from on lan` with another `on` is whole, but it lacks a name.
  const certain = whole.length === 1 && word !== at.image && word !== before?.image;
  const tight = word === ':' || before === null;
  const place = tight ? { ...span, end: span.start } : spanAfter(file, before);
  const fixes = word === undefined ? [] : replace(`insert \`${word}\``, place, tight ? word : ` ${word}`, certain);
  return failure.report(codes.missingWord, { what, before: quote(at) }, span, { expected: what, fixes });
};

export const superfluous: Mistake = (failure) => {
  const { at, before, expected, end, file, tokens, index } = failure;
  const next = tokens[index + 1];
  const fixed = next === undefined ? end !== null : fits(next.tokenType, expected);
  const span = spanOf(file, at);
  const fixes = fixed ? replace('remove it', span, '') : [];
  const after = before === null ? 'here' : `after ${quote(before)}`;
  const what = quote(at);
  return failure.report(codes.unexpected, { what, after }, span, { expected: describe(expected, end), fixes });
};
