/** The difference in meaning between two checked files: sets of first packets that fare otherwise, and settings. */
import { applyBoth, listPaths } from '../diagram/algebra.ts';
import { arrange } from '../diagram/arrange.ts';
import { listNodes } from '../diagram/count.ts';
import type { Field, Node } from '../diagram/diagram.ts';
import { isTableField, lastOf, NOWHERE } from '../diagram/fields.ts';
import { createStore, type Store } from '../diagram/store.ts';
import type { Decision } from '../simulate/decision.ts';
import type { Answer } from './answer.ts';
import { type Box, boxOfPath, mergeBoxes } from './boxes.ts';
import { narrow } from './compose.ts';
import { show } from './confirm.ts';
import { buildJourney, type Side } from './journey.ts';
import { compareAlike, keepDiffering } from './moves.ts';
import { joinPlaces, type Places } from './places.ts';
import { compareSettings, type Setting } from './settings.ts';
import type { Tables } from './tables.ts';
import type { Witness } from './witness.ts';

/** Worst first: newly allowed, newly denied, denied in another way, translated or sent otherwise, limited, logged. */
export const CHANGES = ['opens', 'closes', 'refuses', 'translates', 'limits', 'logs'] as const;
export type Change = (typeof CHANGES)[number];

export interface Difference {
  readonly change: Change;
  readonly before: Answer;
  readonly after: Answer;
  /** Fields that are not named may be anything that a packet can have. */
  readonly box: Box;
  /** A packet that the simulator treats so; null: unsure, for it shows none (only the machine knows its tables). */
  readonly witness: Witness | null;
  /** What the simulator says of the witness; null: there is none, or the file does not declare its interfaces. */
  readonly decisions: { readonly before: Decision | null; readonly after: Decision | null };
}

export interface Comparison {
  readonly places: Places;
  readonly differences: readonly Difference[];
  readonly settings: readonly Setting[];
  /** null: this is all. Else why there may be more. */
  readonly bound: string | null;
}

/** Paths through the diagram of differences that are looked at. */
const MOST_PATHS = 200_000;
/** Nodes that are looked at to bring the diagram of differences in order. */
const MOST_NODES = 4_000_000;

/** Branches that are made to bring two journeys together; long policies of wide, overlapping ranges take more. */
const MOST_BRANCHES = 1_000_000;

class TooMany extends Error {}

export function compare(a: Side, b: Side, most = MOST_PATHS, mostBranches = MOST_BRANCHES): Comparison {
  const places = joinPlaces([a.model, b.model]);
  try {
    return compareIn(boundedStore(mostBranches), places, a, b, most);
  } catch (error) {
    if (!(error instanceof TooMany)) throw error;
    const bound = 'the lines of the two files are too many, and their ranges too wide, to compare packet by packet';
    return { places, differences: [], settings: compareSettings(a.model, b.model), bound };
  }
}

function boundedStore(most: number): Store<string> {
  const { leaf, branch } = createStore<string>((text) => text);
  let left = most;
  return {
    leaf,
    branch(field, edges) {
      left -= 1;
      if (left < 0) throw new TooMany();
      return branch(field, edges);
    },
  };
}

function compareIn(store: Store<string>, places: Places, a: Side, b: Side, most: number): Comparison {
  const tables: Tables = new Map();
  const [before, after] = [buildJourney(store, a, places, tables), buildJourney(store, b, places, tables)];
  const { groups, complete } = listDifferences(store, before.whole, after.whole, places, most);
  const differences: Difference[] = [];
  let bound = complete ? null : `only the first ${most} parts of the difference were looked at`;
  for (const [pair, boxes] of groups) {
    const [was, is] = JSON.parse(pair) as [Answer, Answer];
    const change = classify(was, is);
    const differing = boxes.flatMap((box) => keepDiffering(was, is, box) ?? []);
    // Merged, ways out may be all that there are: then they are not named, and more boxes are alike.
    const merged = mergeBoxes(differing, lastOf).flatMap((box) => clip(box, places) ?? []);
    for (const box of mergeBoxes(merged, lastOf)) {
      const shown = show(box, [a, b], places, tables, was, is);
      if (shown === 'empty') continue;
      const asksMachine = Object.keys(box).some((field) => isTableField(field as Field));
      if (shown === null && !asksMachine) bound ??= 'the simulator could not show one of the differences';
      differences.push({ change, before: was, after: is, box: narrow(box, [a, b], places), ...(shown ?? UNSURE) });
    }
  }
  const order = (one: Difference) => CHANGES.indexOf(one.change);
  differences.sort((one, other) => order(one) - order(other));
  if (bound === null && before.unasked !== after.unasked)
    bound = 'what policies say behind IPv6 maps in very many pieces is compared by inside addresses alone';
  return { places, differences, settings: compareSettings(a.model, b.model), bound };
}

const UNSURE = { witness: null, decisions: { before: null, after: null } } as const;

function listDifferences(
  store: Store<string>,
  before: Node<string>,
  after: Node<string>,
  places: Places,
  most: number,
) {
  const both = applyBoth(
    store,
    before,
    after,
    (was, is) => (was === is ? '' : `[${was},${is}]`),
    (left, right) => (left === right ? '' : null),
  );
  const ordered = arrange(store, both, MOST_NODES);
  const leads = new Set<Node<string>>();
  for (const node of listNodes(ordered ?? both)) {
    if (node.kind === 'leaf' ? node.value !== '' : node.edges.some(({ to }) => leads.has(to))) leads.add(node);
  }
  const groups = new Map<string, Box[]>();
  let count = 0;
  for (const { box, leaf } of listPaths(ordered ?? both, (node) => leads.has(node))) {
    if (++count > most) return { groups, complete: false };
    const clipped = clip(boxOfPath(box), places);
    if (clipped === null) continue;
    const pair = JSON.stringify(compareAlike(...(JSON.parse(leaf.value) as [Answer, Answer])));
    const group = groups.get(pair);
    if (group) group.push(clipped);
    else groups.set(pair, [clipped]);
  }
  return { groups, complete: true };
}

/** Without places that are none; null: nothing is left. */
function clip(box: Box, { names }: Places): Box | null {
  const last = BigInt(names.length - 1);
  const bounds = {
    in: [{ first: 0n, last }],
    out: [{ first: 1n, last }],
    own: [
      { first: 0n, last },
      { first: BigInt(NOWHERE), last: BigInt(NOWHERE) },
    ],
  };
  let clipped = box;
  for (const field of ['in', 'out', 'own'] as const) {
    const asked = box[field];
    if (!asked) continue;
    const ranges = bounds[field].flatMap((bound) =>
      asked.flatMap(({ first, last: end }) => {
        const from = first > bound.first ? first : bound.first;
        const until = end < bound.last ? end : bound.last;
        return from <= until ? [{ first: from, last: until }] : [];
      }),
    );
    if (ranges.length === 0) return null;
    const whole = JSON.stringify(ranges, text) === JSON.stringify(bounds[field], text);
    const { [field]: _, ...others } = clipped;
    clipped = whole ? (others as Box) : { ...clipped, [field]: ranges };
  }
  return clipped;
}
const text = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}` : value);

export function classify(was: Answer, is: Answer): Change {
  if ((was.fate === 'allowed') !== (is.fate === 'allowed')) return is.fate === 'allowed' ? 'opens' : 'closes';
  if (was.fate !== is.fate) return 'refuses';
  if (was.to?.key !== is.to?.key || was.as?.key !== is.as?.key || was.behaviour !== is.behaviour) return 'translates';
  return was.limits !== is.limits ? 'limits' : 'logs';
}
