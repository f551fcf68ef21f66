/** Sentences written from JSON, with the value that each word comes from; and spans led back to those values. */
import type { Span } from '../span.ts';
import type { JsonNode } from './tree.ts';

interface Piece {
  /** Where it begins in the sentences. */
  readonly at: number;
  readonly node: JsonNode;
  /** Its characters are those of the JSON text, from this offset on; null: they are not. */
  readonly same: number | null;
}

export class SentenceWriter {
  readonly #pieces: Piece[] = [];
  readonly #json: string;
  readonly #lines: number[] = [0];
  #text = '';

  constructor(json: string) {
    this.#json = json;
    for (let at = json.indexOf('\n'); at >= 0; at = json.indexOf('\n', at + 1)) this.#lines.push(at + 1);
  }

  get text(): string {
    return this.#text;
  }

  /** Words that stand for `node`. */
  put(words: string, node: JsonNode): void {
    const same = node.kind === 'string' && this.#json.startsWith(words, node.start + 1) && node.value === words;
    this.#pieces.push({ at: this.#text.length, node, same: same ? node.start + 1 : null });
    this.#text += words;
  }

  /** The place in the JSON text of a place in the sentences. */
  locate(file: string, { start, end }: Pick<Span, 'start' | 'end'>): Span {
    const piece = this.#pieceAt(start);
    if (piece === undefined) return this.#spanOf(file, 0, 1);
    const last = this.#pieceAt(Math.max(start, end - 1));
    const { node, same, at } = piece;
    if (same === null || last !== piece) return this.#spanOf(file, node.start, node.end);
    return this.#spanOf(file, same + start - at, Math.min(same + end - at, node.end));
  }

  /** Up to the end of its first line. */
  #spanOf(file: string, start: number, end: number): Span {
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lines[middle] ?? 0) <= start) low = middle;
      else high = middle - 1;
    }
    const next = this.#lines[low + 1];
    const stop = next === undefined ? end : Math.min(end, next - 1);
    return { file, start, end: Math.max(stop, start), line: low + 1, column: start - (this.#lines[low] ?? 0) + 1 };
  }

  spanOf(file: string, { start, end }: JsonNode): Span {
    return this.#spanOf(file, start, end);
  }

  at(file: string, offset: number): Span {
    return this.#spanOf(file, offset, offset + 1);
  }

  #pieceAt(offset: number): Piece | undefined {
    let low = 0;
    let high = this.#pieces.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#pieces[middle]?.at ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return this.#pieces[low];
  }
}
