import type { Manifest, ManifestRule, ManifestSet } from '../../compiler/artifact/manifest.ts';
import type { Named } from '../../compiler/dynamic.ts';
import { compareLimits } from './compare-limits.ts';
import { describeMss, formatTimeouts, groups } from './render.ts';

/** One difference between two built files. */
export interface Change {
  readonly sign: '+' | '~' | '-';
  readonly text: string;
}

/**
 * What applying `next` would change where `before` runs: interfaces, sizes, timeouts and the lines that decide, as
 * text. (Which packets newly pass is another question.) Empty when both do the same.
 */
export function compareManifests(before: Manifest, next: Manifest): Change[] {
  const changes: Change[] = [];
  const add = (sign: Change['sign'], text: string) => changes.push({ sign, text });
  if (before.gateway !== next.gateway) add('~', `gateway ${before.gateway} → ${next.gateway}`);
  for (const one of next.interfaces) {
    const old = before.interfaces.find((other) => other.name === one.name);
    if (old === undefined) add('+', `interface ${one.name} = ${one.device}`);
    else if (old.device !== one.device) add('~', `interface ${one.name} = ${old.device} → ${one.device}`);
    if (old !== undefined && (old.mss ?? null) !== one.mss) {
      add('~', `interface ${one.name}: ${describeMss(old.mss ?? null)} → ${describeMss(one.mss)}`);
    }
    if (old !== undefined && (old.xdp ?? true) !== one.xdp) {
      add('~', `interface ${one.name}: ${one.xdp ? 'TC alone → XDP' : 'XDP → TC alone'}`);
    }
  }
  for (const one of before.interfaces) {
    if (!next.interfaces.some((other) => other.name === one.name)) add('-', `interface ${one.name} = ${one.device}`);
  }
  if (before.flows !== next.flows) add('~', `flows ${before.flows} → ${next.flows}`);
  const timeouts = formatTimeouts({ ...next.timeouts }, { ...before.timeouts });
  if (timeouts !== '') add('~', `timeouts ${timeouts}`);
  changes.push(...compareRules(before.rules, next.rules));
  changes.push(...compareSets(before.sets, next.sets));
  changes.push(...compareDynamic(before.dynamic ?? [], next.dynamic));
  if (changes.length === 0 && before.hashes.policy !== next.hashes.policy) {
    add('~', 'the policy object: the same lines at other places of the file, or with other names or addresses in them');
  }
  return changes;
}

/** Names that follow other prefixes than before. */
export function compareDynamic(before: readonly Named[], next: readonly Named[]): Change[] {
  return next.flatMap(({ kind, name, follows }): Change[] => {
    const old = before.find((one) => one.kind === kind && one.name === name);
    if (old === undefined || JSON.stringify(old.follows) === JSON.stringify(follows)) return [];
    return [{ sign: '~', text: `${kind} ${name}: follows other prefixes, or another suffix in them` }];
  });
}

/** Sets in tables whose addresses differ. */
export function compareSets(before: readonly ManifestSet[], next: readonly ManifestSet[]): Change[] {
  return next.flatMap(({ name, prefixes, sha256, follows }): Change[] => {
    if (follows !== null) return [];
    const old = before.find((one) => one.name === name && (one.follows ?? null) === null);
    if (old === undefined || old.sha256 === sha256) return [];
    return [{ sign: '~', text: `set ${name}: ${groups(old.prefixes)} → ${groups(prefixes)} prefixes` }];
  });
}

/** Lines of each block that came or went, in order, and limits that changed; the same line moved within its block is a change of order. */
export function compareRules(before: readonly ManifestRule[], next: readonly ManifestRule[]): Change[] {
  const changes: Change[] = [];
  const keysOf = (rules: readonly ManifestRule[]) => Map.groupBy(rules, (rule) => `${rule.kind} ${rule.owner}`);
  const olds = keysOf(before);
  const news = keysOf(next);
  for (const key of new Set([...olds.keys(), ...news.keys()])) {
    const left = olds.get(key) ?? [];
    const right = news.get(key) ?? [];
    const gone = subtract(left, right);
    const come = subtract(right, left);
    for (const rule of gone) changes.push({ sign: '-', text: describe(rule) });
    for (const rule of come) changes.push({ sign: '+', text: describe(rule) });
    const moved = left.map((rule) => rule.text).join('\n') !== right.map((rule) => rule.text).join('\n');
    if (gone.length + come.length === 0 && moved) {
      changes.push({ sign: '~', text: `the order of the lines in ${right[0]?.owner ?? key}` });
    }
  }
  return [...changes, ...compareLimits(before, next)];
}

function subtract(from: readonly ManifestRule[], what: readonly ManifestRule[]): ManifestRule[] {
  const rest = new Map<string, number>();
  for (const rule of what) rest.set(rule.text, (rest.get(rule.text) ?? 0) + 1);
  return from.filter((rule) => {
    const count = rest.get(rule.text) ?? 0;
    rest.set(rule.text, count - 1);
    return count <= 0;
  });
}

function describe(rule: ManifestRule): string {
  return `${rule.owner}: ${rule.text}   (${rule.file}:${rule.line})`;
}
