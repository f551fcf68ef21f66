import type { Bytes } from './addon.ts';

/** Some elements of a map, keys and values one behind the other. */
export class MapPage implements Iterable<readonly [key: Bytes, value: Bytes]> {
  readonly count: number;
  readonly keys: Bytes;
  readonly values: Bytes;
  readonly keySize: number;
  /** Of one value; for a per-CPU map, of all its CPUs. */
  readonly valueBytes: number;

  constructor(count: number, keys: Bytes, values: Bytes, keySize: number, valueBytes: number) {
    this.count = count;
    this.keys = keys;
    this.values = values;
    this.keySize = keySize;
    this.valueBytes = valueBytes;
  }

  /** A view, no copy. */
  key(index: number): Bytes {
    return this.keys.subarray(index * this.keySize, (index + 1) * this.keySize);
  }
  /** A view, no copy. */
  value(index: number): Bytes {
    return this.values.subarray(index * this.valueBytes, (index + 1) * this.valueBytes);
  }

  /** Without the first `count` elements; a view, no copy. */
  from(count: number): MapPage {
    const { keySize, valueBytes } = this;
    const rest = Math.max(0, this.count - count);
    const [keys, values] = [this.keys.subarray(count * keySize), this.values.subarray(count * valueBytes)];
    return new MapPage(rest, keys, values, keySize, valueBytes);
  }

  *[Symbol.iterator](): Generator<readonly [key: Bytes, value: Bytes]> {
    for (let index = 0; index < this.count; index++) yield [this.key(index), this.value(index)];
  }
}
