import { writeGroups } from '../apply/bytes.ts';

/** How many texts of addresses are kept: connections share most of theirs. A power of two. */
const KEPT = 65_536;

/** Reads addresses in network order as text. */
export function makeAddressReader(family: 4 | 6): (view: DataView, at: number) => string {
  const texts = new Array<string | undefined>(KEPT).fill(undefined);
  if (family === 4) {
    const numbers = new Uint32Array(KEPT);
    return (view, at) => {
      const number = view.getUint32(at);
      const place = Math.imul(number, 0x9e3779b1) >>> 16;
      let text = texts[place];
      if (text === undefined || numbers[place] !== number) {
        text = `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`;
        texts[place] = text;
        numbers[place] = number;
      }
      return text;
    };
  }
  const words = new Uint32Array(4 * KEPT);
  return (view, at) => {
    const [a, b, c, d] = [view.getUint32(at), view.getUint32(at + 4), view.getUint32(at + 8), view.getUint32(at + 12)];
    const mixed = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d) ^ d;
    const place = Math.imul(mixed, 0x27d4eb2f) >>> 16;
    const to = 4 * place;
    let text = texts[place];
    if (text === undefined || words[to] !== a || words[to + 1] !== b || words[to + 2] !== c || words[to + 3] !== d) {
      text = writeGroups(Array.from({ length: 8 }, (_, index) => view.getUint16(at + 2 * index)));
      texts[place] = text;
      words.set([a, b, c, d], to);
    }
    return text;
  };
}
