import { KEY_SIZE, OUTLINE_WORDS } from '../ebpf/policy-maps.ts';

const WORD = 8;
/** Fixed part of a key's prefix length: the family. */
const FAMILY_BITS = 32;
const NARROW = 4;

/** The outline of tables whose packed keys (prefixes.ts) are given: the values of its map, the first word first. */
export function drawOutline(...tables: readonly Uint8Array[]): Uint8Array {
  const bits = new Uint8Array(OUTLINE_WORDS * WORD);
  for (const keys of tables) {
    const data = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
    for (let at = 0; at < keys.byteLength; at += KEY_SIZE) {
      if (data.getUint32(at + 4, true) !== NARROW) continue;
      const length = data.getUint32(at, true) - FAMILY_BITS;
      const first = data.getUint32(at + 8) >>> 8;
      mark(bits, first, first + 2 ** Math.max(24 - length, 0) - 1);
    }
  }
  return bits;
}

/** Sets the bits `first..last`. */
function mark(bits: Uint8Array, first: number, last: number): void {
  for (let bit = first; bit <= last; ) {
    if (bit % 8 === 0 && bit + 7 <= last) {
      const end = (last + 1) >>> 3;
      bits.fill(0xff, bit >>> 3, end);
      bit = end * 8;
    } else {
      bits[bit >>> 3] = (bits[bit >>> 3] ?? 0) | (1 << (bit & 7));
      bit += 1;
    }
  }
}

/** Keys and values of the words in which `after` differs from `before`. */
export function compareOutlines(before: Uint8Array, after: Uint8Array): { keys: Uint8Array; values: Uint8Array } {
  const [old, now] = [wordsOf(before), wordsOf(after)];
  const changed: number[] = [];
  for (let index = 0; index < OUTLINE_WORDS; index += 1) if (old[index] !== now[index]) changed.push(index);
  const values = changed.map((index) => after.subarray(index * WORD, (index + 1) * WORD));
  return { keys: new Uint8Array(Uint32Array.from(changed).buffer), values: Buffer.concat(values) };
}

function wordsOf(bytes: Uint8Array): BigUint64Array {
  return new BigUint64Array(bytes.buffer, bytes.byteOffset, OUTLINE_WORDS);
}
