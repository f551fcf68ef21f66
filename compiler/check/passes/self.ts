import { SELF } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';

/** A gateway that nobody may reach has locked out its administrator. */
export function warnOfLockedOut(context: Context): void {
  const opens = context.policies.some(
    ({ to, rules, default: otherwise }) =>
      to.includes(SELF) && [...rules, otherwise].some(({ decision }) => decision === 'allow'),
  );
  const name = context.names.gateways[0]?.name;
  if (!opens && name !== undefined) context.report.add(CODES.nobodyReachesSelf, name.span, undefined);
}
