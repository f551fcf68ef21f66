/**
 * The whole journey of a first packet as one diagram of answers, over fields that two files share. `out` is where routing
 * sends it; a redirected packet leaves by its target's interface where the file knows that.
 */
import { applyBoth, mapLeaves } from '../diagram/algebra.ts';
import type { Node, PolicyDiagram } from '../diagram/diagram.ts';
import { NOWHERE } from '../diagram/fields.ts';
import type { Store } from '../diagram/store.ts';
import { type Model, type RuleId, SELF } from '../model.ts';
import { routesOf } from '../simulate/routing.ts';
import { type Answer, answerOfLine, DENIED, listLines, UNTOUCHED, write, writeTarget } from './answer.ts';
import { choose, fix, within } from './functions.ts';
import { buildLeaving, type Leaving, ownOfWay } from './leaving.ts';
import { followMaps } from './mapped.ts';
import { type Places, renumber } from './places.ts';
import { fillTables, type Tables } from './tables.ts';

export interface Side {
  readonly model: Model;
  readonly diagram: PolicyDiagram;
}

const CONTINUE = 'continue';
const FATES = { allow: 'allowed', deny: 'denied', reject: 'rejected' } as const;

export interface Journey {
  readonly whole: Node<string>;
  /** What becomes of packets for others once they are routed, where `whole` does not ask it: behind maps in too many pieces. */
  readonly unasked: Node<string> | null;
}

export function buildJourney(store: Store<string>, side: Side, places: Places, tables: Tables): Journey {
  const { model, diagram } = side;
  const lines = listLines(model);
  const common = (root: Node<string>) => fillTables(store, renumber(store, root, model, places), model, tables);
  const policy = mapLeaves(store, diagram.policy, ({ verdict, rule }) =>
    write(answerOfLine(lines, rule, FATES[verdict])),
  );
  const leaving = buildLeaving(store, side, places, common);
  const said = common(policy);
  const forward = applyBoth(store, said, leaving.forward, leaving.finish);
  const isNone = within(store, 'own', [{ first: 0, last: 0 }]);
  const other = fix(store, forward, 'own', 0n);
  const routed = choose(store, isNone, other, fix(store, forward, 'out', 0n));

  const targets = new Map<string, Target>();
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
          const target = findTarget(model, places, leaf.rule);
          const key = `redirect ${target.out} ${target.hasOwn} `;
          targets.set(key, target);
          return key + write({ ...answerOfLine(lines, leaf.rule, 'allowed'), to: target.to });
        }
      }
    }),
  );
  let whole = applyBoth(store, ingress, routed, (first, then) => (first === CONTINUE ? then : first));
  for (const [key, target] of targets)
    whole = applyBoth(store, whole, leaveRedirected(store, leaving, places, target), (first, then) =>
      first.startsWith(key) ? leaving.finish(first.slice(key.length), then) : first,
    );
  const mapped = followMaps(store, model, places, leaving, whole, said);
  whole = applyBoth(store, mapped.whole, undeclared(store, model, places), (answer, override) => override || answer);
  return { whole, unasked: mapped.unasked ? other : null };
}

interface Target {
  readonly to: Answer['to'];
  /** By which place it leaves, SELF: it is for the gateway; null: the file does not know. */
  readonly out: number | null;
  /** It is asked for by the interface's own address: so a client that shares an interface with the target appears. Else by theirs. */
  readonly hasOwn: boolean;
}

function leaveRedirected(
  store: Store<string>,
  leaving: Leaving,
  places: Places,
  { out, hasOwn }: Target,
): Node<string> {
  if (out === SELF) return store.leaf('0');
  const known = (root: Node<string>) => (out === null ? root : fix(store, root, 'out', BigInt(out)));
  const shown = choose(
    store,
    within(store, 'own', [{ first: 0, last: 0 }]),
    hasOwn ? store.leaf('sent to') : known(ownOfWay(store, places)),
    store.leaf('sent to'),
  );
  const hairpin = applyBoth(store, known(leaving.redirected), shown, (nat, own) => (nat === '0' ? own : nat));
  return choose(store, known(leaving.isHairpin), hairpin, known(leaving.redirected));
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

function findTarget(model: Model, places: Places, rule: RuleId): Target {
  for (const redirect of model.redirects) {
    const listen = redirect.listens.find(({ id }) => id === rule);
    if (!listen) continue;
    const { target } = listen;
    const outs = target.kind === 'address' ? routesOf(model)(target.family, target.address) : [SELF];
    const only = outs.length === 1 ? outs[0]! : null;
    const name = model.interfaces.find(({ id }) => id === only)?.name ?? null;
    const out = only === SELF ? SELF : name === null ? null : places.names.indexOf(name);
    return { to: writeTarget(model, listen), out, hasOwn: redirect.addresses === null };
  }
  throw new RangeError(`rule ${rule} is no line of a redirect`);
}
