/**
 * How many letters must be inserted, deleted, exchanged or swapped with their neighbour to make `a` of `b` (optimal
 * string alignment; Damerau 1964). More than `most`: `most + 1`.
 */
export function editDistance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return Math.min(last[b.length]!, most + 1);
}

const mostWrong = (word: string): number => Math.min(3, Math.max(1, Math.floor((word.length + 1) / 3)));

/** Whether no other candidate is as near to `word` as `nearest`. */
export function isOnlyNearest(word: string, nearest: string, candidates: Iterable<string>): boolean {
  const text = word.toLowerCase();
  const distance = editDistance(text, nearest.toLowerCase(), mostWrong(text));
  for (const candidate of candidates) {
    if (candidate === nearest || candidate === word) continue;
    if (editDistance(text, candidate.toLowerCase(), distance) <= distance) return false;
  }
  return true;
}

/** The candidate that `word` is most likely a misspelling of: a third of its letters may be wrong. */
export function findNearest(word: string, candidates: Iterable<string>): string | null {
  const text = word.toLowerCase();
  let best: string | null = null;
  let least = mostWrong(text);
  if (text.length > 64) return null;
  for (const candidate of candidates) {
    if (candidate === word) continue;
    const distance = editDistance(text, candidate.toLowerCase(), least);
    if (distance > least || distance >= candidate.length || distance >= text.length) continue;
    if (best !== null && distance === least && (best.length === word.length || candidate.length !== word.length))
      continue;
    best = candidate;
    least = distance;
  }
  return best;
}
