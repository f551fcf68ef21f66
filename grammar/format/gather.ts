/** A text without errors as sentences with the comments and blank lines around and inside them. */
import type { IToken } from 'chevrotain';
import { type Piece, readPieces } from '../reader.ts';
import { Reporter } from '../reporter.ts';
import type { SourceText } from '../span.ts';
import { Close, Open } from '../tokens.ts';
import { type Comment, readGap } from './gap.ts';

/** A line as it was written. Without words: a line of a comment alone, or a blank one. */
export interface Line {
  readonly words: readonly IToken[];
  readonly comment: Comment | null;
  /** The comment goes on from the one behind the line above, in whose column it stands. */
  readonly follows: boolean;
}

export interface SentenceItem {
  readonly kind: 'sentence';
  /** The word that begins the block which it stands in; null outside of blocks. */
  readonly block: string | null;
  /** The first one has words; those between may have none. */
  readonly lines: readonly Line[];
  /** Ends with `{`. */
  readonly opens: boolean;
}
export type Item =
  | SentenceItem
  | { readonly kind: 'aside'; readonly inBlock: boolean; readonly line: Line }
  | { readonly kind: 'close'; readonly line: Line };

/** Every word, comment and blank line of the text, in its order. */
export function gather(source: SourceText): readonly Item[] {
  const gatherer = new Gatherer(source.text);
  for (const piece of readPieces(source, new Reporter())) gatherer.take(piece);
  return gatherer.end();
}

class Gatherer {
  readonly #text: string;
  readonly #items: Item[] = [];
  #block: string | null = null;
  /** The end of the last word. */
  #at = 0;
  #lines: Line[] = [];
  #words: IToken[] = [];
  /** The column of the last line's comment. */
  #column = -1;

  constructor(text: string) {
    this.#text = text;
  }

  take(piece: Piece): void {
    const words = piece.kind === 'close' ? [piece.token] : [...piece.tokens, ...(piece.opens ? [piece.opens] : [])];
    for (const [i, word] of words.entries()) {
      this.#pass(word.startOffset, i > 0);
      this.#words.push(word);
      this.#at = word.startOffset + word.image.length;
    }
  }

  end(): readonly Item[] {
    this.#pass(this.#text.length, false);
    return this.#items;
  }

  /** Goes over what is no word. `within` a sentence it belongs to the sentence. */
  #pass(to: number, within: boolean): void {
    const { trailing, lines, breaks } = readGap(this.#text, this.#at, to);
    if (within && !breaks) return;
    if (this.#words.length > 0) this.#add({ words: this.#words, comment: trailing, follows: false });
    this.#words = [];
    if (!within) this.#finish();
    for (const comment of lines) {
      const line = { words: [], comment, follows: comment !== null && comment.column === this.#column };
      if (within) this.#add(line);
      else this.#items.push({ kind: 'aside', inBlock: this.#block !== null, line });
      if (!line.follows) this.#column = -1;
    }
  }

  #add(line: Line): void {
    this.#lines.push(line);
    if (line.words.length > 0) this.#column = line.comment?.column ?? -1;
  }

  #finish(): void {
    const lines = this.#lines;
    const first = lines[0]?.words[0];
    this.#lines = [];
    if (first === undefined) return;
    if (first.tokenType === Close) {
      this.#block = null;
      this.#items.push({ kind: 'close', line: lines[0]! });
      return;
    }
    const opens = lines.at(-1)!.words.at(-1)!.tokenType === Open;
    this.#items.push({ kind: 'sentence', block: this.#block, lines, opens });
    if (opens) this.#block = first.image;
  }
}
