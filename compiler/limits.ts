/** Which limits and which log hold for each line of a model. */
import type { Limit, Log, Model, RuleId } from './model.ts';

/** Masquerades that limit ports: a mapping has so many bits for the one that it counts for. */
export const MOST_PORT_LIMITS = 32_767;

export interface RuleLimits {
  readonly limits: readonly Limit[];
  readonly log: Log | null;
  /** Lines with the same one share their limits and the rate of their log: those of a redirect. */
  readonly meter: string;
}

/** Lines without limits and log are not in it, or have none there. */
export function limitsOfRules({ gateway, policies, redirects, masquerades }: Model): ReadonlyMap<RuleId, RuleLimits> {
  const found = new Map<RuleId, RuleLimits>();
  for (const { rules, default: otherwise } of [gateway, ...policies]) {
    for (const { id, limits, log } of rules) found.set(id, { limits, log, meter: `line ${id}` });
    found.set(otherwise.id, { limits: [], log: otherwise.log, meter: `line ${otherwise.id}` });
  }
  for (const { name, listens, denyId, limits, log } of redirects) {
    const meter = `redirect ${name}`;
    for (const { id } of listens) found.set(id, { limits, log, meter });
    found.set(denyId, { limits: [], log, meter });
  }
  for (const { id, limits, log } of masquerades) found.set(id, { limits, log, meter: `line ${id}` });
  return found;
}
