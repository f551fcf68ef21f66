/** Sentences as rows of text: indented, in columns, and broken after commas where they are too long. */
import type { IToken } from 'chevrotain';
import { Comma } from '../tokens.ts';
import { type Column, findColumns, join } from './columns.ts';
import type { Item, Line, SentenceItem } from './gather.ts';

/** A row of the result. A blank one has neither text nor comment. */
export interface Row {
  readonly text: string;
  /** Behind the text. */
  readonly comment: string | null;
  /** The comment goes on from the one of the row above. */
  readonly follows: boolean;
}

const WIDEST = 120;
const INDENT = 2;
/** Of what goes on after a comma, where no column says where. */
const HANG = 4;

export function layOut(items: readonly Item[]): readonly Row[] {
  const writer = new Writer(findColumns(items));
  for (let i = 0; i < items.length; ) i += writer.take(items, i);
  return writer.end();
}

class Writer {
  readonly #columns: ReadonlyMap<SentenceItem, Column>;
  readonly #rows: Row[] = [];
  /** No blank row may follow: at the beginning, after a blank one, after `{`. */
  #tight = true;

  constructor(columns: ReadonlyMap<SentenceItem, Column>) {
    this.#columns = columns;
  }

  /** Writes what begins with item `i`. @returns how many items that were */
  take(items: readonly Item[], i: number): number {
    const item = items[i]!;
    if (item.kind === 'aside') this.#aside(item.line, item.inBlock ? INDENT : 0);
    else if (item.kind === 'close') {
      this.#trim();
      this.#put('}', item.line);
    } else {
      const { whole, count } = takeInline(items, i);
      const [row, ...others] = count > 1 ? this.#fill(item, whole!, true) : [];
      if (row !== undefined && others.length === 0 && row.length <= WIDEST) {
        this.#put(row, whole!);
        return count;
      }
      this.#sentence(item);
    }
    return 1;
  }

  end(): readonly Row[] {
    this.#trim();
    return this.#rows;
  }

  #sentence(item: SentenceItem): void {
    for (const [i, line] of item.lines.entries()) {
      if (line.words.length === 0) this.#aside(line, this.#hang(item));
      else {
        const rows = this.#fill(item, line, i === 0);
        for (const row of rows.slice(0, -1)) this.#put(row, null);
        this.#put(rows.at(-1)!, line);
      }
    }
    this.#tight = item.opens;
  }

  /** The rows of a line, of which only a sentence's `first` one begins at the left. */
  #fill(item: SentenceItem, { words }: Line, first: boolean): string[] {
    const column = this.#columns.get(item);
    const hang = this.#hang(item);
    const indent = ' '.repeat(item.block === null ? 0 : INDENT);
    if (!first) return fill(' '.repeat(hang), words, hang);
    if (column === undefined) return fill(indent, words, hang);
    const head = join(words.slice(0, column.word)).padEnd(column.width);
    return fill(indent + head, words.slice(column.word), hang);
  }

  #hang(item: SentenceItem): number {
    const indent = item.block === null ? 0 : INDENT;
    const width = this.#columns.get(item)?.width;
    if (width === undefined) return indent + HANG;
    return indent + width + (item.block === null ? '= '.length : 0);
  }

  #aside({ comment, follows }: Line, indent: number): void {
    if (comment === null) {
      if (!this.#tight) this.#rows.push({ text: '', comment: null, follows: false });
      this.#tight = true;
    } else if (follows) this.#rows.push({ text: '', comment: comment.text, follows });
    else this.#put(' '.repeat(indent) + comment.text, null);
  }

  #put(text: string, line: Line | null): void {
    this.#rows.push({ text, comment: line?.comment?.text ?? null, follows: false });
    this.#tight = false;
  }

  /** Nothing blank before `}` and the end. */
  #trim(): void {
    const last = this.#rows.at(-1);
    if (last !== undefined && last.text === '' && last.comment === null) this.#rows.pop();
  }
}

/** A block that was written on one line: all its words as a line, and how many items they are. */
function takeInline(items: readonly Item[], i: number): { readonly whole: Line | null; readonly count: number } {
  const head = items[i] as SentenceItem;
  const parts: Line[] = [head.lines.at(-1)!];
  const none = { whole: null, count: 1 };
  if (!head.opens || head.lines.length > 1) return none;
  for (const item of items.slice(i + 1, i + 3)) {
    if (item.kind === 'aside' || parts.at(-1)!.comment !== null) return none;
    const lines = item.kind === 'close' ? [item.line] : item.lines;
    if (lines.length > 1 || lines[0]!.words[0]!.startLine !== parts[0]!.words[0]!.startLine) return none;
    parts.push(lines[0]!);
    if (item.kind !== 'close') continue;
    return { whole: { ...item.line, words: parts.flatMap(({ words }) => words) }, count: parts.length };
  }
  return none;
}

/** Words behind `start`, broken after commas; what is broken off begins in column `hang`. */
function fill(start: string, words: readonly IToken[], hang: number): string[] {
  const rows: string[] = [];
  let row = start;
  let begins = true;
  for (let from = 0, to = 1; from < words.length; from = to++) {
    while (to < words.length && words[to - 1]!.tokenType !== Comma) to++;
    const text = join(words.slice(from, to));
    if (!begins && row.length + 1 + text.length > WIDEST) {
      rows.push(row);
      row = ' '.repeat(hang);
      begins = true;
    }
    row += begins ? text : ` ${text}`;
    begins = false;
  }
  return [...rows, row];
}
