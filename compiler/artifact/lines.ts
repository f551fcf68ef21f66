/** What the lines of a file limit and log, and under which numbers the kernel counts them. */
import { limitsOfRules } from '../limits.ts';
import type { Limit, Model, RuleOrigin } from '../model.ts';
import type { Digest, ManifestLimit, ManifestLog } from './manifest.ts';

export interface LineMeaning {
  /** The number of its counters: of the block and the text, so that it stays while they do. Never 0. */
  readonly tally: number;
  /** The number of its limits and of its log's rate: its own tally, or that of the block that it shares them with; 0: none. */
  readonly meter: number;
  readonly limits: readonly ManifestLimit[];
  readonly log: ManifestLog | null;
}

/** By rule id, from 1. */
export function describeLines(model: Model, digest: Digest): LineMeaning[] {
  const tallyOf = makeNumbers(digest);
  const found = limitsOfRules(model);
  return model.rules.map((origin) => {
    const { limits = [], log = null, meter = '' } = found.get(origin.id) ?? {};
    const tally = tallyOf(identify(origin));
    const isMetered = limits.length > 0 || log !== null;
    return {
      tally,
      meter: !isMetered ? 0 : meter.startsWith('line ') ? tally : tallyOf(meter),
      limits: limits.map(describeLimit),
      log: log === null ? null : { label: log.label, ...log.rate },
    };
  });
}

function identify({ kind, owner, text }: RuleOrigin): string {
  return [kind, owner, text].join('\0');
}

function describeLimit(limit: Limit): ManifestLimit {
  const { perSource } = limit;
  return limit.kind === 'rate'
    ? { kind: 'rate', ...limit.rate, perSource }
    : { kind: 'flows', count: limit.count, perSource };
}

/** A number of 32 bits for a text; another one where two texts of a file would have the same. */
function makeNumbers(digest: Digest): (text: string) => number {
  const numbers = new Map<string, number>();
  const taken = new Set([0]);
  return (text) => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    let number = Number.parseInt(digest(text).slice(0, 8), 16);
    while (taken.has(number)) number = (number + 1) % 2 ** 32;
    taken.add(number);
    numbers.set(text, number);
    return number;
  };
}
