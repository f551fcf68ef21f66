import type { Limit } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';

/** A limit of flows, or of ports, each of which has a flow, that the table itself keeps. */
export function warnOfIdleLimits(context: Context): void {
  const [gateway] = context.gateway;
  if (gateway === undefined) return;
  const { policies, redirects, masquerades } = context;
  const limits: readonly Limit[] = [
    ...policies.flatMap(({ rules }) => rules.flatMap((rule) => rule.limits)),
    ...redirects.flatMap((redirect) => redirect.limits),
    ...masquerades.flatMap((masquerade) => masquerade.limits),
  ];
  for (const limit of limits) {
    if (limit.kind === 'rate' || limit.count < gateway.flows) continue;
    context.report.add(CODES.limitNeverMet, limit.span, { count: limit.count, what: limit.kind, flows: gateway.flows });
  }
}
