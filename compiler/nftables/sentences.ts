/** From what a line of the file asks and decides to lines of a chain. */
import type { Family } from '../../grammar/ast.ts';
import type { Decision, Limit, Log, RuleOrigin } from '../model.ts';
import type { Builder } from './builder.ts';
import { limitLines } from './limits.ts';
import { logLines } from './logs.ts';
import { joinFamilies, type Match, writeMatch } from './matches.ts';
import { commentOf } from './names.ts';
import type { Line } from './ruleset.ts';

/** The chain that answers what is rejected. */
export const REFUSE = 'answer-refused';

export interface Sentence {
  readonly origin: RuleOrigin;
  readonly matches: readonly Match[];
  readonly unless: readonly Match[];
  readonly limits: readonly Limit[];
  /** Of the sources that are limited. */
  readonly families: readonly Family[];
  readonly log: Log | null;
  /** Of `matches`, what nft wants to see again before the statements where they stand apart. */
  readonly again?: string;
  /** Limits that it shares with other lines. */
  readonly before?: readonly Line[];
  /** `counter accept`, … */
  readonly statements: readonly Line[];
}

export const VERDICTS: Readonly<Record<Decision, string>> = {
  allow: 'counter accept',
  deny: 'counter drop',
  reject: `counter goto ${REFUSE}`,
};
export const LOGGED: Readonly<Record<Decision, string>> = { allow: 'allowed', deny: 'denied', reject: 'rejected' };

/** A line for each alternative; what more there is to do than one verdict stands in a chain of its own. */
export function writeSentence(builder: Builder, chain: string, sentence: Sentence, verdict = 'allowed'): Line[] {
  const { origin, unless, limits, log, before = [], statements } = sentence;
  const matches = joinFamilies(sentence.matches);
  const [only] = statements;
  const more = unless.length + limits.length + before.length > 0 || log !== null || statements.length > 1;
  if (!more && only?.match === '') {
    const comment = commentOf(origin);
    return matches.map((match) => ({ match: writeMatch(match), statement: only.statement, comment }));
  }
  if (matches.length === 0) return [];
  const name = writeApart(builder, chain, sentence, verdict);
  return matches.map((match) => ({ match: writeMatch(match), statement: `jump ${name}`, comment: null }));
}

/** Once, wherever the line is asked: its limits are the same ones everywhere. */
function writeApart(builder: Builder, chain: string, sentence: Sentence, verdict: string): string {
  const { origin, unless, limits, families, log, again = '', before = [], statements } = sentence;
  const rest = [
    ...before,
    ...logLines(origin, log, verdict),
    ...statements.map((line) => ({ ...line, match: `${again} ${line.match}`.trim() })),
  ];
  const except = unless.map((match) => ({ match: writeMatch(match), statement: 'return', comment: null }));
  const key = JSON.stringify([origin.id, except, rest, families]);
  return builder.once(key, () => {
    const name = builder.names.give(chain);
    const limited = limitLines(builder, { origin, limits, log, chain: name, families });
    builder.addChain({ name, says: commentOf(origin), hook: null, lines: [...except, ...limited, ...rest] });
    return name;
  });
}
