/** Clauses that are there, but in the wrong order or twice. */
import type { IToken } from 'chevrotain';
import { codes } from './codes.ts';
import type { Failure, Misplaced } from './failure.ts';
import { spanBetween, spanOf } from './source-spans.ts';
import * as t from './tokens.ts';

const WHAT = 'what';
/** The clauses of a sentence in their order, by the word that begins them; `what` begins with a protocol. */
const ORDERS: Readonly<Record<string, readonly string[]>> = {
  rule: [WHAT, 'from', 'to', 'limit', 'log'],
  policy: ['from', 'to'],
  default: ['log'],
  packet: ['from', 'on', 'to', 'is', 'by', 'as'],
  check: ['every', 'fall', 'rise'],
  listen: ['to'],
  open: ['from'],
};

const ruleOf = (tokens: readonly IToken[]): string | null => {
  const first = tokens[0]!;
  if (first.tokenType === t.KAllow || first.tokenType === t.KDeny || first.tokenType === t.KReject) return 'rule';
  if (t.Protocol.categoryMatchesMap?.[first.tokenType.tokenTypeIdx!] === true) return 'packet';
  return Object.hasOwn(ORDERS, first.image) ? first.image : null;
};

interface Clause {
  readonly name: string;
  readonly tokens: readonly IToken[];
}

/** Cuts a sentence at the words that begin its clauses; the first piece is what stands before them. */
function cut(tokens: readonly IToken[], order: readonly string[]): readonly Clause[] {
  const clauses: { name: string; tokens: IToken[] }[] = [{ name: '', tokens: [] }];
  let previous: IToken | null = null;
  for (const token of tokens) {
    const starts = order.includes(token.image) || (order[0] === WHAT && startsWhat(token, previous));
    if (starts) clauses.push({ name: order.includes(token.image) ? token.image : WHAT, tokens: [] });
    clauses.at(-1)!.tokens.push(token);
    previous = token;
  }
  return clauses;
}

const startsWhat = (token: IToken, previous: IToken | null): boolean =>
  t.Protocol.categoryMatchesMap?.[token.tokenType.tokenTypeIdx!] === true && previous?.tokenType !== t.Comma;

/** Reports a clause that stands after one it should stand before, or that is said twice. */
export function explainOrder(failure: Misplaced): boolean {
  const { tokens, at, file, index } = failure;
  const kind = ruleOf(tokens);
  if (kind === null) return false;
  const order = ORDERS[kind]!;
  const clauses = cut(tokens, order);
  const found = clauses.findIndex((clause, i) => i > 0 && clause.tokens[0] === at);
  const clause = clauses[found];
  if (clause === undefined || index === 1) return false;
  const span = spanOf(file, at!);
  const before = clauses.slice(1, found);
  if (before.some(({ name }) => name === clause.name)) {
    if (kind === 'packet') return false;
    const expected = clause.name === WHAT ? 'a list with commas' : `one \`${clause.name}\`, with a list after it`;
    return failure.report(codes.repeatedClause, { clause: at!.image }, span, { expected });
  }
  const place = (name: string) => order.indexOf(name);
  const later = before.find(({ name }) => place(name) > place(clause.name));
  const earlier = clauses.slice(found + 1).find(({ name }) => place(name) < place(clause.name));
  if (later === undefined && earlier === undefined) return false;
  const [right, left] = later === undefined ? [clause, earlier!] : [later, clause];
  const params = { clause: left.tokens[0]!.image, before: right.tokens[0]!.image };
  const words = order.map((name) => (name === WHAT ? 'what' : `\`${name}\``)).join(', ');
  const expected = `the order ${words}`;
  return failure.report(codes.clauseOrder, params, span, { expected, fixes: reorder(failure, clauses, order) });
}

/** The whole line with its clauses in order, if the sentence is one line and says each clause once. */
function reorder({ file, tokens }: Failure, clauses: readonly Clause[], order: readonly string[]) {
  const [head, ...rest] = clauses;
  const one = tokens[0]!.startLine === tokens.at(-1)!.startLine;
  if (!one || new Set(rest.map(({ name }) => name)).size < rest.length) return [];
  const sorted = rest.toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  const replacement = [head!, ...sorted].flatMap((clause) => clause.tokens).reduce(write, '');
  const span = spanBetween(file, tokens[0]!, tokens.at(-1)!, tokens);
  return [{ title: 'put them in order', span, replacement, certain: true }];
}

/** Tokens with single blanks between them, as they are usually written. */
function write(text: string, token: IToken): string {
  const tight = text === '' || [t.Comma, t.Colon].includes(token.tokenType) || text.endsWith(':');
  return `${text}${tight ? '' : ' '}${token.image}`;
}
