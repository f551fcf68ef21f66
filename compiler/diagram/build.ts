/** From the checked model to its decision diagrams. */
import type { Model } from '../model.ts';
import type { IngressLeaf, NatLeaf, PolicyDiagram, PolicyLeaf } from './diagram.ts';
import { buildFirstMatch, buildStages } from './first-match.ts';
import { gatewayDefault, natClauses, policyClauses, redirectedClauses } from './forward.ts';
import { ingressStages } from './ingress.ts';
import { createStore, type Store } from './store.ts';

/** Where the nodes of one or of several models' diagrams are kept; with common stores, equal meanings are one node. */
export interface Stores {
  readonly ingress: Store<IngressLeaf>;
  readonly policy: Store<PolicyLeaf>;
  readonly nat: Store<NatLeaf>;
}

export function createStores(): Stores {
  const ids = { next: 0 };
  return {
    ingress: createStore((leaf) => Object.values(leaf).join(' '), ids),
    policy: createStore((leaf) => `${leaf.verdict} ${leaf.rule} ${leaf.log}`, ids),
    nat: createStore((leaf) => `${leaf.nat} ${leaf.untranslated}`, ids),
  };
}

export function buildPolicyDiagram(model: Model, stores: Stores = createStores()): PolicyDiagram {
  const plain = stores.nat.leaf({ nat: 0, untranslated: false });
  return {
    ingress: buildStages(stores.ingress, ingressStages(model), { verdict: 'continue' }),
    policy: buildFirstMatch(stores.policy, policyClauses(model), stores.policy.leaf(gatewayDefault(model))),
    nat: buildFirstMatch(stores.nat, natClauses(model), plain),
    redirected: buildFirstMatch(stores.nat, redirectedClauses(model), plain),
  };
}
