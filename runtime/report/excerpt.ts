/** A line of a source as it is shown under a message, with marks under a part of it. */
import type { SourceText, Span } from '../../grammar/span.ts';
import { show, widthOf } from './text-width.ts';

export interface Excerpt {
  /** The line, tabs spread, at most WIDEST columns of it. */
  readonly text: string;
  /** Columns before the marked part, and its width (at least 1). */
  readonly before: number;
  readonly width: number;
}

const WIDEST = 120;
const MARGIN = 40;

/** The line that `span` begins on; null if the text is not known. */
export function takeExcerpt(sources: readonly SourceText[], span: Span): Excerpt | null {
  const source = sources.find(({ file }) => file === span.file);
  return source === undefined || span.start > source.text.length ? null : excerptOf(source.text, span.start, span.end);
}

/** The same for the text that a replacement of `span` gives; the replacement is marked. */
export function takeMended(sources: readonly SourceText[], span: Span, replacement: string): Excerpt | null {
  const source = sources.find(({ file }) => file === span.file);
  if (source === undefined || span.end > source.text.length || /[\r\n]/.test(replacement)) return null;
  const { from, to } = lineAround(source.text, span.start);
  const text = source.text.slice(from, span.start) + replacement + source.text.slice(span.end, Math.max(to, span.end));
  const start = span.start - from;
  const blanks = replacement.length - replacement.trimStart().length;
  return excerptOf(text, start + blanks, start + replacement.trimEnd().length);
}

function lineAround(text: string, offset: number): { from: number; to: number } {
  const from = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
  const newline = text.indexOf('\n', offset);
  const end = newline < 0 ? text.length : newline;
  return { from, to: end > from && text[end - 1] === '\r' && end > offset ? end - 1 : end };
}

function excerptOf(whole: string, start: number, end: number): Excerpt {
  const { from, to } = lineAround(whole, start);
  const skipped = Math.max(0, start - from - 4 * WIDEST);
  const line = whole.slice(from + skipped, Math.min(to, from + skipped + 16 * WIDEST));
  const cells: { readonly text: string; readonly width: number; readonly at: number }[] = [];
  let column = 0;
  let at = from + skipped;
  for (const sign of line) {
    const text = show(sign, column);
    const width = sign === '\t' ? text.length : widthOf(text);
    if (!(at === 0 && sign === '\ufeff')) cells.push({ text, width, at });
    column += width;
    at += sign.length;
  }
  const sum = (list: typeof cells) => list.reduce((total, { width }) => total + width, 0);
  const first = cells.filter((cell) => cell.at < start);
  const marked = cells.filter((cell) => cell.at >= start && cell.at < end);
  const rest = cells.slice(first.length + marked.length);
  if (skipped === 0 && sum(cells) <= WIDEST) {
    return {
      text: cells
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
      before: sum(first),
      width: Math.max(1, sum(marked)),
    };
  }
  const lead = cut(first.toReversed(), MARGIN).toReversed();
  const body = cut(marked, WIDEST - MARGIN - 10);
  const tail = body.length < marked.length ? [] : cut(rest, WIDEST - sum(lead) - sum(body));
  const left = lead.length < first.length || skipped > 0 ? '…' : '';
  const right = body.length + tail.length < marked.length + rest.length ? '…' : '';
  const text = left + [...lead, ...body, ...tail].map((cell) => cell.text).join('') + right;
  return { text, before: left.length + sum(lead), width: Math.max(1, sum(body)) };
}

/** As many cells as fit into `most` columns. */
function cut<T extends { readonly width: number }>(cells: readonly T[], most: number): T[] {
  let width = 0;
  const end = cells.findIndex((cell) => {
    width += cell.width;
    return width > most;
  });
  return cells.slice(0, end < 0 ? cells.length : end);
}
