/** From the checked model to its decision diagrams. */
import type { Model, RuleId } from '../model.ts';
import { applyBoth, mapLeaves } from './algebra.ts';
import type { ForwardLeaf, IngressLeaf, NatLeaf, PolicyDiagram, PolicyLeaf } from './diagram.ts';
import { buildFirstMatch, buildStages } from './first-match.ts';
import { gatewayDefault, natClauses, policyClauses } from './forward.ts';
import { ingressStages } from './ingress.ts';
import { createStore, type Store } from './store.ts';

/** Where the nodes of one or of several models' diagrams are kept; with common stores, equal meanings are one node. */
export interface Stores {
  readonly ingress: Store<IngressLeaf>;
  readonly policy: Store<PolicyLeaf>;
  readonly nat: Store<NatLeaf>;
  readonly forward: Store<ForwardLeaf>;
  readonly redirected: Store<RuleId>;
}

export function createStores(): Stores {
  const ids = { next: 0 };
  return {
    ingress: createStore((leaf) => ('rule' in leaf ? `${leaf.verdict} ${leaf.rule} ${leaf.log}` : leaf.verdict), ids),
    policy: createStore((leaf) => `${leaf.verdict} ${leaf.rule} ${leaf.log}`, ids),
    nat: createStore((leaf) => `${leaf.nat} ${leaf.untranslated}`, ids),
    forward: createStore((leaf) => `${leaf.verdict} ${leaf.rule} ${leaf.log} ${leaf.nat} ${leaf.reason ?? ''}`, ids),
    redirected: createStore(String, ids),
  };
}

export function buildPolicyDiagram(model: Model, stores: Stores = createStores()): PolicyDiagram {
  const policy = buildFirstMatch(stores.policy, policyClauses(model), stores.policy.leaf(gatewayDefault(model)));
  const nat = buildFirstMatch(stores.nat, natClauses(model), stores.nat.leaf({ nat: 0, untranslated: false }));
  return {
    ingress: buildStages(stores.ingress, ingressStages(model), { verdict: 'continue' }),
    forward: applyBoth(stores.forward, policy, nat, translate),
    redirected: mapLeaves(stores.redirected, nat, (leaf) => leaf.nat),
    factors: { policy, nat },
  };
}

function translate(policy: PolicyLeaf, { nat, untranslated }: NatLeaf): ForwardLeaf {
  if (policy.verdict !== 'allow') return { ...policy, nat: 0 };
  if (untranslated) return { ...policy, verdict: 'deny', nat: 0, reason: 'untranslated' };
  return { ...policy, nat };
}
