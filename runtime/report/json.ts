/** Diagnostics for programs: the document of `--format json`, described by docs/diagnostics.schema.json. */
import type { Diagnostic, Severity } from '../../grammar/diagnostic.ts';
import type { Span } from '../../grammar/span.ts';

export interface JsonSpan extends Span {
  /** Behind the last column; a span never crosses a line end. */
  readonly endColumn: number;
}
export interface JsonDiagnostic {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  /** What would be right; null where the message says it all. */
  readonly expected: string | null;
  readonly span: JsonSpan;
  /** Of a gateway file in JSON: the value. */
  readonly path?: string;
  readonly related: readonly { readonly message: string; readonly span: JsonSpan }[];
  readonly fixes: readonly {
    readonly title: string;
    readonly span: JsonSpan;
    readonly replacement: string;
    /** `masqc check --fix` does it unasked. */
    readonly certain: boolean;
  }[];
}
export interface DiagnosticsDocument {
  readonly version: 1;
  readonly diagnostics: readonly JsonDiagnostic[];
}

export function makeDiagnosticsDocument(diagnostics: readonly Diagnostic[]): DiagnosticsDocument {
  return {
    version: 1,
    diagnostics: diagnostics.map(({ code, severity, message, expected, span, path, related, fixes }) => ({
      code,
      severity,
      message,
      expected: expected ?? null,
      span: describeSpan(span),
      ...(path === undefined ? {} : { path }),
      related: related.map((one) => ({ message: one.message, span: describeSpan(one.span) })),
      fixes: fixes.map(({ title, span: place, replacement, certain }) => ({
        title,
        span: describeSpan(place),
        replacement,
        certain: certain === true,
      })),
    })),
  };
}

/** The document as text, indented, with a line end. */
export function renderDiagnosticsJson(diagnostics: readonly Diagnostic[]): string {
  return `${JSON.stringify(makeDiagnosticsDocument(diagnostics), null, 2)}\n`;
}

function describeSpan({ file, start, end, line, column }: Span): JsonSpan {
  return { file, start, end, line, column, endColumn: column + end - start };
}
