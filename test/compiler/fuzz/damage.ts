/** Gateway files as they should not be: the sources below with words changed, lines moved, or what is no file at all. */
import { keywordTypes } from '../../../grammar/tokens.ts';
import type { Random } from '../../datapath/fuzz/random.ts';
import { listTokens } from '../../grammar/mutate.ts';

const KEYWORDS = keywordTypes.map(([text]) => text);
const SIGNS = ['{', '}', ',', '=', ':', '\n', '\n  ', '\r\n', ' ', '\t', '#', '"', '[', ']', '-', '/'];
const LITERALS = (
  '0 1 80 65535 65536 80-90 90-80 1-65535 10/minute 10/min 0/second 5m 2h4m 0s 1x 10.0.0.1 10.0.0.1/8 10.0.0.0/8 0.0.0.0/0 ' +
  '255.255.255.255 1.2.3.400 10.0.0.1-10.0.0.9 10.0.0.9-10.0.0.1 :: ::1 2001:db8::1 2001:db8::/32 [2001:db8::1]:80 ::1::2 ' +
  'ä 日本 👩 \u202e \0 \uFFFD 999999999999999999 a b lan wan home yoda any self x-y eth0.100'
).split(' ');

interface Source {
  readonly text: string;
  readonly tokens: readonly { readonly start: number; readonly image: string }[];
  readonly lines: readonly string[];
}

export class Damage {
  readonly #random: Random;
  readonly #sources: readonly Source[];

  constructor(random: Random, texts: readonly string[]) {
    this.#random = random;
    this.#sources = texts.map((text) => ({ text, tokens: [...listTokens(text)], lines: text.split('\n') }));
  }

  next(): string {
    const kind = this.#random.below(16);
    if (kind < 9) return this.#changeWords();
    if (kind < 13) return this.#moveLines();
    if (kind < 15) return this.#soup();
    return String.fromCharCode(...this.#random.bytes(this.#random.below(200)));
  }

  #word(): string {
    const random = this.#random;
    switch (random.below(8)) {
      case 0:
        return '';
      case 1:
        return random.pick(SIGNS);
      case 2:
      case 3:
        return random.pick(LITERALS);
      case 4:
        return random.pick(KEYWORDS);
      default:
        return random.pick(random.pick(this.#sources).tokens).image;
    }
  }

  /** One to eight words of a file deleted, doubled, or replaced by others, of other files too. */
  #changeWords(): string {
    const random = this.#random;
    const { text, tokens } = random.pick(this.#sources);
    const places = Array.from({ length: random.chance(0.5) ? 1 : 1 + random.below(8) }, () => random.pick(tokens));
    const changes = [...new Set(places)].sort((a, b) => b.start - a.start);
    return changes.reduce((whole, { start, image }) => {
      const word = random.chance(0.1) ? `${image} ${image}` : this.#word();
      return whole.slice(0, start) + word + whole.slice(start + image.length);
    }, text);
  }

  /** Lines taken out, doubled, swapped, or brought in from other files. */
  #moveLines(): string {
    const random = this.#random;
    const lines = [...random.pick(this.#sources).lines];
    for (let count = 1 + random.below(4); count > 0; count--) {
      const at = random.below(lines.length + 1);
      const other = random.pick(random.pick(this.#sources).lines);
      if (random.chance(0.4)) lines.splice(at, 1);
      else lines.splice(at, random.below(2), random.chance(0.5) ? other : (lines[random.below(lines.length)] ?? ''));
    }
    return lines.join('\n');
  }

  #soup(): string {
    return Array.from(
      { length: this.#random.below(80) },
      () => this.#word() + this.#random.pick([' ', ' ', '\n', '']),
    ).join('');
  }
}
