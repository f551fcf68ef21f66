/**
 * What is wrong with a sentence that the grammar refuses: the first token that can't stand where it stands, and the
 * most likely mistake behind it. Each mistake is one function that returns true if it reported.
 */
import type { IToken, TokenType } from 'chevrotain';
import { type Code, codes, type More } from './codes.ts';
import type { Fix } from './diagnostic.ts';
import { describe, expectedWords, findAfter, findExpected, fits, imagine, isWhole } from './expectations.ts';
import { explainOrder } from './explain-order.ts';
import { findNearest } from './nearest.ts';
import type { Sentence } from './reader.ts';
import type { Reporter } from './reporter.ts';
import type { SentenceParser } from './sentence-parser.ts';
import { spanAfter, spanBetween, spanOf } from './source-spans.ts';
import type { Span } from './span.ts';
import * as t from './tokens.ts';
import { declarations, foreignWords } from './words.ts';

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
  /** Whether the sentence is whole with a token of `type` before `at`. */
  wholeWith(type: TokenType): boolean;
  /** What may follow if one token earlier stood one of `type`. */
  followBefore(type: TokenType): readonly TokenType[];
  report<P>(code: Code<P>, params: P, span: Span, more: More): true;
}
type Mistake = (failure: Failure) => boolean;

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
    wholeWith: (type) => isWhole(parser, rule, [...prefix, imagine(type), ...tokens.slice(index)]),
    followBefore: (type) => findAfter(parser, rule, prefix.slice(0, -1), type),
    report: (code, params, span, more) => {
      reporter.report(code, params, span, more);
      return true;
    },
  };
  if (failure.at === null) explainEnd(failure, failure.before!, sentence.opens);
  else mistakes.some((mistake) => mistake(failure));
}

function nameEnd(rule: string, tokens: readonly IToken[]): string {
  if (rule !== 'declaration') return 'the end of the line';
  const takes = declarations.get(tokens[0]!.image);
  return takes === 'block' ? '`{`' : takes === 'perhaps' ? '`{` or the end of the line' : 'the end of the line';
}

function explainEnd(failure: Failure, last: IToken, opens: IToken | null): void {
  const { file, expected } = failure;
  const end = spanAfter(file, last);
  const span = opens === null ? end : spanOf(file, opens);
  if (fits(last.tokenType, [t.PortProtocol]) && expected.includes(t.Ports)) {
    reportNoPorts(failure, last, span);
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

function reportNoPorts(failure: Failure, protocol: IToken, span: Span): true {
  const fixes = [{ title: 'every port', span: spanAfter(failure.file, protocol), replacement: ' 1-65535' }];
  const expected = `ports; every port is \`${protocol.image} 1-65535\``;
  return failure.report(codes.noProtocolPorts, { protocol: protocol.image }, span, { expected, fixes });
}

const replace = (title: string, span: Span, replacement: string): readonly Fix[] => [{ title, span, replacement }];
const didYouMean = (span: Span, word: string): readonly Fix[] => replace(`did you mean \`${word}\`?`, span, word);
const quote = (token: IToken): string => (token.tokenType === t.Text ? token.image : `\`${token.image}\``);

/** Whether what stands after `at` could follow `types`. */
function goesOn({ follow, tokens, index }: Failure, ...types: TokenType[]): boolean {
  const next = tokens[index + 1];
  return next === undefined || fits(next.tokenType, follow(...types));
}

const foreign: Mistake = (failure) => {
  const { at, expected, file } = failure;
  const right = foreignWords.get(at!.image.toLowerCase());
  if (
    right === undefined ||
    !fits(
      t.keywordOf(right),
      expected.filter((e) => e !== t.Name && e !== t.AnyWord),
    )
  )
    return false;
  const span = spanOf(file, at!);
  return failure.report(codes.foreignWord, { word: at!.image, right }, span, {
    expected: `\`${right}\``,
    fixes: didYouMean(span, right),
  });
};

const misspelt: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (!fits(at!.tokenType, [t.AnyWord])) return false;
  const right = findNearest(at!.image, expectedWords(expected));
  if (right === null || !goesOn(failure, t.keywordOf(right))) return false;
  const span = spanOf(file, at!);
  const more = { expected: describe(expected, failure.end), fixes: didYouMean(span, right) };
  return failure.report(codes.misspelt, { word: at!.image, right }, span, more);
};

/** `deny form blocked`: `form` may be a service, until the next word shows that it is not. */
const misspeltBefore: Mistake = (failure) => {
  const { at, before, expectedBefore, file } = failure;
  if (before === null || before.tokenType !== t.Name) return false;
  const right = findNearest(before.image, expectedWords(expectedBefore));
  if (right === null || !fits(at!.tokenType, failure.followBefore(t.keywordOf(right)))) return false;
  const span = spanOf(file, before);
  const more = { expected: describe(expectedBefore, null), fixes: didYouMean(span, right) };
  return failure.report(codes.misspelt, { word: before.image, right }, span, more);
};

/** `interface wan = ppp0 mss clamp`. */
const bareMss: Mistake = (failure) => {
  const { at, rule, file, tokens } = failure;
  if (rule !== 'declaration' || at!.tokenType !== t.KMss || tokens[0]!.tokenType !== t.KInterface) return false;
  const span = spanBetween(file, at!, tokens.at(-1)!, tokens);
  const right = `{ ${tokens
    .slice(failure.index)
    .map(({ image }) => image)
    .join(' ')} }`;
  const more = { expected: `\`${right}\``, fixes: replace(`write \`${right}\``, span, right) };
  return failure.report(codes.missingOpen, { block: 'interface' }, spanOf(file, at!), more);
};

/** The first of the two ways to look at a sentence: with the missing thing it is whole. */
const commaWhole: Mistake = (failure) => failure.wholeWith(t.Comma) && comma(failure);
const missingWhole: Mistake = (failure) => missing(failure, true);

const comma: Mistake = (failure) => {
  const { at, before, expected, file } = failure;
  if (before === null || !expected.includes(t.Comma) || !fits(at!.tokenType, failure.follow(t.Comma))) return false;
  const span = spanOf(file, at!);
  const fixes = replace('insert a comma', spanAfter(file, before), ',');
  return failure.report(codes.missingComma, { before: quote(before), after: quote(at!) }, span, {
    expected: '`,`',
    fixes,
  });
};

/** `tcp from lan`: a protocol without its ports. */
const noPorts: Mistake = (failure) => {
  const { at, before, expected, file } = failure;
  if (before === null || !fits(before.tokenType, [t.PortProtocol]) || !expected.includes(t.Ports)) return false;
  if (fits(at!.tokenType, [t.Name, t.Time])) {
    const more = { expected: 'port numbers: `tcp 80, 443`, `tcp 6000-6063`, or a service alone' };
    return failure.report(
      codes.unexpected,
      { what: quote(at!), after: `after \`${before.image}\`` },
      spanOf(file, at!),
      more,
    );
  }
  return reportNoPorts(failure, before, spanOf(file, at!));
};

const bareIpv6: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (at!.tokenType !== t.Ipv6 || !expected.includes(t.Bracketed)) return false;
  const span = spanOf(file, at!);
  const right = `[${at!.image}]`;
  const more = { expected: '`[address]` or `[address]:port`', fixes: replace(`write \`${right}\``, span, right) };
  return failure.report(codes.bareIpv6, { text: at!.image }, span, more);
};

const brackets: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (at!.tokenType !== t.Bracketed || !expected.includes(t.Literal)) return false;
  const span = spanOf(file, at!);
  const bare = at!.image.slice(1, -1);
  return failure.report(codes.brackets, {}, span, {
    expected: `\`${bare}\``,
    fixes: replace('remove them', span, bare),
  });
};

const noUnit: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (at!.tokenType !== t.Numeral || !expected.includes(t.Time)) return false;
  const span = spanOf(file, at!);
  const more = { expected: 'a time such as `90s` or `2h4m`', fixes: replace('seconds', span, `${at!.image}s`) };
  return failure.report(codes.noUnit, { text: at!.image }, span, more);
};

const quotes: Mistake = (failure) => {
  const { at, expected, file } = failure;
  const span = spanOf(file, at!);
  if (at!.tokenType === t.Text && fits(t.Name, expected)) {
    const text = at!.payload as string;
    if (!/^[A-Za-z][\w-]*$/.test(text)) return false;
    const more = { expected: `\`${text}\``, fixes: replace('remove the quotes', span, text) };
    return failure.report(codes.quotes, { text: at!.image, needed: false }, span, more);
  }
  if (!expected.includes(t.Text) || failure.end !== null || !fits(at!.tokenType, [t.Name])) return false;
  const text = `"${at!.image}"`;
  return failure.report(codes.quotes, { text: at!.image, needed: true }, span, {
    expected: text,
    fixes: replace('add quotes', span, text),
  });
};

/** `80:90`, `61000 65095`: a range is written with `-`. */
const brokenRange: Mistake = (failure) => {
  const { at, before, file, tokens, index } = failure;
  const colon = at!.tokenType === t.Colon;
  const last = colon ? tokens[index + 1] : at!;
  if (before?.tokenType !== t.Numeral || last?.tokenType !== t.Numeral) return false;
  if (!failure.expectedBefore.includes(t.Ports) || (!colon && failure.expected.includes(t.Comma))) return false;
  const span = spanBetween(file, before, last, tokens);
  const right = `${before.image}-${last.image}`;
  const text = `${before.image}${colon ? ':' : ' '}${last.image}`;
  const more = { expected: `\`${right}\``, fixes: replace(`write \`${right}\``, span, right) };
  return failure.report(codes.badRange, { text, because: 'a range has a `-`' }, span, more);
};

/** One word or sign is missing: with it, the sentence goes on. */
const missing = (failure: Failure, demandWhole = false): boolean => {
  const { at, expected, file, before } = failure;
  const fitting = expected.filter((type) => type !== t.Comma && fits(at!.tokenType, failure.follow(type)));
  const whole = fitting.filter((type) => failure.wholeWith(type));
  const types = whole.length > 0 || demandWhole ? whole : fitting;
  if (types.length === 0) return false;
  const span = spanOf(file, at!);
  const what = describe(types, null);
  const word = /^`([^`]*)`$/.exec(what)?.[1];
  const tight = word === ':' || before === null;
  const place = tight ? { ...span, end: span.start } : spanAfter(file, before);
  const fixes = word === undefined ? [] : replace(`insert \`${word}\``, place, tight ? word : ` ${word}`);
  return failure.report(codes.missingWord, { what, before: quote(at!) }, span, { expected: what, fixes });
};

const reservedName: Mistake = (failure) => {
  const { at, expected, file } = failure;
  if (!t.isReserved(at!.tokenType) || expected.length !== 1 || expected[0] !== t.Name) return false;
  if (fits(at!.tokenType, failure.follow(t.Name))) return false;
  const span = spanOf(file, at!);
  return failure.report(codes.reservedName, { word: at!.image }, span, { expected: 'a name of your own' });
};

const superfluous: Mistake = (failure) => {
  const { at, before, expected, end, file, tokens, index } = failure;
  const next = tokens[index + 1];
  const fixed = next === undefined ? end !== null : fits(next.tokenType, expected);
  const span = spanOf(file, at!);
  const fixes = fixed ? replace('remove it', span, '') : [];
  const after = before === null ? 'here' : `after ${quote(before)}`;
  const what = quote(at!);
  return failure.report(codes.unexpected, { what, after }, span, { expected: describe(expected, end), fixes });
};

/** In the order in which they are tried; the last one always reports. */
const mistakes: readonly Mistake[] = [
  foreign,
  bareIpv6,
  brackets,
  noUnit,
  brokenRange,
  bareMss,
  misspelt,
  misspeltBefore,
  commaWhole,
  noPorts,
  quotes,
  missingWhole,
  explainOrder,
  reservedName,
  comma,
  (failure) => missing(failure),
  superfluous,
];
