/** Private addresses that a policy lets out where no masquerade hides them. */
import { formatSet, intersect, isEmpty, isWithin, NO_ADDRESS, PRIVATE_V4, subtract, unite } from '../../addresses.ts';
import type { AddressSet, InterfaceId, Policy, Rule, Side, Sides } from '../../model.ts';
import { SELF } from '../../model.ts';
import { setOfPrefix } from '../../pairing.ts';
import { CODES } from '../codes.ts';
import { type Context, interfaceName } from '../context.ts';
import { outerInterfaces } from '../outside.ts';

export function warnOfPrivateOut(context: Context): void {
  const outer = outerInterfaces(context);
  const living = uniteBy(
    context.networks.map((network) => [network.interface, intersect(network.addresses, PRIVATE_V4)]),
  );
  const hidden = uniteBy(
    [
      ...context.masqueradeDrafts,
      ...context.maps.map(({ interfaces, family, inside }) => ({ interfaces, hidden: setOfPrefix(inside, family) })),
    ].flatMap(({ interfaces, hidden }) => interfaces.map((id) => [id, hidden] as const)),
  );
  for (const policy of context.policies) warnIn(context, policy, outer, living, hidden);
}

function uniteBy(sets: readonly (readonly [InterfaceId, AddressSet])[]): ReadonlyMap<InterfaceId, AddressSet> {
  const united = new Map<InterfaceId, AddressSet>();
  for (const [id, entries] of Map.groupBy(sets, ([of]) => of)) united.set(id, unite(entries.map(([, set]) => set)));
  return united;
}

/** The first line of the policy that lets such an address out; one warning a policy. */
function warnIn(
  context: Context,
  policy: Policy,
  outer: ReadonlySet<InterfaceId>,
  living: ReadonlyMap<InterfaceId, AddressSet>,
  hidden: ReadonlyMap<InterfaceId, AddressSet>,
): void {
  for (const from of policy.from) {
    for (const to of policy.to) {
      if (to === SELF || to === from || !outer.has(to)) continue;
      const bare = subtract(living.get(from) ?? NO_ADDRESS, hidden.get(to) ?? NO_ADDRESS);
      if (isEmpty(bare)) continue;
      const found = findLeak(context, policy, from, bare);
      if (found === null) continue;
      const parameters = {
        addresses: formatSet(found.addresses),
        interface: interfaceName(context, to),
        dropped: context.masquerades.some(({ interfaces }) => interfaces.includes(to)),
      };
      context.report.add(CODES.privateOut, found.span, parameters);
      return;
    }
  }
}

function findLeak(context: Context, policy: Policy, by: InterfaceId, bare: AddressSet) {
  let rest = bare;
  for (const rule of policy.rules) {
    const named = sendersIn(context, rule.from, by, rest);
    if (isEmpty(named)) continue;
    if (rule.decision === 'allow') {
      if (!staysInside(rule)) return { addresses: named, span: rule.span };
    } else if (rule.services.length === 0 && rule.to.include.any && rule.to.except === null) {
      rest = subtract(rest, named);
    }
  }
  return policy.default.decision === 'allow' && !isEmpty(rest) ? { addresses: rest, span: policy.default.span } : null;
}

function sendersIn(context: Context, { include, except }: Sides, by: InterfaceId, among: AddressSet): AddressSet {
  const all = include.any || include.interfaces.includes(by);
  const named = all ? among : intersect(withTables(context, include), among);
  if (except === null) return named;
  return except.any || except.interfaces.includes(by) ? NO_ADDRESS : subtract(named, withTables(context, except));
}

function withTables({ tables }: Context, side: Side): AddressSet {
  if (side.tables.length === 0) return side.addresses;
  return unite([side.addresses, ...tables.filter(({ id }) => side.tables.includes(id)).map((one) => one.addresses)]);
}

/** Destinations that are private themselves (a tunnel, a neighbouring site) know the way back. */
function staysInside({ to: { include } }: Rule): boolean {
  const isOpen = include.any || include.interfaces.length > 0 || include.tables.length > 0;
  return !isOpen && isWithin(include.addresses, PRIVATE_V4);
}
