/** Reads the entry and everything that it includes. The reading itself is given: this module does no I/O. */
import type { Document, IncludeDecl } from '../grammar/ast.ts';
import type { Diagnostic, Related } from '../grammar/diagnostic.ts';
import { isJson, readJson } from '../grammar/json/read.ts';
import { parse } from '../grammar/parse.ts';
import type { SourceText, Span } from '../grammar/span.ts';
import { CODES, type Template } from './check/codes.ts';

/** `problem` is a sentence without its subject: `does not exist`, `is a directory, not a file`. */
export type ReadSource = (path: string) => { readonly text: string } | { readonly problem: string };

export interface Loaded {
  /** The entry first, then the files that it includes, each before those that it includes itself. */
  readonly documents: readonly Document[];
  readonly sources: readonly SourceText[];
  /** What is wrong with the files, not with what they say. */
  readonly diagnostics: readonly Diagnostic[];
}

const DEEPEST = 32;

export function load(entry: string, read: ReadSource): Loaded {
  const documents: Document[] = [];
  const sources: SourceText[] = [];
  const diagnostics: Diagnostic[] = [];
  const includedAt = new Map<string, Span>();

  const report = <P>(template: Template<P>, span: Span, parameters: P, related: readonly Related[] = []) => {
    const { code, severity } = template;
    const expected = template.expected(parameters);
    const message = template.message(parameters);
    diagnostics.push({
      code,
      severity,
      message,
      ...(expected === undefined ? {} : { expected }),
      span,
      related,
      fixes: [],
    });
  };

  const take = (path: string, said: Span, chain: readonly string[]) => {
    includedAt.set(path, said);
    const found = read(path);
    if ('problem' in found) {
      report(CODES.unreadable, said, { path, problem: found.problem });
      return;
    }
    const source = { file: path, text: found.text };
    const document = isJson(path) ? readJson(source) : parse(source);
    sources.push(source);
    documents.push(document);
    for (const declaration of document.declarations) {
      if (declaration.kind === 'include') follow(declaration, [...chain, path]);
    }
  };

  const follow = (declaration: IncludeDecl, chain: readonly string[]) => {
    const { value, span } = declaration.path;
    const path = resolvePath(chain.at(-1) ?? '', value);
    const from = chain.findIndex((one) => normalizePath(one) === path);
    const before = includedAt.get(path);
    if (from >= 0) report(CODES.includeLoop, span, { chain: [...chain.slice(from), path].join(' → ') });
    else if (before !== undefined) {
      report(CODES.includedTwice, span, { path }, [{ span: before, message: 'first included here' }]);
    } else if (chain.length > DEEPEST) report(CODES.includeTooDeep, span, { limit: DEEPEST });
    else take(path, span, chain);
  };

  take(entry, { file: entry, start: 0, end: 0, line: 1, column: 1 }, []);
  return { documents, sources, diagnostics };
}

/** `path` as the file `from` means it: relative to where `from` stands. Paths of Windows are understood, too. */
export function resolvePath(from: string, path: string): string {
  if (path.startsWith('/')) return normalizePath(path);
  if (/^([A-Za-z]:)?[\\/]/.test(path)) return path;
  const folder = from.slice(0, Math.max(from.lastIndexOf('/'), from.lastIndexOf('\\')) + 1);
  return normalizePath(`${folder}${path}`);
}

/** Without `.` and empty parts, and `..` taken back where there is a part to take. */
function normalizePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !path.startsWith('/')) parts.push(part);
  }
  return (path.startsWith('/') ? '/' : '') + parts.join('/') || '.';
}
