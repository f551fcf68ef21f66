/** The lines of policies and of the gateway. */
import type * as ast from '../../../grammar/ast.ts';
import type { Limit, Rule, RuleId, Service, Sides } from '../../model.ts';
import { SELF } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { interfaceName } from '../context.ts';
import { resolveLimits, resolveLog } from './limits.ts';
import { formatService, resolveWhat, serviceFamilies } from './services.ts';
import { familiesOf, resolveSides } from './sides.ts';

/** null: a mistake, which is reported. */
export function resolveRule(context: Context, rule: ast.Rule, id: RuleId): Rule | null {
  const limits = resolveLineLimits(context, rule);
  const log = resolveLog(context, rule.log);
  const services = rule.what === null ? [] : resolveWhat(context, rule.what, 'a line');
  const from = resolveSides(context, rule.from, '`from`');
  const to = resolveSides(context, rule.to, '`to`');
  if (services === null || from === null || to === null) return null;
  if (!canMeet(context, rule, services, from, to)) return null;
  return { id, decision: rule.action, services, from, to, limits, log, span: rule.span };
}

function resolveLineLimits(context: Context, { action, limit }: ast.Rule): readonly Limit[] {
  if (limit === null) return [];
  if (action === 'allow') return resolveLimits(context, [limit]);
  context.report.add(CODES.limitOnDeny, limit.span, { action });
  return [];
}

/** Is there a family that the services and both sides have? */
function canMeet(context: Context, rule: ast.Rule, services: readonly Service[], from: Sides, to: Sides): boolean {
  const sources = familiesOf(from);
  const destinations = familiesOf(to);
  const [source] = sources;
  if (rule.to !== null && source !== undefined && destinations.size > 0 && !meet(sources, destinations)) {
    const related = rule.from === null ? [] : [{ span: rule.from.span, message: `IPv${source} here` }];
    const parameters = { what: '`from`', is: source, other: '`to`' };
    context.report.add(CODES.familiesApart, rule.to.span, parameters, { related });
    return false;
  }
  if (rule.what === null || services.length === 0) return true;
  for (const [side, families] of [
    [rule.from, sources],
    [rule.to, destinations],
  ] as const) {
    const [family] = families;
    if (side === null || family === undefined) continue;
    const unmet = services.find((service) => !meet(serviceFamilies(service), families));
    const [is] = unmet === undefined ? [] : serviceFamilies(unmet);
    if (unmet === undefined || is === undefined) continue;
    const parameters = { what: `\`${formatService(unmet)}\``, is, other: side === rule.from ? '`from`' : '`to`' };
    context.report.add(CODES.familiesApart, rule.what.span, parameters, {
      related: [{ span: side.span, message: `IPv${family} here` }],
    });
    return false;
  }
  return true;
}

const meet = (a: ReadonlySet<4 | 6>, b: ReadonlySet<4 | 6>): boolean => [...a].some((family) => b.has(family));

/** A place after `to` means what leaves by it: nothing is known of that before routing. */
export function refuseLeavingBy(context: Context, rule: ast.Rule): boolean {
  if (rule.to === null) return false;
  for (const item of [...rule.to.items, ...rule.to.except]) {
    if (item.kind !== 'name') continue;
    const thing = context.names.things.get(item.name.text);
    if (thing?.kind !== 'interface' && thing?.kind !== 'zone') continue;
    context.names.used.add(item.name.text);
    context.report.add(
      CODES.leavesByUnknown,
      item.span,
      { place: item.name.text },
      {
        fixes: networksOn(context, item.name.text, item.span),
      },
    );
    return true;
  }
  return false;
}

/** The fix that names the networks that live on a place instead of the place. */
export function networksOn(context: Context, place: string, span: ast.Name['span']) {
  const ids = context.zones.get(place) ?? [context.interfaceIds.get(place) ?? SELF];
  const networks = context.networks.filter((network) => ids.includes(network.interface)).map(({ name }) => name);
  if (networks.length === 0) return [];
  const replacement = networks.join(', ');
  return [{ title: `the networks on ${ids.map((id) => interfaceName(context, id)).join(', ')}`, span, replacement }];
}
