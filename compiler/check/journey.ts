/** What takes packets before a policy is asked, as boxes: LANGUAGE's journey of a packet, steps 1 to 6. */
import type { Family } from '../../grammar/ast.ts';
import { EVERY_ADDRESS, normalize, subtractRanges } from '../addresses.ts';
import type { AddressMap, InterfaceId, Redirect, Rule } from '../model.ts';
import { SELF } from '../model.ts';
import { ownedAddresses } from '../ownership.ts';
import { setOfPrefix } from '../pairing.ts';
import {
  type Box,
  bitsOf,
  boxesOf,
  type Classes,
  classify,
  EVERY_SERVICE,
  type Named,
  type Ranges,
  rangesOf,
  servicesOf,
} from './boxes.ts';
import type { Context } from './context.ts';

/** Who takes a packet. `line`: of the block itself; `elsewhere`: its sender lives behind another interface. */
export type Taker =
  | { readonly kind: 'line' | 'gateway'; readonly rule: Rule }
  | { readonly kind: 'redirect'; readonly redirect: Redirect }
  | { readonly kind: 'map'; readonly map: AddressMap }
  | { readonly kind: 'elsewhere'; readonly interfaces: readonly InterfaceId[] };

export interface Taking {
  readonly box: Box;
  readonly by: Taker;
}

/** Where the packets of a block come in and go out. */
export interface Ways {
  readonly from: readonly InterfaceId[];
  readonly to: readonly InterfaceId[];
}
export interface Sight {
  readonly ins: Classes;
  readonly outs: Classes;
}

export const FAMILIES: readonly Family[] = [4, 6];

/** Interfaces that these lines, or what comes before them, tell apart; null: too many. */
export function lookAt(context: Context, ways: Ways, lines: readonly Named[]): Sight | null {
  const { networks, redirects, gateway, masquerades } = context;
  const all = [...lines, ...gateway.flatMap(({ rules }) => rules)];
  const places = [...networks.map((one) => one.interface), ...redirects.flatMap(({ interfaces }) => interfaces)];
  const ins = classify(ways.from, new Set([...mentioned(all, 'from'), ...places]));
  const uplinks = masquerades.flatMap(({ interfaces }) => interfaces);
  const owners = redirects.filter(({ addresses }) => addresses === null).flatMap(({ interfaces }) => interfaces);
  const outs = classify(ways.to, new Set([...mentioned(all, 'to'), ...uplinks]), new Set(owners));
  return ins === null || outs === null ? null : { ins, outs };
}

/** As `lookAt`, of the lines alone. */
export function lookAtLines({ from, to }: Ways, lines: readonly Named[]): Sight | null {
  const ins = classify(from, mentioned(lines, 'from'));
  const outs = classify(to, mentioned(lines, 'to'));
  return ins === null || outs === null ? null : { ins, outs };
}

function mentioned(rules: readonly Named[], side: 'from' | 'to'): ReadonlySet<InterfaceId> {
  const sides = rules.flatMap((rule) => [rule[side].include, rule[side].except ?? []].flat());
  return new Set(sides.flatMap(({ interfaces }) => interfaces));
}

/** Senders that live elsewhere are forged. Where networks change, nothing is certain. */
export function elsewhereBoxes(context: Context, { from }: Ways, { ins, outs }: Sight): Taking[] {
  if (context.networks.some(({ dynamic }) => dynamic)) return [];
  return FAMILIES.flatMap((family) => {
    const owned = ownedAddresses(context, family);
    const everywhere = rangesOf(EVERY_ADDRESS, family);
    return from.flatMap((id): Taking[] => {
      const foreign = owned.filter(({ interfaces }) => id !== SELF && !interfaces.includes(id));
      if (foreign.length === 0) return [];
      const addresses = normalize(foreign.map(({ first, last }) => ({ first, last })));
      const place = ins.bits.get(id) ?? 0;
      const box = { family, services: EVERY_SERVICE, in: place, out: outs.all, from: addresses, to: everywhere };
      return [{ box, by: { kind: 'elsewhere', interfaces: [id] } }];
    });
  });
}

/** All that is not left to a policy with these ways. */
export function boxesBefore(context: Context, ways: Ways, sight: Sight): Taking[] {
  const redirected = context.redirects.flatMap((redirect) => {
    const by: Taker = { kind: 'redirect', redirect };
    return ownedBoxes(redirect, redirect.listens, sight).map((box) => ({ box, by }));
  });
  const seen = [...boxesOfGateway(context, sight), ...redirected].flatMap(({ box, by }) => {
    const to = subtractRanges(box.to, enteredBy(context.maps, box, sight));
    return to.length === 0 ? [] : [{ box: { ...box, to }, by }];
  });
  return [...elsewhereBoxes(context, ways, sight), ...seen, ...mapBoxes(context.maps, sight)];
}

/** The gateway's own lines. */
export function boxesOfGateway({ gateway }: Context, { ins, outs }: Sight): Taking[] {
  return gateway
    .flatMap(({ rules }) => rules)
    .flatMap((rule) => {
      const by: Taker = { kind: 'gateway', rule };
      return boxesOf(rule, ins, outs, 'least').map((box) => ({ box, by }));
    });
}

/** What a redirect owns by these of its lines. */
export function ownedBoxes(redirect: Redirect, listens: Redirect['listens'], { ins, outs }: Sight): Box[] {
  return FAMILIES.flatMap((family): Box[] => {
    const heard = listens.filter(({ target }) => target.kind !== 'address' || target.family === family);
    const services = servicesOf(
      heard.map(({ service }) => service),
      family,
    );
    if (heard.length === 0 || services.length === 0) return [];
    const everywhere = rangesOf(EVERY_ADDRESS, family);
    const comesIn = ins.all & ~(ins.bits.get(SELF) ?? 0);
    const box = { family, services, in: comesIn, out: outs.all, from: everywhere, to: everywhere };
    if (redirect.addresses === null) {
      const own = redirect.interfaces.reduce((set, id) => set | (outs.own.get(id) ?? 0), 0);
      return own === 0 ? [] : [{ ...box, out: own }];
    }
    const to = rangesOf(redirect.addresses, family);
    if (to.length === 0) return [];
    const intercepts = to.length === 1 && to[0]?.first === 0n && to[0].last === everywhere[0]?.last;
    return [intercepts ? { ...box, in: bitsOf(redirect, ins) } : { ...box, to }];
  });
}

/** Inside addresses that a packet may have only behind a map, so that `box` did not see it with them. */
function enteredBy(maps: readonly AddressMap[], box: Box, { outs }: Sight): Ranges {
  const everywhere = rangesOf(EVERY_ADDRESS, box.family);
  const sees = (map: AddressMap) => {
    if (box.out !== outs.all) return false;
    const asked = map.follows === null ? rangesOf(setOfPrefix(map.outside, map.family), map.family) : everywhere;
    return subtractRanges(asked, box.to).length === 0;
  };
  const blind = maps.filter((map) => map.family === box.family && !sees(map));
  return normalize(blind.flatMap(({ inside, family }) => rangesOf(setOfPrefix(inside, family), family)));
}

/** Outside destinations have become inside ones, unless they are both. */
function mapBoxes(maps: readonly AddressMap[], { ins, outs }: Sight): Taking[] {
  return maps.flatMap((map): Taking[] => {
    const { family, follows, outside } = map;
    if (follows !== null) return [];
    const insides = maps.filter((one) => one.family === family).map((one) => setOfPrefix(one.inside, family));
    const to = subtractRanges(
      rangesOf(setOfPrefix(outside, family), family),
      normalize(insides.flatMap((set) => rangesOf(set, family))),
    );
    if (to.length === 0) return [];
    const everywhere = rangesOf(EVERY_ADDRESS, family);
    const box = { family, services: EVERY_SERVICE, in: ins.all, out: outs.all, from: everywhere, to };
    return [{ box, by: { kind: 'map', map } }];
  });
}
