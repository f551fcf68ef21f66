/** What becomes of packets for a map's outside: the policy is asked about their inside destinations. */
import { applyBoth } from '../diagram/algebra.ts';
import type { Node } from '../diagram/diagram.ts';
import type { Store } from '../diagram/store.ts';
import type { Model } from '../model.ts';
import { DENIED, read, UNTOUCHED, write, writeInside } from './answer.ts';
import { choose, fix, move, within } from './functions.ts';
import { type Leaving, ownOfWay } from './leaving.ts';
import { listPieces } from './pieces.ts';
import type { Places } from './places.ts';

/** `whole` with leaves `map RULE` answered; `policy` is what the policies say of routed packets. */
export function followMaps(
  store: Store<string>,
  model: Model,
  places: Places,
  leaving: Leaving,
  whole: Node<string>,
  policy: Node<string>,
): { readonly whole: Node<string>; readonly unasked: boolean } {
  let out = whole;
  let unasked = false;
  const inner = fix(store, policy, 'own', 0n);
  for (const map of model.maps) {
    const field = map.family === 4 ? 'daddr4' : 'daddr6';
    const pieces = listPieces(map.family, map.outside, map.inside);
    unasked ||= pieces === null;
    const nat = choose(
      store,
      leaving.isHairpin,
      faceOf(store, model, map.interfaces[0] ?? 0, places, leaving),
      leaving.forward,
    );
    const forward = applyBoth(store, inner, fix(store, nat, 'own', 0n), leaving.finish);
    const moved = pieces === null ? store.leaf(write(UNTOUCHED)) : move(store, forward, field, pieces);
    const isWhole = pieces === null || map.follows !== null;
    const some = isWhole ? moved : choose(store, within(store, field, unite(pieces)), moved, store.leaf(write(DENIED)));
    const to = writeInside(model, map);
    out = applyBoth(store, out, some, (first, then) => {
      if (first !== `map ${map.id}`) return first;
      const answer = read(then);
      return answer.fate === 'allowed' ? write({ ...answer, to }) : then;
    });
  }
  return { whole: out, unasked };
}

/** A host that a map sends back to its own network: by its own map, else by the address of where it is. */
function faceOf(store: Store<string>, model: Model, beyond: number, places: Places, leaving: Leaving): Node<string> {
  const name = model.interfaces.find(({ id }) => id === beyond)?.name ?? '';
  const outside = fix(store, leaving.redirected, 'out', BigInt(Math.max(places.names.indexOf(name), 0)));
  const isMap = (nat: string) => model.maps.some(({ id }) => `${id}` === nat);
  const shown = applyBoth(store, outside, ownOfWay(store, places), (nat, face) => (isMap(nat) ? nat : face));
  return applyBoth(store, leaving.forward, shown, (nat, other) => (nat === '0' ? other : nat));
}

function unite(pieces: NonNullable<ReturnType<typeof listPieces>>) {
  const ranges: { first: bigint; last: bigint }[] = [];
  for (const { here } of pieces) {
    const end = ranges.at(-1);
    if (end && here.first === end.last + 1n) end.last = here.last;
    else ranges.push({ ...here });
  }
  return ranges;
}
