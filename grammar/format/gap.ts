/** What stands between two words and is none: comments and blank lines. */

export interface Comment {
  /** With its `#`, without blanks at its end. */
  readonly text: string;
  /** UTF-16 units before it on its line. */
  readonly column: number;
}

export interface Gap {
  /** The comment behind the word before. */
  readonly trailing: Comment | null;
  /** The whole lines between: a comment each, or null for a blank line. */
  readonly lines: readonly (Comment | null)[];
  /** Whether the next word stands on another line. */
  readonly breaks: boolean;
}

/** The gap `from`..`to` of a text that has no errors. At the beginning and the end of a text it has whole lines alone. */
export function readGap(text: string, from: number, to: number): Gap {
  const lineStart = from === 0 ? 0 : text.lastIndexOf('\n', from - 1) + 1;
  const [rest = '', ...others] = text.slice(from, to).split('\n');
  const whole = to === text.length ? others : others.slice(0, -1);
  const lines = whole.map((line) => readComment(line, 0));
  if (from > 0) return { trailing: readComment(rest, from - lineStart), lines, breaks: others.length > 0 };
  const first = others.length > 0 || to === text.length ? [readComment(rest.replace(/^\uFEFF/, ''), 0)] : [];
  return { trailing: null, lines: [...first, ...lines], breaks: true };
}

function readComment(line: string, column: number): Comment | null {
  const at = line.indexOf('#');
  return at < 0 ? null : { text: line.slice(at).replace(/[ \t\r]+$/, ''), column: column + at };
}
