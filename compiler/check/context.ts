import type { Document } from '../../grammar/ast.ts';
import type { Span } from '../../grammar/span.ts';
import type { LiveValue, Part } from '../dynamic.ts';
import type { Lists } from '../lists.ts';
import type {
  AddressMap,
  AddressSet,
  Expectation,
  Gateway,
  Interface,
  InterfaceId,
  Machine,
  Masquerade,
  Network,
  Policy,
  Range,
  Redirect,
  RuleId,
  RuleOrigin,
  Service,
  Table,
} from '../model.ts';
import type { Names } from './names.ts';
import type { Report } from './report.ts';

/** A masquerade before its pool is known: null, if it gives no `ports`. */
export interface MasqueradeDraft extends Omit<Masquerade, 'ports'> {
  /** The addresses that `from` covers, of the families that it translates. */
  readonly hidden: AddressSet;
  readonly ports: (Range<number> & { readonly span: Span }) | null;
  /** Where `share` stands. */
  readonly shareSpan: Span | null;
}

/** `part`: the address is a stand-in for it; null: the address itself. */
export type HostAddress = Extract<Machine, { kind: 'address' }> & { readonly part: Part | null };

/** What the passes share: the texts, what they declare, and the model as far as it is made. */
export interface Context {
  readonly documents: readonly Document[];
  /** Texts by file, for what a sentence says literally. */
  readonly sources: ReadonlyMap<string, string>;
  readonly report: Report;
  readonly names: Names;
  readonly lists: Lists;
  /** Paths of the address files that were looked at. */
  readonly files: Set<string>;
  /** Names of the sets that hold addresses of a file. */
  readonly filled: Set<string>;

  // What the names stand for; null: declared, but with a mistake that was reported.
  readonly interfaces: Interface[];
  readonly interfaceIds: Map<string, InterfaceId>;
  readonly zones: Map<string, readonly InterfaceId[] | null>;
  readonly addresses: Map<string, AddressSet | null>;
  readonly services: Map<string, readonly Service[] | null>;
  readonly hosts: Map<string, readonly HostAddress[]>;
  /** Networks, hosts and sets that follow prefixes of interfaces, beside their `addresses`. */
  readonly dynamics: Map<string, readonly Part[]>;

  // The model.
  readonly networks: Network[];
  readonly gateway: Gateway[];
  readonly policies: Policy[];
  readonly masqueradeDrafts: MasqueradeDraft[];
  readonly masquerades: Masquerade[];
  readonly redirects: Redirect[];
  readonly maps: AddressMap[];
  readonly expectations: Expectation[];
  readonly rules: RuleOrigin[];
  readonly tables: Table[];
  readonly values: LiveValue[];
}

/** The next id, for the sentence at `span`. */
export function giveId(context: Context, kind: RuleOrigin['kind'], owner: string, span: Span, text?: string): RuleId {
  const id = context.rules.length + 1;
  context.rules.push({ id, kind, owner, span, text: text ?? sentenceAt(context, span) });
  return id;
}

export function interfaceName(context: Context, id: InterfaceId): string {
  return id === 0 ? 'self' : (context.interfaces[id - 1]?.name ?? '?');
}

/** The sentence that starts at `span`: to the end of its line, or further after a comma; comments and braces left out. */
export function sentenceAt({ sources, documents }: Pick<Context, 'sources' | 'documents'>, span: Span): string {
  const written = documents.find(({ file }) => file === span.file)?.json?.sentences;
  if (written !== undefined) return written.get(span.start) ?? '';
  const text = sources.get(span.file);
  if (text === undefined) return '';
  const end = text.indexOf('\n', span.start);
  const line = text.slice(span.start, end < 0 ? text.length : end).trimEnd();
  if (!/[#"{}]|,$|\s\s/.test(line)) return line;
  let sentence = '';
  let quoted = false;
  for (let at = span.start; at < text.length; at++) {
    const char = text[at] as string;
    if (quoted) {
      if (char === '\n') break;
      sentence += char;
      if (char === '\\') sentence += text[++at] ?? '';
      else if (char === '"') quoted = false;
    } else if (char === '#') {
      while (at + 1 < text.length && text[at + 1] !== '\n') at++;
    } else if (char === '\n') {
      if (!sentence.trimEnd().endsWith(',')) break;
      sentence += ' ';
    } else if (char === '{' || char === '}') {
      break;
    } else {
      if (char === '"') quoted = true;
      sentence += char;
    }
  }
  return sentence.trim().replace(/\s+/g, ' ');
}
