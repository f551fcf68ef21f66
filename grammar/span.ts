/**
 * Where something stands in a source text. `start` and `end` are UTF-16 offsets (end exclusive); `line` and `column`
 * are those of `start`, counted from 1. A span never crosses a line end.
 */
export interface Span {
  /** The path as the reader of the text named it, e.g. `gateway.masq`. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** A source text with the path under which it is spoken of. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
}

/** The place right behind a span, where something may be put. */
export function behind(span: Span): Span {
  return { ...span, start: span.end, column: span.column + span.end - span.start };
}
