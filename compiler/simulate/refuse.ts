/** What a line lets through, and the gateway has no room for. */
import type { Model, RuleId } from '../model.ts';
import { DENIED, ownerOf } from './decide.ts';
import type { Decision } from './decision.ts';

type Shortage = 'limited' | 'ports-exhausted' | 'port-taken';
const SHORTAGES: Readonly<Record<Shortage, string>> = {
  limited: 'beyond the limit',
  'ports-exhausted': 'no outside port is left',
  'port-taken': 'another connection has these ports',
};

export function refuse(model: Model, decision: Decision, rule: RuleId, kind: Shortage): Decision {
  const stage = kind === 'limited' ? 'limit' : 'port';
  const trail = [...decision.trail, { stage, text: SHORTAGES[kind], rule } as const];
  return { ...DENIED, rule, by: ownerOf(model, rule), out: decision.out, drop: { kind }, trail };
}
