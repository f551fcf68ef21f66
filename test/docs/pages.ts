/**
 * The parts of a page that are written by program: they stand between `<!-- NAME: ARGUMENT -->` and `<!-- end -->`, and
 * everything around them is written by hand.
 */
import { readFileSync } from 'node:fs';
import { type BlockKind, sentences } from '../../grammar/words.ts';
import { call } from '../runtime/call.ts';
import { addedLines } from './added-lines.ts';
import { builtSentences, clauseSyntax, declarationSyntax, unbuiltSentences } from './built.ts';
import { write } from './ebnf.ts';
import { CLAUSES, type Syntax } from './syntax.ts';

export const DOCS = new URL('../../docs/', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, DOCS), 'utf8');

const DECLARATIONS = [
  ...['gateway', 'interface', 'zone', 'network', 'host', 'set', 'service', 'policy', 'masquerade', 'redirect', 'map'],
  ...['expect', 'include'],
];
const BLOCKS: readonly BlockKind[] = ['gateway', 'interface', 'policy', 'masquerade', 'redirect', 'map', 'expect'];

/** What the diagrams show: `zone`, `gateway lines`, `what`. */
export const DIAGRAMS: ReadonlyMap<string, readonly Syntax[]> = new Map<string, readonly Syntax[]>([
  ...DECLARATIONS.map((word) => [word, [withBlock(word)]] as const),
  ...BLOCKS.map((kind) => [`${kind} lines`, builtSentences(kind)] as const),
  ...CLAUSES.map((name) => [name, [clauseSyntax(name)]] as const),
]);
export const fileOf = (diagram: string): string => `grammar/${diagram.replace(' ', '-')}.svg`;

function withBlock(word: string): Syntax {
  const head = declarationSyntax(word);
  if (!Object.hasOwn(sentences, word)) return head;
  const parts = ['{', `${word} lines`, '}'].map((text): Syntax => {
    return text.length === 1 ? { kind: 'word', text } : { kind: 'clause', name: text };
  });
  const block: Syntax = { kind: 'sequence', items: parts };
  const all = head.kind === 'sequence' ? head.items : [head];
  return { kind: 'sequence', items: [...all, word === 'interface' ? { kind: 'optional', item: block } : block] };
}

type Writer = (argument: string) => string | Promise<string>;
const WRITERS: Readonly<Record<string, Writer>> = {
  diagram: (name) => {
    if (!DIAGRAMS.has(name)) throw new Error(`there is no diagram of ${name}`);
    return `![${name}](${fileOf(name)})`;
  },
  grammar: () => {
    const lines = [...DIAGRAMS].flatMap(([name, [first, ...more]]) => {
      const wide = name.padEnd(17);
      return [`${wide} = ${write(first!)}`, ...more.map((one) => `${' '.repeat(17)} | ${write(one)}`)];
    });
    return `\`\`\`\n${lines.join('\n')}\n\`\`\``;
  },
  unbuilt: () => {
    const rows = BLOCKS.flatMap((kind) => unbuiltSentences(kind).map((one) => [kind, write(one)] as const));
    const of = (kind: BlockKind) => rows.filter(([where]) => where === kind).map(([, what]) => `\`${what}\``);
    const lines = BLOCKS.filter((kind) => of(kind).length > 0).map((kind) => `- ${kind}: ${of(kind).join(', ')}`);
    return lines.join('\n');
  },
  codes: (numbers) => {
    const titles = new Map(
      [...read('codes.md').matchAll(/^### (MQ\d{3}) (.+)$/gm)].map(([, code, title]) => [code, title]),
    );
    const links = numbers.split(' ').map((number) => {
      const title = titles.get(`MQ${number}`);
      if (title === undefined) throw new Error(`docs/codes.md has no MQ${number}`);
      return `[MQ${number}](codes.md#${anchorOf(`MQ${number} ${title}`)}) ${title}`;
    });
    return `What can be wrong: ${links.join(' · ')}`;
  },
  file: (path) => `\`\`\`masq\n${read(path)}\`\`\``,
  new: (paths) => {
    const [path = '', , before = ''] = paths.split(' ');
    return `\`\`\`masq\n${addedLines(read(before), read(path))}\n\`\`\``;
  },
  run: async (line) => {
    const [verb = '', ...rest] = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(
      ([, quoted, plain]) => quoted ?? plain ?? '',
    );
    const { code, out, err } = await call(verb, ...rest.map((word) => word.replace(/^(?=[\w-]+\.masq$)/, TOUR)));
    const said = `${out}${err}`.replaceAll(TOUR, '').trimEnd();
    return `\`\`\`console\n$ masqc ${line}\n${said}\n\`\`\`${code === 0 ? '' : `\n\nThe exit code is ${code}.`}`;
  },
};
const TOUR = new URL('tour/', DOCS).pathname;

/** As GitHub makes them of a heading. */
export function anchorOf(heading: string): string {
  const kept = heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '');
  return kept.replaceAll(' ', '-');
}

/** A page with all that is written by program written anew. */
export async function refresh(page: string): Promise<string> {
  const parts = page.split(/(<!-- [a-z]+(?:: [^\n]*)? -->\n[\s\S]*?<!-- end -->)/);
  const written = parts.map(async (part) => {
    const [, head = '', name = '', argument = ''] = /^(<!-- ([a-z]+)(?:: ([^\n]*))? -->)\n/.exec(part) ?? [];
    const writer = WRITERS[name];
    return head === '' || writer === undefined ? part : `${head}\n${await writer(argument)}\n<!-- end -->`;
  });
  return (await Promise.all(written)).join('');
}
