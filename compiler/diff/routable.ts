/** What the files know of routes: an address of a `network … on` leaves by that interface and by no other. */
import type { Family } from '../../grammar/ast.ts';
import { NOWHERE } from '../diagram/fields.ts';
import { type Model, type Range, SELF } from '../model.ts';
import { type Owned, ownedAddresses } from '../ownership.ts';
import { rangeOfPrefix, rangesOf } from '../pairing.ts';
import { mapAddress } from '../prefix-translation.ts';
import type { Side } from './journey.ts';
import { listPieces } from './pieces.ts';
import type { Places } from './places.ts';
import type { Witness } from './witness.ts';

type Leaving = Pick<Witness, 'family' | 'in' | 'own' | 'out' | 'daddr'>;

/** Does one of the files, at least, say nothing against the packet's way out? */
export function isRoutable(sides: readonly Side[], places: Places, packet: Leaving): boolean {
  if (packet.own !== 0) return true;
  return sides.some(({ model }) => mayLeave(model, packet, places.idIn(model, packet.out) ?? NOWHERE));
}

function mayLeave(model: Model, { family, in: from, daddr }: Leaving, out: number): boolean {
  const isIn = ({ first, last }: Range<bigint>) => first <= daddr && daddr <= last;
  const { owned, taken } = knowledgeOf(model)[family];
  if (from !== SELF && taken.some(isIn)) return true; // a redirect sends it elsewhere
  const map =
    from === SELF
      ? undefined
      : model.maps.find((one) => one.family === family && isIn(rangeOfPrefix(one.outside, family)));
  const goes = map === undefined ? daddr : (mapAddress(daddr, family, map.outside, map.inside) ?? daddr);
  const there = owned.find(({ first, last }) => first <= goes && goes <= last);
  return there === undefined || there.interfaces.includes(out);
}

/** Destinations that files may route apart: of each range an address stands for all. Those in none are everybody else. */
export function classesOf(sides: readonly Side[], family: Family): readonly Range<bigint>[] {
  const ranges = sides.flatMap(({ model }) => knowledgeOf(model)[family].classes);
  const cuts = [...new Set(ranges.flatMap(({ first, last }) => [first, last + 1n]))].sort((a, b) => (a < b ? -1 : 1));
  const end = family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n;
  return [0n, ...cuts.filter((cut) => cut > 0n && cut <= end)].map((first, i, all) => ({
    first,
    last: (all[i + 1] ?? end + 1n) - 1n,
  }));
}

interface Knowledge {
  readonly owned: readonly Owned[];
  /** Destinations that redirects own. */
  readonly taken: readonly Range<bigint>[];
  readonly classes: readonly Range<bigint>[];
}
const known = new WeakMap<Model, Readonly<Record<Family, Knowledge>>>();

function knowledgeOf(model: Model): Readonly<Record<Family, Knowledge>> {
  const before = known.get(model);
  if (before) return before;
  const made = { 4: learn(model, 4), 6: learn(model, 6) };
  known.set(model, made);
  return made;
}

function learn(model: Model, family: Family): Knowledge {
  const owned = ownedAddresses(model, family);
  const taken = model.redirects.flatMap(({ addresses }) => (addresses === null ? [] : rangesOf(addresses, family)));
  const outer = model.maps.flatMap((map) => {
    if (map.family !== family) return [];
    const pieces = listPieces(family, map.outside, map.inside) ?? [];
    const moved = pieces.flatMap(({ here, there }) =>
      owned.flatMap(({ first, last }) => {
        const from = first > there.first ? first : there.first;
        const until = last < there.last ? last : there.last;
        return from <= until
          ? [{ first: from - there.first + here.first, last: until - there.first + here.first }]
          : [];
      }),
    );
    return [rangeOfPrefix(map.outside, family), ...moved];
  });
  return { owned, taken, classes: [...owned, ...taken, ...outer].map(({ first, last }) => ({ first, last })) };
}
