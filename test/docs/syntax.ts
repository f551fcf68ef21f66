/** The grammar as the parser has it, in a form that can be written down and drawn. */
import {
  Alternation,
  type Alternative,
  type IProduction,
  NonTerminal,
  Option,
  RepetitionMandatoryWithSeparator,
  Terminal,
  type TokenType,
} from 'chevrotain';
import { getParser } from '../../grammar/sentence-parser.ts';

export type Syntax =
  /** As it stands: a word or a sign. */
  | { readonly kind: 'word'; readonly text: string }
  /** A kind of word, in capitals: NAME, PORTS. */
  | { readonly kind: 'shape'; readonly text: string }
  | { readonly kind: 'clause'; readonly name: string }
  | { readonly kind: 'sequence' | 'choice'; readonly items: readonly Syntax[] }
  | { readonly kind: 'optional'; readonly item: Syntax }
  /** One or more, with commas between them. */
  | { readonly kind: 'list'; readonly item: Syntax };

/** Rules of the parser that have a section of their own; all others are written out where they are used. */
export const CLAUSES = ['rule', 'what', 'addresses', 'places', 'endpoint', 'limit', 'log'] as const;

const SHAPES: Readonly<Record<string, string>> = {
  Name: 'NAME',
  AnyWord: 'WORD',
  Ports: 'PORTS',
  Literal: 'ADDRESSES',
  Ipv4: 'IPV4',
  Bracketed: '[IPV6]',
  Text: '"TEXT"',
  Rate: 'RATE',
  Time: 'TIME',
  Numeral: 'NUMBER',
  Device: 'DEVICE',
};

const rules = getParser().getGAstProductions();

/** What a rule of the parser is made of. */
export function syntaxOf(rule: string): Syntax {
  const found = rules[rule];
  if (found === undefined) throw new Error(`the parser has no rule ${rule}`);
  return sequence(found.definition);
}

function sequence(productions: readonly IProduction[]): Syntax {
  const items = productions.map(convert);
  return items.length === 1 ? items[0]! : { kind: 'sequence', items };
}

function convert(production: IProduction): Syntax {
  if (production instanceof Terminal) return token(production.terminalType);
  if (production instanceof NonTerminal) {
    const { name } = production.referencedRule;
    return CLAUSES.some((clause) => clause === name) ? { kind: 'clause', name } : syntaxOf(name);
  }
  if (production instanceof Option) return { kind: 'optional', item: sequence(production.definition) };
  if (production instanceof Alternation) {
    const items = flatten((production.definition as Alternative[]).map(({ definition }) => sequence(definition)));
    // Every word may be the name of a device; what has dots can be nothing else.
    const device = items.some((item) => item.kind === 'shape' && item.text === 'DEVICE');
    return device ? { kind: 'shape', text: 'DEVICE' } : { kind: 'choice', items };
  }
  if (production instanceof RepetitionMandatoryWithSeparator) {
    return { kind: 'list', item: sequence(production.definition) };
  }
  throw new Error(`no way to write down ${production.constructor.name}`);
}

/** A choice among choices is one. */
export const flatten = (items: readonly Syntax[]): readonly Syntax[] =>
  items.flatMap((item) => (item.kind === 'choice' ? item.items : [item]));

function token(type: TokenType): Syntax {
  const shape = SHAPES[type.name];
  if (shape !== undefined) return { kind: 'shape', text: shape };
  const words = [...(type.LABEL ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']): Syntax => ({ kind: 'word', text }));
  if (words.length === 0) throw new Error(`the token ${type.name} has no words`);
  return words.length === 1 ? words[0]! : { kind: 'choice', items: words };
}

/** The sentences that a syntax may be, each beginning with a word of its own. */
export function sentencesOf(syntax: Syntax): readonly (readonly Syntax[])[] {
  if (syntax.kind === 'choice') return syntax.items.flatMap(sentencesOf);
  if (syntax.kind !== 'sequence') return [[syntax]];
  const [first, ...rest] = syntax.items;
  if (first === undefined) return [[]];
  const heads = first.kind === 'word' || first.kind === 'shape' ? [[first]] : sentencesOf(first);
  // `confirm` is followed by what it is: `within` or `by`.
  return heads.flatMap((head) => {
    const [next, ...more] = rest;
    if (head.length === 1 && next?.kind === 'choice' && next.items.every((item) => item.kind === 'sequence'))
      return next.items.map((item) => [...head, ...(item.kind === 'sequence' ? item.items : [item]), ...more]);
    return [[...head, ...rest]];
  });
}
