/** Little-endian bytes, growing as they are written. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  #grow(by: number): number {
    const at = this.#length;
    this.#length += by;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }
  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
  }
  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }
  u64(value: number | bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  }
  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
  }
  align(to: number): void {
    while (this.#length % to !== 0) this.u8(0);
  }
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** NUL-terminated strings, each once; offset 0 is the empty one (ELF string tables, BTF strings). */
export class StringTable {
  readonly #writer = new ByteWriter();
  readonly #offsets = new Map<string, number>();
  readonly #encoder = new TextEncoder();

  constructor() {
    this.add('');
  }

  /** The offset of `text`. */
  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const at = this.#writer.length;
    this.#writer.bytes(this.#encoder.encode(text.replaceAll('\0', ' ')));
    this.#writer.u8(0);
    this.#offsets.set(text, at);
    return at;
  }
  take(): Uint8Array {
    return this.#writer.take();
  }
}

/** The NUL-terminated string at `at`. */
export function readString(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return new TextDecoder().decode(bytes.subarray(at, end === -1 ? bytes.length : end));
}
