/**
 * Single-token mistakes: every deletion and every misspelling of one token of a source, in turn. What they give is for
 * the tests of the parser and of the checker.
 */
import { lexer } from '../../grammar/tokens.ts';

export interface Mutation {
  readonly kind: 'delete' | 'misspell';
  /** The token as it stands in the source, and its place. */
  readonly image: string;
  readonly line: number;
  readonly column: number;
  readonly start: number;
  /** What stands in its place. */
  readonly replacement: string;
  /** The whole mutated text. */
  readonly text: string;
}

interface Place {
  readonly image: string;
  readonly line: number;
  readonly column: number;
  readonly start: number;
}

/** Every token of a source, comments and blanks aside. */
export function* listTokens(source: string): Generator<Place> {
  let offset = 0;
  for (const [i, line] of source.split('\n').entries()) {
    for (const { image, startOffset } of lexer.tokenize(line).tokens) {
      yield { image, line: i + 1, column: startOffset + 1, start: offset + startOffset };
    }
    offset += line.length + 1;
  }
}

/** Two neighbouring letters swapped where they differ, else one letter put twice; signs and numbers have no misspelling. */
export function misspell(image: string): string | null {
  if (!/^[A-Za-z][\w-]*$/.test(image)) return null;
  for (let i = Math.floor(image.length / 2); i > 0; i--) {
    const [a, b] = [image[i - 1]!, image[i]!];
    if (a === b || !/[a-z]/i.test(a) || !/[a-z]/i.test(b)) continue;
    return image.slice(0, i - 1) + b + a + image.slice(i + 1);
  }
  return image + image.at(-1);
}

/** Each single-token deletion, and each single-token misspelling, of `source`. */
export function* mutate(source: string): Generator<Mutation> {
  for (const place of listTokens(source)) {
    const end = place.start + place.image.length;
    const put = (kind: Mutation['kind'], replacement: string): Mutation => {
      return { ...place, kind, replacement, text: source.slice(0, place.start) + replacement + source.slice(end) };
    };
    yield put('delete', '');
    const wrong = misspell(place.image);
    if (wrong !== null) yield put('misspell', wrong);
  }
}
