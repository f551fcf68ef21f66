import type { Fix } from '../../grammar/diagnostic.ts';
import { editDistance, findNearest, isOnlyNearest } from '../../grammar/nearest.ts';
import type { Span } from '../../grammar/span.ts';

/** "Did you mean …?": the word nearest to a misspelt one, as a fix. */
export function didYouMean(word: string, span: Span, words: Iterable<string>): readonly Fix[] {
  const all = [...words];
  const meant = findNearest(word, all);
  return meant === null ? [] : [{ ...replaceBy(meant, span), certain: isOnlyNearest(word, meant, all) }];
}

/**
 * The same for names that somebody has given. `web3` is hardly a misspelt `web1`, nor `hen` a `han`: certain are long
 * names alone, where one letter is wrong.
 */
export function didYouMeanName(name: string, span: Span, names: Iterable<string>): readonly Fix[] {
  return didYouMean(name, span, names).map((fix) => {
    const { replacement } = fix;
    const digits = (text: string) => text.replaceAll(/\D/g, '');
    const likely = name.length >= 4 && replacement.length >= 4 && digits(name) === digits(replacement);
    return { ...fix, certain: fix.certain === true && likely && editDistance(name, replacement, 1) === 1 };
  });
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
