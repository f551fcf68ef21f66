/** What could have stood at a place of a sentence, by the grammar itself. */
import {
  Alternation,
  type Alternative,
  EOF,
  type IProduction,
  type IToken,
  NonTerminal,
  Option,
  RepetitionMandatoryWithSeparator,
  Terminal,
  type TokenType,
} from 'chevrotain';
import type { SentenceParser } from './sentence-parser.ts';
import * as t from './tokens.ts';

/** What is still to come: the productions from `index` on, then `next`. `again`: or the separator and all of them. */
interface Rest {
  readonly productions: readonly IProduction[];
  readonly index: number;
  readonly again: TokenType | null;
  readonly next: Rest | null;
}
interface Choice {
  readonly type: TokenType;
  readonly rest: Rest | null;
}

function enter(productions: readonly IProduction[], next: Rest | null, again: TokenType | null = null): Rest {
  return { productions, index: 0, again, next };
}

/** Adds the tokens that `rest` may begin with; EOF if it may be nothing. */
function collect(rest: Rest | null, choices: Choice[]): void {
  if (rest === null) {
    choices.push({ type: EOF, rest: null });
    return;
  }
  const { productions, index, again, next } = rest;
  const production = productions[index];
  if (production === undefined) {
    if (again !== null) choices.push({ type: again, rest: { ...rest, index: 0 } });
    collect(next, choices);
    return;
  }
  const after = { ...rest, index: index + 1 };
  if (production instanceof Terminal) choices.push({ type: production.terminalType, rest: after });
  else if (production instanceof NonTerminal) collect(enter(production.referencedRule.definition, after), choices);
  else if (production instanceof Option) {
    collect(enter(production.definition, after), choices);
    collect(after, choices);
  } else if (production instanceof Alternation) {
    for (const alternative of production.definition as Alternative[])
      collect(enter(alternative.definition, after), choices);
  } else if (production instanceof RepetitionMandatoryWithSeparator) {
    collect(enter(production.definition, after, production.separator), choices);
  } else throw new Error(`expectations: no way through ${production.constructor.name}`);
}

/** The types that may follow `tokens` at the beginning of `rule`; EOF among them if they are a whole sentence. */
function walk(parser: SentenceParser, rule: string, tokens: readonly IToken[]): readonly TokenType[] {
  let choices: Choice[] = [];
  collect(enter(parser.getGAstProductions()[rule]!.definition, null), choices);
  for (const token of tokens) {
    const next: Choice[] = [];
    for (const { type, rest } of choices) if (isOf(token.tokenType, type)) collect(rest, next);
    choices = next;
  }
  return [...new Set(choices.map(({ type }) => type))];
}

/** The types that may follow `tokens` at the beginning of `rule`. */
export function findExpected(parser: SentenceParser, rule: string, tokens: readonly IToken[]): readonly TokenType[] {
  return walk(parser, rule, tokens).filter((type) => type !== EOF);
}

/** Longer sentences are not tried out with a word more: hints must not cost seconds. */
const LONGEST_TRY = 1000;

/** The types that may follow `tokens` and then `types`; none for a very long sentence. */
export function findAfter(
  parser: SentenceParser,
  rule: string,
  tokens: readonly IToken[],
  ...types: TokenType[]
): readonly TokenType[] {
  return tokens.length > LONGEST_TRY ? [] : findExpected(parser, rule, [...tokens, ...types.map(imagine)]);
}

/** Whether `tokens` are a whole sentence of `rule`; never for a very long one. */
export function isWhole(parser: SentenceParser, rule: string, tokens: readonly IToken[]): boolean {
  return tokens.length <= LONGEST_TRY && walk(parser, rule, tokens).includes(EOF);
}

/** A token of `type` that stands nowhere, to try what could follow it. */
export function imagine(type: TokenType): IToken {
  return { image: '', startOffset: 0, tokenType: type, tokenTypeIdx: type.tokenTypeIdx! };
}

export const isOf = (type: TokenType, expected: TokenType): boolean =>
  type === expected || expected.categoryMatchesMap?.[type.tokenTypeIdx!] === true;

/** Whether a token of `type` is among the expected ones. */
export const fits = (type: TokenType, expected: readonly TokenType[]): boolean =>
  expected.some((candidate) => isOf(type, candidate));

const label = (type: TokenType): string => type.LABEL ?? type.name;

/** Words for a list of expectations: "`to`, `limit`, a comma or the end of the line". */
export function describe(expected: readonly TokenType[], end: string | null): string {
  const shown = expected.filter(
    (type) => !expected.some((other) => other !== type && isOf(type, other)) && !implied(type, expected),
  );
  const labels = [...new Set(shown.flatMap((type) => label(type).split(/(?<=`), (?=`)/)))];
  if (fits(t.Ipv4, expected) && fits(t.Bracketed, expected)) move(labels, '`self`');
  if (end !== null) labels.push(end);
  return joinOr(labels);
}

/** What goes without saying: `file` where an address may stand, a word where a device may. */
const implied = (type: TokenType, expected: readonly TokenType[]): boolean =>
  (type === t.KFile && expected.includes(t.Literal)) || (type === t.AnyWord && expected.includes(t.Device));

function move(labels: string[], last: string): void {
  const at = labels.indexOf(last);
  if (at >= 0) labels.push(...labels.splice(at, 1));
}

export function joinOr(labels: readonly string[]): string {
  return labels.length < 2 ? (labels[0] ?? '') : `${labels.slice(0, -1).join(', ')} or ${labels.at(-1)}`;
}

/** The words that stand for themselves among the expectations: what a word may be a misspelling of. */
export function expectedWords(expected: readonly TokenType[]): readonly string[] {
  return t.keywordTypes
    .filter(([, type]) => expected.some((e) => e !== t.Name && e !== t.AnyWord && isOf(type, e)))
    .map(([w]) => w);
}
