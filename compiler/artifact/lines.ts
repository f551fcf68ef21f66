/** What the lines of a file limit and log, and under which numbers the kernel counts them. */
import { limitsOfRules, MOST_PORT_LIMITS } from '../limits.ts';
import type { Limit, Model, RuleOrigin } from '../model.ts';
import type { Digest, ManifestLimit, ManifestLog } from './manifest.ts';

export interface LineMeaning {
  /** The number of its counters: of the block and the text, so that it stays while they do. Never 0. */
  readonly tally: number;
  /** The number of its limits and of its log's rate: its own tally, or that of the block that it shares them with; 0: none. */
  readonly meter: number;
  /** That of its limit of ports, which a mapping has room for (native/datapath/held.h): 1..MOST_PORT_LIMITS; 0: it has none. */
  readonly ports: number;
  readonly limits: readonly ManifestLimit[];
  readonly log: ManifestLog | null;
}

/** By rule id, from 1. */
export function describeLines(model: Model, digest: Digest): LineMeaning[] {
  const tallyOf = makeNumbers(digest, MOST_PORT_LIMITS + 1, 2 ** 32);
  const portsOf = makeNumbers(digest, 1, MOST_PORT_LIMITS + 1);
  const found = limitsOfRules(model);
  return model.rules.map((origin) => {
    const { limits = [], log = null, meter = '' } = found.get(origin.id) ?? {};
    const tally = tallyOf(identify(origin));
    const isMetered = limits.length > 0 || log !== null;
    return {
      tally,
      meter: !isMetered ? 0 : meter.startsWith('line ') ? tally : tallyOf(meter),
      ports: limits.some(({ kind }) => kind === 'ports') ? portsOf(identify(origin)) : 0,
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
    : { kind: limit.kind, count: limit.count, perSource };
}

/** A number from `first` to before `end` for a text; another one where two texts of a file would have the same. */
function makeNumbers(digest: Digest, first: number, end: number): (text: string) => number {
  const numbers = new Map<string, number>();
  const taken = new Set<number>();
  return (text) => {
    const known = numbers.get(text);
    if (known !== undefined) return known;
    const hash = Number.parseInt(digest(text).slice(0, 8), 16);
    let number = hash >= first && hash < end ? hash : first + (hash % (end - first));
    while (taken.has(number)) number = number + 1 < end ? number + 1 : first;
    taken.add(number);
    numbers.set(text, number);
    return number;
  };
}
