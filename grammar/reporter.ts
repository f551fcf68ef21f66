import { type Code, codes, type More, makeError } from './codes.ts';
import type { Diagnostic } from './diagnostic.ts';
import type { Span } from './span.ts';

/** After so many errors a text is not read any further. */
export const MOST_ERRORS = 200;

/** Collects the errors of one text: the first one of a line, and no more than MOST_ERRORS. */
export class Reporter {
  readonly #errors: Diagnostic[] = [];
  readonly #lines = new Set<number>();

  report<P>(code: Code<P>, params: P, span: Span, more: More): void {
    if (this.full || this.#lines.has(span.line)) return;
    this.#lines.add(span.line);
    this.#errors.push(makeError(code, params, span, more));
    if (this.full)
      this.#errors.push(makeError(codes.tooMany, { count: MOST_ERRORS }, span, { expected: 'fewer errors' }));
  }

  /** Whether `line` has its error already. */
  has(line: number): boolean {
    return this.#lines.has(line);
  }

  get full(): boolean {
    return this.#errors.length >= MOST_ERRORS;
  }

  /** In the order of the text. */
  get errors(): readonly Diagnostic[] {
    return this.#errors.toSorted((a, b) => a.span.start - b.span.start);
  }
}
