/**
 * What is wrong with a sentence that the grammar refuses: the first token that can't stand where it stands, and the
 * most likely mistake behind it.
 */
import type { IToken } from 'chevrotain';
import { codes } from './codes.ts';
import { describe, findAfter, findExpected, fits, imagine, isWhole } from './expectations.ts';
import { explainOrder } from './explain-order.ts';
import { type Failure, type Mistake, nameEnd } from './failure.ts';
import * as literals from './mistakes-literals.ts';
import * as signs from './mistakes-signs.ts';
import * as words from './mistakes-words.ts';
import type { Sentence } from './reader.ts';
import type { Reporter } from './reporter.ts';
import type { SentenceParser } from './sentence-parser.ts';
import { spanAfter, spanOf } from './source-spans.ts';
import * as t from './tokens.ts';
import { declarations } from './words.ts';

/** Reports why `rule` has refused the sentence; `parser` still knows. */
export function explain(
  file: string,
  parser: SentenceParser,
  rule: string,
  sentence: Sentence,
  reporter: Reporter,
): void {
  const [error] = parser.errors;
  if (error === undefined) {
    const { problem } = parser;
    problem?.report((code, params, more) => reporter.report(code, params, problem.span, more));
    return;
  }
  const { tokens } = sentence;
  const found = tokens.indexOf(error.token);
  const index = found < 0 ? tokens.length : found;
  // Nothing will be reported: the line has its error.
  if (reporter.has((tokens[index] ?? tokens.at(-1)!).startLine!)) return;
  const prefix = tokens.slice(0, index);
  const failure: Failure = {
    file,
    rule,
    tokens,
    index,
    at: tokens[index] ?? null,
    before: tokens[index - 1] ?? null,
    expected: findExpected(parser, rule, prefix),
    end: error.name === 'NotAllInputParsedException' ? nameEnd(rule, tokens) : null,
    expectedBefore: findAfter(parser, rule, prefix.slice(0, -1)),
    follow: (...types) => findAfter(parser, rule, prefix, ...types),
    isWhole: (others) => isWhole(parser, rule, others),
    wholeWith: (type) => isWhole(parser, rule, [...prefix, imagine(type), ...tokens.slice(index)]),
    followBefore: (type) => findAfter(parser, rule, prefix.slice(0, -1), type),
    report: (code, params, span, more) => {
      reporter.report(code, params, span, more);
      return true;
    },
  };
  const { at } = failure;
  if (at === null) explainEnd(failure, failure.before!, sentence.opens);
  else mistakes.some((mistake) => mistake({ ...failure, at }));
}

function explainEnd(failure: Failure, last: IToken, opens: IToken | null): void {
  const { file, expected } = failure;
  const end = spanAfter(file, last);
  const span = opens === null ? end : spanOf(file, opens);
  if (opens !== null && declarations.get(failure.tokens[0]!.image) === 'none') {
    const more = { expected: 'the items alone, with commas between them' };
    failure.report(codes.loneOpen, { because: ': a list has no braces' }, span, more);
    return;
  }
  if (fits(last.tokenType, [t.PortProtocol]) && expected.includes(t.Ports)) {
    literals.reportNoPorts(failure, last, span);
    return;
  }
  if (last.tokenType === t.Comma) {
    const at = spanOf(file, last);
    const fixes = [{ title: 'remove the comma', span: at, replacement: '' }];
    const more = { expected: describe(expected, null), fixes };
    failure.report(codes.unfinished, { after: 'after its comma' }, opens === null ? at : span, more);
    return;
  }
  const more = { expected: describe(expected, null) };
  failure.report(codes.unfinished, { after: `after \`${last.image}\`` }, span, more);
}

/** In the order in which they are tried; the last one always reports. */
const mistakes: readonly Mistake[] = [
  words.foreign,
  literals.bareIpv6,
  literals.brackets,
  literals.noUnit,
  literals.brokenRange,
  signs.bareBlock,
  words.conjunction,
  signs.strayComma,
  literals.spokenRate,
  signs.twoSentences,
  words.misspelt,
  words.misspeltBefore,
  signs.commaWhole,
  literals.noPorts,
  literals.quotes,
  signs.missingWhole,
  explainOrder,
  literals.noAddress,
  words.reservedName,
  signs.comma,
  (failure) => signs.missing(failure),
  signs.superfluous,
];
