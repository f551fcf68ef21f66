import type { Fix } from '../../grammar/diagnostic.ts';
import { findNearest } from '../../grammar/nearest.ts';
import type { Span } from '../../grammar/span.ts';

/** "Did you mean …?": the word nearest to a misspelt one, as a fix. */
export function didYouMean(word: string, span: Span, words: Iterable<string>): readonly Fix[] {
  const meant = findNearest(word, words);
  return meant === null ? [] : [replaceBy(meant, span)];
}

export function replaceBy(meant: string, span: Span): Fix {
  return { title: `did you mean \`${meant}\`?`, span, replacement: meant };
}

/** `a masquerade`, `an interface`. */
export const withArticle = (word: string): string => `${/^[aeiou]/.test(word) ? 'an' : 'a'} ${word}`;

/** `a`, `a and b`, `a, b and c`; at most `limit` and then "and n more". */
export function listWords(words: readonly string[], limit = 6, joint = 'and'): string {
  const shown = words.slice(0, limit);
  if (words.length > limit) shown.push(`${words.length - limit} more`);
  if (shown.length < 2) return shown.join('');
  return `${shown.slice(0, -1).join(', ')} ${joint} ${shown.at(-1)}`;
}
