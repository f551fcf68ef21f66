/** The stage behind routing: the policy of (in, out), the gateway's default, then the masquerade. */
import type { Family } from '../../grammar/ast.ts';
import { PRIVATE_V4, PRIVATE_V6, subtractRanges } from '../addresses.ts';
import { type InterfaceId, type Model, type Policy, type Rule, SELF } from '../model.ts';
import { ownedAddresses, rangesOwned } from '../ownership.ts';
import {
  type Condition,
  FAMILIES,
  inFamily,
  ofDestination,
  ofServices,
  ofSource,
  product,
  saddrOf,
} from './conditions.ts';
import type { NatLeaf, PolicyLeaf } from './diagram.ts';
import { NOT_IN_TABLE, NOWHERE } from './fields.ts';
import type { Clause } from './partition.ts';
import { prefixRanges, type Ranges, rangesOf } from './ranges.ts';

/** What no clause matches meets `gatewayDefault`. */
export function policyClauses(model: Model): Clause<PolicyLeaf>[] {
  const nowhere = rangesOf([NOWHERE]);
  const undeclared: PolicyLeaf = {
    verdict: 'deny',
    rule: model.gateway.default.id,
    log: model.gateway.default.log !== null,
  };
  const own = model.rules.find(({ kind }) => kind === 'self-default');
  return [
    { where: { in: rangesOf([SELF]) }, leaf: { verdict: 'allow', rule: own?.id ?? 0, log: false } },
    { where: { in: nowhere }, leaf: undeclared },
    { where: { out: nowhere }, leaf: undeclared },
    ...model.policies.flatMap(blockClauses),
  ];
}

export function gatewayDefault(model: Model): PolicyLeaf {
  const { decision, id, log } = model.gateway.default;
  return { verdict: decision, rule: id, log: log !== null };
}

function blockClauses(policy: Policy): Clause<PolicyLeaf>[] {
  const pair: Condition = { in: rangesOf(policy.from), out: rangesOf(policy.to) };
  const { decision, id, log } = policy.default;
  return [
    ...policy.rules.flatMap((rule) => ruleClauses(rule, pair)),
    { where: pair, leaf: { verdict: decision, rule: id, log: log !== null } },
  ];
}

function ruleClauses(rule: Rule, pair: Condition): Clause<PolicyLeaf>[] {
  const leaf: PolicyLeaf = { verdict: rule.decision, rule: rule.id, log: rule.log !== null };
  const conditions = FAMILIES.flatMap((family) => {
    const ends = product(ofSource(rule.from, family), ofDestination(rule.to, family, 'forward'));
    return product([inFamily(family)], product(ofServices(rule.services, family), ends));
  });
  return product([pair], conditions).map((where) => ({ where, leaf }));
}

/**
 * Sources that a map or masquerade takes on their way out. A private source that none takes must not leave an interface
 * that a masquerade of its family names, unless it lives behind that very interface. The gateway's own packets have its
 * addresses.
 */
export function natClauses(model: Model): Clause<NatLeaf>[] {
  return [...takenClauses(model), ...keptClauses(model)];
}

/**
 * The same for what a redirect let in, but for a client that shares an interface with the target: it appears with its
 * outside address anyway, and that is the datapath's work.
 */
export function redirectedClauses(model: Model): Clause<NatLeaf>[] {
  const kept = keptClauses(model).map(({ where, leaf }) => {
    const others = subtractRanges(COMES_IN, where.out as Ranges<number>);
    return { where: { ...where, in: others }, leaf };
  });
  return [...takenClauses(model), ...kept];
}

const COMES_IN: Ranges<number> = [{ first: SELF + 1, last: NOWHERE }];

function takenClauses(model: Model): Clause<NatLeaf>[] {
  const mapped = model.maps.map(({ id, family, inside, interfaces }) => {
    const where: Condition = { ...inFamily(family), in: COMES_IN, out: rangesOf(interfaces) };
    return {
      where: { ...where, [saddrOf(family)]: prefixRanges(inside, family) },
      leaf: { nat: id, untranslated: false },
    };
  });
  const masqueraded = model.masquerades.flatMap((masquerade) => {
    const leaf: NatLeaf = { nat: masquerade.id, untranslated: false };
    return masquerade.families.flatMap((family) => {
      const leaves: Condition = { ...inFamily(family), in: COMES_IN, out: rangesOf(masquerade.interfaces) };
      return product([leaves], ofSource(masquerade.from, family)).map((where) => ({ where, leaf }));
    });
  });
  return [...mapped, ...masqueraded];
}

/** One clause for each interface and family. */
function keptClauses(model: Model): Clause<NatLeaf>[] {
  return FAMILIES.flatMap((family) => {
    const hiding = model.masquerades.filter(({ families }) => families.includes(family));
    const uplinks = [...new Set(hiding.flatMap(({ interfaces }) => interfaces))];
    return uplinks.map((id) => {
      const sources = strangersOn(model, id, family);
      const where: Condition = { ...inFamily(family), in: COMES_IN, out: rangesOf([id]), ...sources };
      return { where, leaf: { nat: 0, untranslated: true } };
    });
  });
}

/** Private sources that do not live behind an interface; where a network is `dynamic`, a table says who does. */
function strangersOn(model: Model, id: InterfaceId, family: Family): Condition {
  const field = saddrOf(family);
  if (!model.networks.some(({ dynamic }) => dynamic)) {
    const there = rangesOwned(ownedAddresses(model, family), family, (interfaces) => interfaces.includes(id));
    return { [field]: withoutThose(family, there) };
  }
  const table = model.tables.find(({ follows }) => follows?.kind === 'here' && follows.interface === id);
  const elsewhere = table === undefined ? {} : { [`${table.id}:saddr`]: NOT_IN_TABLE };
  return { [field]: withoutThose(family, []), ...elsewhere };
}

/** The private addresses of a family, but for those that live somewhere. */
function withoutThose(family: Family, there: Ranges): Ranges {
  return family === 4
    ? subtractRanges(PRIVATE_V4.v4, there as Ranges<number>)
    : subtractRanges(PRIVATE_V6.v6, there as Ranges<bigint>);
}
