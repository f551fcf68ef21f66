/**
 * The sentences of a block as far as they work: the compiler itself is asked about each, by a sample of it. What it
 * answers with MQ390 is left out; a word that stands for one of a few is exchanged for those that MQ208 names.
 */
import { lineRules } from '../../grammar/sentence-parser.ts';
import { type BlockKind, sentences } from '../../grammar/words.ts';
import { checkText } from '../compiler/check/check-text.ts';
import { type CLAUSES, flatten, type Syntax, sentencesOf, syntaxOf } from './syntax.ts';

const NETWORK = `interface wan = ppp0
interface lan = eth0
network home = 192.168.1.0/24 on lan
host yoda = 192.168.1.10
`;
const SURROUNDINGS: Readonly<Record<BlockKind, (line: string) => string>> = {
  gateway: (line) => `gateway g {\n${line}\n}\n${NETWORK}`,
  interface: (line) => `gateway g { default deny }\n${NETWORK}interface dmz = eth1 {\n${line}\n}\n`,
  policy: (line) => `gateway g { default deny }\n${NETWORK}policy p from lan to wan {\n${line}\ndefault deny\n}\n`,
  masquerade: (line) => `gateway g { default deny }\n${NETWORK}masquerade m {\n${line}\nfrom home\ninterface wan\n}\n`,
  redirect: (line) =>
    `gateway g { default deny }\n${NETWORK}redirect r {\n${line}\ninterface wan\nlisten tcp 80 to yoda\nallow from any\n}\n`,
  autofw: (line) => `gateway g { default deny }\n${NETWORK}autofw a {\n${line}\n}\n`,
  map: (line) =>
    `gateway g { default deny }\n${NETWORK}map m {\n${line}\ninterface wan\ninside 10.1.0.0/24\noutside 10.2.0.0/24\n}\n`,
  expect: (line) => `gateway g { default deny }\n${NETWORK}expect "x" {\n${line}\n}\n`,
};
const SAMPLES: Readonly<Record<string, string>> = {
  ...{ NAME: 'wan', WORD: 'zzz', PORTS: '80', ADDRESSES: '192.0.2.1', IPV4: '192.0.2.1', '[IPV6]': '[2001:db8::1]' },
  ...{ '"TEXT"': '"x"', RATE: '10/second', TIME: '30s', NUMBER: '1000', DEVICE: 'eth0' },
  ...{ what: 'tcp 80', addresses: 'home', places: 'lan', endpoint: 'yoda:80', limit: 'limit 10/second', log: 'log' },
  rule: 'deny tcp 80 from home',
};

/** As short a text as the syntax allows. */
export function sample(syntax: Syntax): string {
  switch (syntax.kind) {
    case 'word':
      return syntax.text;
    case 'shape':
      return SAMPLES[syntax.text] ?? 'zzz';
    case 'clause':
      return SAMPLES[syntax.name] ?? 'zzz';
    case 'sequence':
      return syntax.items.map(sample).filter(Boolean).join(' ');
    case 'choice':
      return sample(syntax.items[0]!);
    case 'optional':
      return '';
    case 'list':
      return sample(syntax.item);
  }
}

const codesOf = (kind: BlockKind, line: string) =>
  checkText(SURROUNDINGS[kind](line)).diagnostics.filter(({ span }) => span.line === lineOf(kind));
const lineOf = (kind: BlockKind): number => SURROUNDINGS[kind]('@').split('\n').indexOf('@') + 1;

/** The compiler says of this line that it is not built. */
const isUnbuilt = (kind: BlockKind, line: string): boolean => codesOf(kind, line).some(({ code }) => code === 'MQ390');

/** The words that may stand in place of `zzz`; null: the compiler does not name them. */
function wordsFor(kind: BlockKind, line: string): readonly string[] | null {
  const complaint = codesOf(kind, line).find(({ code }) => code === 'MQ208' || code === 'MQ126');
  if (complaint === undefined) return null;
  const words = [...complaint.expected!.matchAll(/`(?:default )?([a-z0-9-]+)`|\b(tcp(?:-\w+)?|udp|icmp|other)\b/g)];
  return words.map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/** Each sentence that the grammar has for a block, in the order of the registry of words. */
function allSentences(kind: BlockKind): readonly (readonly Syntax[])[] {
  const order = sentences[kind];
  const rank = ([first]: readonly Syntax[]) => {
    if (first?.kind === 'clause') return order.indexOf(first.name === 'rule' ? 'deny' : first.name);
    return first?.kind === 'word' ? order.indexOf(first.text) : -1;
  };
  const of = sentencesOf(syntaxOf(lineRules[kind])).filter((items) => rank(items) >= 0);
  return of.sort((a, b) => rank(a) - rank(b));
}

/** Each sentence of a block that works; those that differ by their first word only are one. */
export function builtSentences(kind: BlockKind): readonly Syntax[] {
  const merged = new Map<string, { heads: Syntax[]; tail: readonly Syntax[] }>();
  for (const items of allSentences(kind)) {
    if (isUnbuilt(kind, sample({ kind: 'sequence', items }))) continue;
    const refined = refineAll(kind, '', items);
    const [head, ...tail] = refined;
    if (head === undefined) continue;
    const key = tail.length < 4 ? JSON.stringify(refined) : JSON.stringify(tail);
    const known = merged.get(key);
    if (known === undefined) merged.set(key, { heads: [head], tail });
    else known.heads.push(head);
  }
  return [...merged.values()].map(({ heads, tail }) => {
    const head: Syntax = heads.length === 1 ? heads[0]! : { kind: 'choice', items: heads };
    return tail.length === 0 ? head : { kind: 'sequence', items: [head, ...tail] };
  });
}

/** Each sentence of a block that the grammar has and nothing is built for. */
export function unbuiltSentences(kind: BlockKind): readonly Syntax[] {
  return allSentences(kind)
    .map((items): Syntax => ({ kind: 'sequence', items }))
    .filter((sentence) => isUnbuilt(kind, sample(sentence)));
}

function refineAll(kind: BlockKind, before: string, items: readonly Syntax[]): Syntax[] {
  let said = before;
  return items.flatMap((item) => {
    const refined = refine(kind, said, item);
    said = `${said} ${sample(item)}`.trim();
    return refined === null ? [] : [refined];
  });
}

/** A word of any kind becomes the choice of those that work here; null: it does not work at all. */
function refine(kind: BlockKind, before: string, item: Syntax): Syntax | null {
  const works = (text: string) => !isUnbuilt(kind, `${before} ${text}`);
  switch (item.kind) {
    case 'optional': {
      const inner = works(sample(item.item)) ? refine(kind, before, item.item) : null;
      return inner === null ? null : { kind: 'optional', item: inner };
    }
    case 'list': {
      const one = refine(kind, before, item.item);
      return one === null || !works(`${sample(item.item)}, ${sample(item.item)}`) ? one : { kind: 'list', item: one };
    }
    case 'sequence': {
      const items = refineAll(kind, before, item.items);
      return items.length === 1 ? items[0]! : { kind: 'sequence', items };
    }
    case 'choice':
      return { kind: 'choice', items: flatten(item.items.flatMap((one) => refine(kind, before, one) ?? [])) };
    case 'shape':
      return item.text === 'WORD' || item.text === 'NAME' ? refineWord(kind, before, item) : item;
    default:
      return item;
  }
}

function refineWord(kind: BlockKind, before: string, item: Syntax): Syntax {
  const rest = before === 'timeout' ? ' 30s' : '';
  const fits = (word: string) =>
    !codesOf(kind, `${before} ${word}${rest}`).some(({ severity }) => severity === 'error');
  const words = wordsFor(kind, `${before} zzz${rest}`)?.filter(fits) ?? [];
  return words.length === 0 ? item : { kind: 'choice', items: words.map((text) => ({ kind: 'word', text })) };
}

/** A clause, without what the parser reads only to complain of it. */
export function clauseSyntax(name: (typeof CLAUSES)[number]): Syntax {
  const syntax = syntaxOf(name);
  return name === 'what' ? withoutIcmpPorts(syntax) : syntax;
}

function withoutIcmpPorts(syntax: Syntax): Syntax {
  if (syntax.kind === 'list') return { ...syntax, item: withoutIcmpPorts(syntax.item) };
  if (syntax.kind === 'choice') return { ...syntax, items: syntax.items.map(withoutIcmpPorts) };
  if (syntax.kind !== 'sequence') return syntax;
  const [first] = syntax.items;
  return first?.kind === 'word' && first.text === 'icmp' ? { ...syntax, items: syntax.items.slice(0, 2) } : syntax;
}

/** The sentence that begins a declaration. */
export function declarationSyntax(word: string): Syntax {
  const items = sentencesOf(syntaxOf('declaration')).find(([first]) => first?.kind === 'word' && first.text === word);
  if (items === undefined) throw new Error(`no declaration begins with ${word}`);
  return { kind: 'sequence', items };
}
