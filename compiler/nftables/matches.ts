/** What a line asks of a packet, as alternatives: each is one nft match, and any of them is enough. */
import type { Family } from '../../grammar/ast.ts';

export interface Match {
  /** null: both. */
  readonly family: Family | null;
  readonly parts: readonly string[];
}

export const EVERYTHING: Match = { family: null, parts: [] };

export const inFamily = (family: Family | null, ...parts: string[]): Match => ({ family, parts });

/** Both hold; null: they can't. */
export function both(a: Match, b: Match): Match | null {
  if (a.family !== null && b.family !== null && a.family !== b.family) return null;
  return { family: a.family ?? b.family, parts: [...a.parts, ...b.parts.filter((part) => !a.parts.includes(part))] };
}

/** One of each. */
export function product(...lists: readonly (readonly Match[])[]): readonly Match[] {
  return lists.reduce<readonly Match[]>(
    (made, list) => made.flatMap((a) => list.flatMap((b) => both(a, b) ?? [])),
    [EVERYTHING],
  );
}

/** What is asked alike of both families is asked once. */
export function joinFamilies(matches: readonly Match[]): readonly Match[] {
  const asked = new Map<string, Set<Family | null>>();
  for (const { family, parts } of matches) {
    const key = parts.join(' ');
    asked.set(key, (asked.get(key) ?? new Set()).add(family));
  }
  const joined = matches.map((match) => {
    const families = asked.get(match.parts.join(' '));
    return families?.has(null) || families?.size === 2 ? { ...match, family: null } : match;
  });
  return [...new Map(joined.map((match) => [`${match.family} ${match.parts.join(' ')}`, match])).values()];
}

/** The text; the family is said where no part implies it. */
export function writeMatch({ family, parts }: Match): string {
  const implied = parts.some((part) => /(^| )(ip6? [a-z]|icmp(v6)? )/.test(part));
  const named = family === null || implied ? [] : [`meta nfproto ipv${family}`];
  return [...named, ...parts].join(' ');
}

/** Of which one of these can be. */
export function familiesOf(matches: readonly Match[]): readonly Family[] {
  return ([4, 6] as const).filter((one) => matches.some(({ family }) => family === null || family === one));
}
