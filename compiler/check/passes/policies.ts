import type { PolicyDecl, Rule as RuleLine } from '../../../grammar/ast.ts';
import type { Fix } from '../../../grammar/diagnostic.ts';
import type { Default, InterfaceId, Policy, Rule } from '../../model.ts';
import { SELF } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, giveId, interfaceName } from '../context.ts';
import { resolveLog } from '../resolve/limits.ts';
import { resolvePlaces } from '../resolve/places.ts';
import { resolveRule } from '../resolve/rules.ts';

export function resolvePolicy(context: Context, declaration: PolicyDecl): void {
  const { name, span } = declaration;
  const from = resolvePlaces(context, declaration.from, '`from`');
  const to = resolvePlaces(context, declaration.to, '`to`');
  if (from?.includes(SELF)) context.report.add(CODES.policyFromSelf, declaration.from.span, { name: name.text });
  const rules: Rule[] = [];
  for (const line of declaration.rules) {
    const id = giveId(context, 'policy-rule', name.text, line.span);
    const rule = isBare(context, line) ? null : resolveRule(context, line, id);
    if (rule !== null) rules.push(rule);
  }
  const otherwise = resolveDefault(context, declaration);
  if (from === null || to === null || from.includes(SELF)) return;
  context.policies.push({ name: name.text, from, to, rules, default: otherwise, span });
}

const isAlone = ({ what, from, to }: RuleLine): boolean => what === null && from === null && to === null;

function isBare(context: Context, line: RuleLine): boolean {
  if (!isAlone(line)) return false;
  const { action, actionSpan, limit, log } = line;
  const alone = limit === null && log === null;
  const fixes: Fix[] = alone
    ? [{ title: `\`default ${action}\``, span: actionSpan, replacement: `default ${action}` }]
    : [];
  const instead = `what it is for (\`${action} tcp 22 from …\`), or \`default ${action}\` as the last line`;
  context.report.add(CODES.bareRule, actionSpan, { action, instead }, { fixes });
  return true;
}

function resolveDefault(context: Context, declaration: PolicyDecl): Default {
  const { name, span, end } = declaration;
  if (declaration.default === null) {
    const last = declaration.rules.at(-1);
    const lostWord = last !== undefined && isAlone(last); // `deny` for `default deny`: that is said already
    if (!lostWord && !context.report.mayBeLostWithin(span, end)) {
      context.report.add(
        CODES.policyWithoutDefault,
        end,
        { name: name.text },
        {
          related: [{ span: name.span, message: 'the policy' }],
          fixes: [insertLine(context, declaration.end, 'default deny')],
        },
      );
    }
    return { id: giveId(context, 'policy-default', name.text, end, ''), decision: 'deny', log: null, span: end };
  }
  const { action, log } = declaration.default;
  const resolved = resolveLog(context, log);
  const id = giveId(context, 'policy-default', name.text, declaration.default.span);
  return { id, decision: action, log: resolved, span: declaration.default.span };
}

/** A fix that adds a line at the end of a block whose closing brace is at `end`. */
export function insertLine(context: Context, end: PolicyDecl['end'], sentence: string): Fix {
  const text = context.sources.get(end.file) ?? '';
  const before = text.slice(text.lastIndexOf('\n', end.start - 1) + 1, end.start);
  const alone = before.trim() === '';
  return {
    title: `add \`${sentence}\``,
    span: { ...end, end: end.start },
    replacement: alone ? `  ${sentence}\n${before}` : `\n  ${sentence}\n`,
  };
}

/** Two policies for one pair: which of them decides must not depend on their order. */
export function refuseOverlappingPolicies(context: Context): void {
  const byPair = new Map<number, Policy>();
  for (const policy of context.policies) {
    const clash = findClash(policy, byPair);
    if (clash === null) continue;
    const pair = `${interfaceName(context, clash.from)} to ${interfaceName(context, clash.to)}`;
    const parameters = { name: policy.name, other: clash.policy.name, pair };
    context.report.add(CODES.policiesOverlap, policy.span, parameters, {
      related: [{ span: clash.policy.span, message: `also for ${pair}` }],
    });
  }
}

/** Enters the policy's pairs; stops at the first one that is taken. */
function findClash(
  policy: Policy,
  byPair: Map<number, Policy>,
): { policy: Policy; from: InterfaceId; to: InterfaceId } | null {
  for (const from of policy.from) {
    for (const to of policy.to) {
      const other = byPair.get(from * 256 + to);
      if (other !== undefined) return { policy: other, from, to };
      byPair.set(from * 256 + to, policy);
    }
  }
  return null;
}
