/**
 * The stage before routing, for every new connection: forged sources, the gateway's own `deny` and `reject` lines,
 * redirects, maps. (Sources that are the gateway's own addresses are dropped by the datapath: they may change at any time.)
 */
import type { Family } from '../../grammar/ast.ts';
import { subtractRanges } from '../addresses.ts';
import { type InterfaceId, type Model, type Redirect, SELF } from '../model.ts';
import { ownedAddresses, rangesOwned } from '../ownership.ts';
import {
  addressesOf,
  type Condition,
  daddrOf,
  EVERYTHING,
  FAMILIES,
  inFamily,
  ofDestination,
  ofServices,
  ofSource,
  product,
  saddrOf,
} from './conditions.ts';
import type { IngressLeaf } from './diagram.ts';
import { IN_TABLE, lastOf, NOWHERE } from './fields.ts';
import type { Clause } from './partition.ts';
import { prefixRanges, rangesOf } from './ranges.ts';

/** In the order of the packet's journey; what no clause matches goes on to routing. */
export function ingressStages(model: Model): Clause<IngressLeaf>[][] {
  return [forgedClauses(model), gatewayClauses(model), model.redirects.flatMap(redirectClauses), mapClauses(model)];
}

/**
 * A source seen elsewhere than on the interface of its network. The gateway's own packets are never forged. Where a network
 * is `dynamic`, which prefix is the longest may change: then all of this is asked of tables.
 */
function forgedClauses(model: Model): Clause<IngressLeaf>[] {
  if (model.networks.some(({ dynamic }) => dynamic)) return elsewhereClauses(model);
  const clauses: Clause<IngressLeaf>[] = [];
  for (const family of FAMILIES) {
    const owned = ownedAddresses(model, family);
    const owners = [...new Set(owned.flatMap(({ interfaces }) => interfaces))];
    const strangers = subtractRanges([{ first: 1, last: NOWHERE }], rangesOf(owners));
    const places = [...owners.map((id) => ({ ids: rangesOf([id]), id })), { ids: strangers, id: NOWHERE }];
    for (const { ids, id } of places) {
      const foreign = rangesOwned(owned, family, (interfaces) => !interfaces.includes(id));
      const where = { ...inFamily(family), in: ids, [saddrOf(family)]: foreign };
      clauses.push({ where, leaf: { verdict: 'forged' } });
    }
  }
  return clauses;
}

/** A table for each interface with networks, and one for all others. */
function elsewhereClauses(model: Model): Clause<IngressLeaf>[] {
  const owners = [...new Set(model.networks.map((network) => network.interface))];
  const strangers = subtractRanges([{ first: 1, last: NOWHERE }], rangesOf(owners));
  return model.tables.flatMap(({ id, follows }): Clause<IngressLeaf>[] => {
    if (follows?.kind !== 'elsewhere') return [];
    const ids = follows.interface === null ? strangers : rangesOf([follows.interface satisfies InterfaceId]);
    return [{ where: { in: ids, [`${id}:saddr`]: IN_TABLE }, leaf: { verdict: 'forged' } }];
  });
}

function gatewayClauses(model: Model): Clause<IngressLeaf>[] {
  return model.gateway.rules.flatMap((rule) => {
    if (rule.decision === 'allow') throw new TypeError('a gateway has no allow lines');
    const leaf: IngressLeaf = { verdict: rule.decision, rule: rule.id, log: rule.log !== null };
    return FAMILIES.flatMap((family) =>
      product(
        product([inFamily(family)], ofServices(rule.services, family)),
        product(ofSource(rule.from, family), ofDestination(rule.to, family, 'ingress')),
      ).map((where) => ({ where, leaf })),
    );
  });
}

function redirectClauses(redirect: Redirect): Clause<IngressLeaf>[] {
  const denied: IngressLeaf = { verdict: 'deny', rule: redirect.denyId, log: redirect.log !== null };
  return redirect.listens.flatMap((listen) =>
    FAMILIES.filter((family) => listen.target.kind !== 'address' || listen.target.family === family).flatMap(
      (family) => {
        const owns = product(
          product([inFamily(family)], ofServices([listen.service], family)),
          ownedBy(redirect, family),
        );
        const allowed: IngressLeaf = { verdict: 'redirect', rule: listen.id, log: redirect.log !== null };
        return [
          ...product(owns, ofSource(redirect.allowFrom, family)).map((where) => ({ where, leaf: allowed })),
          ...owns.map((where) => ({ where, leaf: denied })),
        ];
      },
    ),
  );
}

const NOT_OWN = rangesOf([0]);

/**
 * Destinations of a map, whoever asks, the inside too; the gateway's own packets go where they are sent. The prefix that an
 * interface has holds the gateway's own address there: that stays the gateway's.
 */
function mapClauses(model: Model): Clause<IngressLeaf>[] {
  const comesIn = subtractRanges(EVERYTHING, rangesOf([SELF]));
  return model.maps.map(({ id, family, outside, follows }) => {
    const where: Condition =
      follows === null
        ? { [daddrOf(family)]: prefixRanges(outside, family) }
        : { own: NOT_OWN, [`${follows.table}:daddr`]: IN_TABLE };
    return { where: { ...inFamily(family), in: comesIn, ...where }, leaf: { verdict: 'map', rule: id } };
  });
}

/**
 * The destinations that a redirect takes, whoever asks, the inside too, but not the gateway's own packets (they never
 * come in). With `address any` it takes what comes in by its interfaces: on all of them it would also take what its
 * own target sends.
 */
function ownedBy(redirect: Redirect, family: Family): Condition[] {
  const comesIn = subtractRanges(EVERYTHING, rangesOf([SELF]));
  if (!redirect.addresses) return [{ in: comesIn, own: rangesOf(redirect.interfaces) }];
  const addresses = addressesOf(redirect.addresses, family);
  if (addresses.length === 0) return [];
  const everywhere =
    addresses.length === 1 && addresses[0]!.first <= 0 && addresses[0]!.last >= lastOf(daddrOf(family));
  if (everywhere) return [{ in: rangesOf(redirect.interfaces) }];
  return [{ in: comesIn, [daddrOf(family)]: addresses }];
}
