/**
 * The whole journey of a first packet as one diagram of answers, over fields that two files share. `out` is where routing
 * sends it; a redirected packet leaves by its target's interface where the file knows that.
 */
import { applyBoth, mapLeaves } from '../diagram/algebra.ts';
import type { Node, PolicyDiagram } from '../diagram/diagram.ts';
import { NOWHERE } from '../diagram/fields.ts';
import type { Store } from '../diagram/store.ts';
import { type Model, SELF } from '../model.ts';
import { rangeOfPrefix } from '../pairing.ts';
import { routesOf } from '../simulate/routing.ts';
import {
  type Answer,
  answerOfLine,
  DENIED,
  listLines,
  translated,
  UNTOUCHED,
  writeInside,
  writeTarget,
} from './answer.ts';
import { choose, fix, shift, within } from './functions.ts';
import { type Places, renumber } from './places.ts';
import { fillTables, type Tables } from './tables.ts';

export interface Side {
  readonly model: Model;
  readonly diagram: PolicyDiagram;
}

const write = (answer: Answer): string => JSON.stringify(answer);
const read = (text: string): Answer => JSON.parse(text) as Answer;
const CONTINUE = 'continue';
const FATES = { allow: 'allowed', deny: 'denied', reject: 'rejected' } as const;

export interface Journey {
  readonly whole: Node<string>;
  /** What becomes of packets for others once they are routed. `whole` does not ask it behind maps of IPv6. */
  readonly behind: Node<string>;
}

export function buildJourney(store: Store<string>, side: Side, places: Places, tables: Tables): Journey {
  const { model, diagram } = side;
  const lines = listLines(model);
  const common = (root: Node<string>) => fillTables(store, renumber(store, root, model, places), model, tables);
  const policy = mapLeaves(store, diagram.policy, ({ verdict, rule }) =>
    write(answerOfLine(lines, rule, FATES[verdict])),
  );
  const leave = (root: PolicyDiagram['nat']) =>
    common(mapLeaves(store, root, ({ nat, untranslated }) => `${untranslated ? -1 : nat}`));
  const finish = memoize((answer: string, nat: string) => {
    if (read(answer).fate !== 'allowed') return answer;
    return nat === '-1' ? write(DENIED) : write(translated(model, read(answer), Number(nat)));
  });
  const forward = applyBoth(store, common(policy), leave(diagram.nat), finish);
  const isNone = within(store, 'own', [{ first: 0, last: 0 }]);
  const other = fix(store, forward, 'own', 0n);
  const routed = choose(store, isNone, other, fix(store, forward, 'out', 0n));

  const groups = new Map<string, { readonly answer: Answer; readonly out: number | null }>();
  const ingress = common(
    mapLeaves(store, diagram.ingress, (leaf) => {
      switch (leaf.verdict) {
        case 'continue':
          return CONTINUE;
        case 'forged':
          return write(DENIED);
        case 'deny':
        case 'reject':
          return write(answerOfLine(lines, leaf.rule, FATES[leaf.verdict]));
        case 'map':
          return `map ${leaf.rule}`;
        case 'redirect': {
          const found = findTarget(model, places, leaf.rule);
          const key = `redirect ${found.out} ${found.text}`;
          groups.set(key, { answer: { ...answerOfLine(lines, leaf.rule, 'allowed'), to: found.text }, out: found.out });
          return key + write(groups.get(key)!.answer);
        }
      }
    }),
  );
  let whole = applyBoth(store, ingress, routed, (first, then) => (first === CONTINUE ? then : first));
  const redirected = leave(diagram.redirected);
  for (const out of new Set([...groups.values()].map((group) => group.out))) {
    const nat = out === null ? redirected : fix(store, redirected, 'out', BigInt(out));
    const after = out === SELF ? store.leaf('0') : nat;
    const mine = `redirect ${out} `;
    whole = applyBoth(store, whole, after, (first, then) =>
      first.startsWith(mine) ? finish(first.slice(first.indexOf('{')), then) : first,
    );
  }
  for (const map of model.maps) {
    const field = map.family === 4 ? 'daddr4' : 'daddr6';
    const [here, there] = [rangeOfPrefix(map.outside, map.family), rangeOfPrefix(map.inside, map.family)];
    const behind = map.family === 4 ? shift(store, other, field, here, there) : store.leaf(write(UNTOUCHED));
    const to = writeInside(model, map);
    whole = applyBoth(store, whole, behind, (first, then) => {
      if (first !== `map ${map.id}`) return first;
      const answer = read(then);
      return answer.fate === 'allowed' ? write({ ...answer, to }) : then;
    });
  }
  whole = applyBoth(store, whole, undeclared(store, model, places), (answer, override) => override || answer);
  return { whole, behind: other };
}

/** What a file leaves alone: the gateway's own traffic by interfaces that only the other one declares; it forwards nothing there. */
function undeclared(store: Store<string>, model: Model, places: Places): Node<string> {
  const missing = places.names.flatMap((_, place) =>
    places.idIn(model, place) === null ? [{ first: place, last: place }] : [],
  );
  const strange = [...missing, { first: places.names.length, last: NOWHERE }];
  const [keep, denied, untouched] = [store.leaf(''), store.leaf(write(DENIED)), store.leaf(write(UNTOUCHED))];
  const isOther = within(store, 'own', [{ first: 0, last: 0 }]);
  const leaving = choose(store, within(store, 'out', strange), choose(store, isOther, denied, keep), keep);
  const own = choose(store, within(store, 'out', strange), untouched, keep);
  const entering = choose(store, within(store, 'in', strange), choose(store, isOther, denied, untouched), leaving);
  return choose(store, within(store, 'in', [{ first: 0, last: 0 }]), own, entering);
}

function findTarget(
  model: Model,
  places: Places,
  rule: number,
): { readonly text: string; readonly out: number | null } {
  for (const redirect of model.redirects) {
    const listen = redirect.listens.find(({ id }) => id === rule);
    if (!listen) continue;
    const { target } = listen;
    const outs = target.kind === 'address' ? routesOf(model)(target.family, target.address) : [SELF];
    const only = outs.length === 1 ? outs[0]! : null;
    const name = model.interfaces.find(({ id }) => id === only)?.name;
    const out = only === SELF ? SELF : name === undefined ? null : places.names.indexOf(name);
    return { text: writeTarget(model, redirect, listen), out };
  }
  throw new RangeError(`rule ${rule} is no line of a redirect`);
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
