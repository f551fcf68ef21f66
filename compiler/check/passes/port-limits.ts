import { MOST_PORT_LIMITS } from '../../limits.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';

/** Limits of ports that mean nothing beside `share`, and more of them than mappings can tell apart. */
export function refusePortLimits(context: Context): void {
  let count = 0;
  for (const { limits, share, mapping } of context.masquerades) {
    const limit = limits.find(({ kind }) => kind === 'ports');
    if (limit === undefined || limit.kind !== 'ports') continue;
    count += 1;
    if (count > MOST_PORT_LIMITS) {
      const parameters = { what: 'masquerades that limit ports', limit: MOST_PORT_LIMITS };
      context.report.addOnce(CODES.tooMany, limit.span, parameters);
    }
    if (share === null || mapping !== 'endpoint-independent' || limit.count < 2 * share) continue;
    context.report.add(CODES.portsBeyondShare, limit.span, { count: limit.count, share });
  }
}
