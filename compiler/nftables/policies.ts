/** Step 7 of the journey: behind routing, the policy of the pair, found by a verdict map. */
import { type Default, type Model, type Policy, SELF } from '../model.ts';
import { BEYOND, ESTABLISHED, INTERFACES, ruleLines, WAITING } from './arrival.ts';
import type { Builder } from './builder.ts';
import { gatherLines } from './gather.ts';
import { logLines } from './logs.ts';
import { commentOf } from './names.ts';
import { acceptForwarded, acceptOwn } from './redirected.ts';
import { always, type Line } from './ruleset.ts';
import { LOGGED, REFUSE, VERDICTS } from './sentences.ts';
import type { Position } from './sides.ts';

export function writePolicies(builder: Builder): void {
  const { model } = builder;
  builder.addSubchain(REFUSE, 'what is rejected is answered', [
    always('meta l4proto tcp reject with tcp reset'),
    always('reject with icmpx admin-prohibited'),
  ]);
  const otherwise = defaultLines(builder, model.gateway.default);
  builder.addChain({
    name: 'forward',
    says: 'what goes through the gateway',
    hook: 'type filter hook forward priority filter; policy drop;',
    lines: [
      always(`iifname != @${INTERFACES} oifname != @${INTERFACES} accept`, 'neither is an interface of the file'),
      always(`iifname != @${INTERFACES} counter drop`, 'comes from where the file names nothing'),
      always(`oifname != @${INTERFACES} counter drop`, 'leaves by what the file does not name'),
      always(ESTABLISHED),
      always(WAITING),
      ...acceptForwarded(builder),
      ...pairLines(builder, model),
      ...otherwise,
    ],
  });
  builder.addChain({
    name: 'input',
    says: 'what is for the gateway itself',
    hook: 'type filter hook input priority filter; policy drop;',
    lines: [
      always(`iifname != @${INTERFACES} accept`, 'not an interface of the file'),
      always(ESTABLISHED),
      always(WAITING),
      always(`jump ${BEYOND}`),
      ...acceptOwn(builder),
      ...ownLines(builder, model),
      ...otherwise,
    ],
  });
}

/** What no line of a policy, or no policy, has taken. */
function defaultLines(builder: Builder, { id, decision, log }: Default): Line[] {
  const origin = builder.originOf(id);
  return [...logLines(origin, log, LOGGED[decision]), always(VERDICTS[decision], commentOf(origin))];
}

function pairLines(builder: Builder, { policies }: Model): Line[] {
  const elements: string[] = [];
  for (const policy of policies) {
    const outs = policy.to.filter((id) => id !== SELF);
    if (outs.length === 0 || policy.from.length === 0) continue;
    const name = writePolicy(builder, policy, { where: 'forward', ins: policy.from, outs });
    for (const from of policy.from) {
      for (const to of outs) elements.push(`${builder.device(from)} . ${builder.device(to)} : goto ${name}`);
    }
  }
  if (elements.length === 0) return [];
  const spec = ['type ifname . ifname : verdict'];
  builder.addSet({
    kind: 'map',
    name: 'policies-by-pair',
    says: 'the policy of where it comes in and leaves',
    spec,
    elements,
  });
  return [always('iifname . oifname vmap @policies-by-pair')];
}

function ownLines(builder: Builder, { policies }: Model): Line[] {
  const elements: string[] = [];
  for (const policy of policies) {
    if (!policy.to.includes(SELF) || policy.from.length === 0) continue;
    const name = writePolicy(builder, policy, { where: 'input', ins: policy.from, outs: [SELF] });
    for (const from of policy.from) elements.push(`${builder.device(from)} : goto ${name}`);
  }
  if (elements.length === 0) return [];
  const spec = ['type ifname : verdict'];
  builder.addSet({
    kind: 'map',
    name: 'policies-to-self',
    says: 'the policy of what is for the gateway',
    spec,
    elements,
  });
  return [always('iifname vmap @policies-to-self')];
}

function writePolicy(builder: Builder, policy: Policy, at: Position): string {
  const both = policy.to.includes(SELF) && policy.to.length > 1;
  const chain = `policy-${policy.name}${both && at.where === 'input' ? '-to-self' : ''}`;
  const { file, line } = policy.span;
  return builder.addSubchain(chain, `policy ${policy.name}, ${file}:${line}`, [
    ...gatherLines(
      builder,
      chain,
      policy.rules.flatMap((rule) => ruleLines(builder, chain, rule, at)),
    ),
    ...defaultLines(builder, policy.default),
  ]);
}
