import type { Document } from '../../grammar/ast.ts';
import type { Diagnostic, Fix, Related } from '../../grammar/diagnostic.ts';
import type { Span } from '../../grammar/span.ts';
import type { Template } from './codes.ts';

export interface Extra {
  readonly related?: readonly Related[];
  readonly fixes?: readonly Fix[];
}

/** What the checker has found so far. A user's mistake is added here and never thrown. */
export interface Report {
  readonly diagnostics: readonly Diagnostic[];
  add<P>(template: Template<P>, span: Span, parameters: P, extra?: Extra): void;
  /** Once, at the first of the places: for templates whose message is the same everywhere. */
  /** A name that nothing has: once for each name, at its first use. */
  addForName<P>(name: string, template: Template<P>, span: Span, parameters: P, extra?: Extra): void;
  addOnce<P>(template: Template<P>, span: Span, parameters: P): void;
  hasErrors(): boolean;
  /**
   * Could a sentence that was not understood, or not read, be the one that is missing here? Then the missing is not
   * worth a word of its own.
   */
  mayBeLost(name: string): boolean;
  mayBeLostWithin(from: Span, to: Span): boolean;
  readonly incomplete: boolean;
}

/** `unread`: a file of the configuration could not be read. */
export function makeReport(
  documents: readonly Document[],
  sources: ReadonlyMap<string, string>,
  unread: boolean,
): Report {
  const diagnostics: Diagnostic[] = [];
  const byCode = new Map<string, number>();
  const byName = new Map<string, number>();
  const broken = documents.flatMap((document) => document.diagnostics.filter(({ severity }) => severity === 'error'));
  const lostNames = new Set(documents.flatMap((document) => document.broken.map(({ text }) => text)));
  for (const { span } of broken) for (const word of firstWords(sources.get(span.file) ?? '', span)) lostNames.add(word);

  const report: Report = {
    diagnostics,
    add(template, span, parameters, extra) {
      const expected = template.expected(parameters);
      diagnostics.push({
        code: template.code,
        severity: template.severity,
        message: template.message(parameters),
        ...(expected === undefined ? {} : { expected }),
        span,
        related: extra?.related ?? [],
        fixes: extra?.fixes ?? [],
      });
    },
    addForName(name, template, span, parameters, extra) {
      const said = byName.get(name);
      const before = said === undefined ? undefined : diagnostics[said];
      if (said === undefined || before === undefined) {
        byName.set(name, diagnostics.length);
        report.add(template, span, parameters, extra);
      } else if (before.related.length < 4) {
        // Said several times it is hardly misspelt: what is wrong may be its declaration.
        const fixes = before.fixes.map((fix) => ({ ...fix, certain: false }));
        diagnostics[said] = { ...before, fixes, related: [...before.related, { span, message: 'also used here' }] };
      }
    },
    addOnce(template, span, parameters) {
      const said = byCode.get(template.code) ?? -1;
      const before = diagnostics[said];
      if (before === undefined) {
        byCode.set(template.code, diagnostics.length);
        report.add(template, span, parameters);
      } else if (before.span.file === span.file && span.start < before.span.start)
        diagnostics[said] = { ...before, span };
    },
    hasErrors: () => unread || broken.length > 0 || diagnostics.some(({ severity }) => severity === 'error'),
    mayBeLost: (name) => unread || lostNames.has(name),
    mayBeLostWithin: (from, to) =>
      broken.some(
        ({ span }) => span.file === from.file && span.line >= from.line && span.line <= Math.max(from.line, to.line),
      ),
    incomplete: unread || broken.length > 0,
  };
  return report;
}

/** The first two words of the line that a span is on: where a declaration has its name, with and without its keyword. */
function firstWords(text: string, { start }: Span): readonly string[] {
  const end = text.indexOf('\n', start);
  const line = text.slice(text.lastIndexOf('\n', start - 1) + 1, end < 0 ? text.length : end);
  return (line.match(/[A-Za-z][\w-]*/g) ?? []).slice(0, 2);
}
