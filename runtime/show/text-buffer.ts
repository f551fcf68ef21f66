/** What is given out at once, and room for what one step may write beyond it, in bytes. */
const CHUNK = 64 * 1024;
const ROOM = 4 * 1024;

/**
 * Text of a long listing, written as bytes of UTF-8 piece by piece: a string for each line, and one of all, would cost more
 * than everything else.
 */
export class TextBuffer {
  #bytes = new Uint8Array(CHUNK + ROOM);
  #at = 0;
  #line = 0;

  get isEmpty(): boolean {
    return this.#at === 0;
  }

  get isFull(): boolean {
    return this.#at >= CHUNK;
  }

  text(text: string): this {
    const { length } = text;
    if (this.#at + 3 * length > this.#bytes.length) this.#grow(3 * length);
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < length; i += 1) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.#at = at + new TextEncoder().encodeInto(text, bytes.subarray(at)).written;
        return this;
      }
      bytes[at + i] = code;
    }
    this.#at = at + length;
    return this;
  }

  /** Text that is UTF-8 already: for what is long, and written again and again. */
  raw(bytes: Uint8Array): this {
    if (this.#at + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** A whole number, not negative, in decimal; with zeros before it up to `digits`. */
  number(value: number, digits = 1): this {
    if (value > 0x7fffffff) return this.text(String(value));
    if (this.#at + 16 > this.#bytes.length) this.#grow(16);
    let [rest, length] = [value | 0, 1];
    for (let bound = 10; length < 10 && rest >= bound; bound *= 10) length += 1;
    if (length < digits) length = digits;
    const bytes = this.#bytes;
    for (let i = this.#at + length - 1; i >= this.#at; i -= 1) {
      const tenth = (rest / 10) | 0;
      bytes[i] = 48 + rest - tenth * 10;
      rest = tenth;
    }
    this.#at += length;
    return this;
  }

  /** Blanks up to a column of this line; none where that has passed. */
  padTo(column: number): this {
    const end = this.#line + column;
    if (end > this.#bytes.length) this.#grow(column);
    if (end > this.#at) {
      this.#bytes.fill(32, this.#at, end);
      this.#at = end;
    }
    return this;
  }

  /** Where this line stands, in bytes from its start. */
  get column(): number {
    return this.#at - this.#line;
  }

  endLine(): this {
    this.text('\n');
    this.#line = this.#at;
    return this;
  }

  /** What is written so far; from here on it is another buffer. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#at);
    this.#bytes = new Uint8Array(CHUNK + ROOM);
    this.#at = this.#line = 0;
    return taken;
  }

  #grow(by: number): void {
    const larger = new Uint8Array(2 * (this.#bytes.length + by));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}
