/** What is written to the kernel's log, and rates. */
import type { Log, Rate, RuleOrigin } from '../model.ts';
import { logPrefix } from './names.ts';
import { always, type Line } from './ruleset.ts';

/** At most at its rate. */
export function logLines(origin: RuleOrigin, log: Log | null, verdict: string): Line[] {
  if (log === null) return [];
  const { rate, label } = log;
  const text = `log prefix "${logPrefix(verdict, origin, label)}"`;
  return [always(`limit rate ${writeRate(rate)} ${text}`, null)];
}

const UNITS: readonly (readonly [number, string])[] = [
  [1000, 'second'],
  [60_000, 'minute'],
  [3_600_000, 'hour'],
  [86_400_000, 'day'],
];

/** `20/second burst 40 packets`: a token bucket, as in the file. */
export function writeRate({ count, perMs, burst }: Rate): string {
  const unit = UNITS.find(([ms]) => ms === perMs);
  if (unit === undefined) throw new RangeError(`there is no unit of ${perMs} ms`);
  return `${count}/${unit[1]} burst ${burst} packets`;
}
