/** Limits and logs of redirects and masquerades: they stand in lines of their own, beside those that decide. */
import type { ManifestLimit, ManifestLog, ManifestRate, ManifestRule } from '../../compiler/artifact/manifest.ts';
import type { Change } from './compare.ts';

/** Blocks that are there before and after, and limit or log otherwise. (A rule of a policy says it in its text.) */
export function compareLimits(before: readonly ManifestRule[], next: readonly ManifestRule[]): Change[] {
  const seen = new Set<string>();
  return next.flatMap((rule): Change[] => {
    const key = `${rule.kind} ${rule.owner}`;
    if ((rule.kind !== 'redirect' && rule.kind !== 'masquerade') || seen.has(key)) return [];
    seen.add(key);
    const old = before.find(({ kind, owner }) => `${kind} ${owner}` === key);
    if (old === undefined) return []; // a manifest that an older version wrote may lack both
    const pairs = [
      [writeLimits(old.limits ?? []), writeLimits(rule.limits)],
      [writeLog(old.log ?? null), writeLog(rule.log)],
    ] as const;
    const changed = pairs.filter(([was, is]) => was !== is);
    return changed.map(([was, is]) => ({ sign: '~', text: `${rule.owner}: ${was} → ${is}` }));
  });
}

function writeLimits(limits: readonly ManifestLimit[]): string {
  const words = limits.map((limit) => {
    const much = limit.kind === 'rate' ? writeRate(limit) : `${limit.count} ${limit.kind}`;
    return `limit ${much}${limit.perSource ? ' per source' : ''}`;
  });
  return words.length === 0 ? 'no limit' : words.sort().join(', ');
}

function writeLog(log: ManifestLog | null): string {
  return log === null ? 'no log' : `log ${log.label === null ? '' : `${JSON.stringify(log.label)} `}${writeRate(log)}`;
}

const UNITS = new Map([
  [1000, 'second'],
  [60_000, 'minute'],
  [3_600_000, 'hour'],
  [86_400_000, 'day'],
]);
const writeRate = ({ count, perMs, burst }: ManifestRate): string =>
  `${count}/${UNITS.get(perMs) ?? `${perMs}ms`} burst ${burst}`;
