/** What translates sources on their way out, as diagrams of texts: a rule's number, 0 for none, -1 for no way out. */
import { applyBoth, mapLeaves } from '../diagram/algebra.ts';
import type { Node, PolicyDiagram } from '../diagram/diagram.ts';
import { FAMILY_RANGE, lastOf } from '../diagram/fields.ts';
import type { Store } from '../diagram/store.ts';
import type { Model, Range } from '../model.ts';
import { rangeOfPrefix } from '../pairing.ts';
import { DENIED, type Kind, read, SENT_TO, translated, write, writeFace } from './answer.ts';
import { within } from './functions.ts';
import type { Side } from './journey.ts';
import { listPieces, type Piece } from './pieces.ts';
import type { Places } from './places.ts';

export interface Leaving {
  /** `NAT KIND`, `own PLACE`, `sent to`. */
  readonly forward: Node<string>;
  /** The same for what a redirect let in. */
  readonly redirected: Node<string>;
  /** '1' where a packet leaves by the interface that it came in by. */
  readonly isHairpin: Node<string>;
  /** An answer for what `forward` or `redirected` says. */
  readonly finish: (answer: string, nat: string) => string;
}

export function buildLeaving(
  store: Store<string>,
  { model, diagram }: Side,
  places: Places,
  common: (root: Node<string>) => Node<string>,
): Leaving {
  const kinds = kindsOf(store);
  const leave = (root: PolicyDiagram['nat']) => {
    const plain = common(mapLeaves(store, root, ({ nat, untranslated }) => `${untranslated ? -1 : nat}`));
    const nats = withoutHoles(store, model, plain);
    const isPool = (nat: string) => model.masquerades.some(({ id }) => `${id}` === nat);
    return applyBoth(store, nats, kinds, (nat, kind) => (isPool(nat) ? `${nat} ${kind}` : nat));
  };
  const finish = memoize((answer: string, nat: string) => {
    if (read(answer).fate !== 'allowed') return answer;
    if (nat === '-1') return write(DENIED);
    if (nat === 'sent to') return write({ ...read(answer), as: SENT_TO });
    if (nat.startsWith('own ')) return write({ ...read(answer), as: writeFace(nat.slice(4)) });
    const [rule, kind = 'mapped'] = nat.split(' ');
    return write(translated(model, read(answer), Number(rule), kind as Kind));
  });
  const same = places.names.flatMap((_, place) =>
    place === 0 ? [] : [{ last: BigInt(place), to: within(store, 'out', [{ first: place, last: place }]) }],
  );
  const no = store.leaf('0');
  const isHairpin = store.branch('in', [{ last: 0n, to: no }, ...same, { last: lastOf('in'), to: no }]);
  return { forward: leave(diagram.nat), redirected: leave(diagram.redirected), isHairpin, finish };
}

export function kindOf(family: 4 | 6, protocol: number): Kind {
  if (protocol === 6 || protocol === 17) return 'mapped';
  if (protocol === 33 || protocol === 136) return 'ported';
  if (protocol === 132) return 'kept';
  return protocol === (family === 4 ? 1 : 58) ? 'icmp' : 'portless';
}

function kindsOf(store: Store<string>): Node<string> {
  const numbers = Array.from({ length: 256 }, (_, protocol) => protocol);
  const of = (family: 4 | 6) =>
    store.branch(
      'protocol',
      numbers.map((protocol) => ({ last: BigInt(protocol), to: store.leaf(kindOf(family, protocol)) })),
    );
  return store.branch('family', [
    { last: BigInt(FAMILY_RANGE[4].last), to: of(4) },
    { last: BigInt(FAMILY_RANGE[6].last), to: of(6) },
  ]);
}

/** Sources that an IPv6 map can't translate stay inside. */
function withoutHoles(store: Store<string>, model: Model, nats: Node<string>): Node<string> {
  let left = nats;
  for (const { id, family, inside, outside, follows } of model.maps) {
    const pieces = follows === null && family === 6 ? listPieces(family, inside, outside) : null;
    if (pieces === null) continue;
    const holes = within(store, 'saddr6', gapsOf(pieces, rangeOfPrefix(inside, 6)));
    left = applyBoth(store, left, holes, (nat, isHole) => (nat === `${id}` && isHole === '1' ? '-1' : nat));
  }
  return left;
}

function gapsOf(pieces: readonly Piece[], whole: Range<bigint>): Range<bigint>[] {
  const gaps: Range<bigint>[] = [];
  let next = whole.first;
  for (const { here } of pieces) {
    if (here.first > next) gaps.push({ first: next, last: here.first - 1n });
    next = here.last + 1n;
  }
  if (next <= whole.last) gaps.push({ first: next, last: whole.last });
  return gaps;
}

function memoize(work: (a: string, b: string) => string): (a: string, b: string) => string {
  const known = new Map<string, string>();
  return (a, b) => {
    const key = `${b} ${a}`;
    const made = known.get(key) ?? work(a, b);
    known.set(key, made);
    return made;
  };
}

/** The gateway's address on the interface by which a packet leaves, as `own NAME`. */
export function ownOfWay(store: Store<string>, { names }: Places): Node<string> {
  const edges = names.map((place, i) => ({
    last: i === names.length - 1 ? 255n : BigInt(i),
    to: store.leaf(`own ${place}`),
  }));
  return store.branch('out', edges);
}
