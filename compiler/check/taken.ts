/** What is said of packets that others take: by whom, with a packet that shows it. */
import type { Related } from '../../grammar/diagnostic.ts';
import type { Span } from '../../grammar/span.ts';
import { containsAddress, intersectRanges } from '../addresses.ts';
import type { Rule } from '../model.ts';
import { setOfPrefix } from '../pairing.ts';
import type { BoxIndex } from './box-index.ts';
import { type Box, boxesOf, type Named, type Point, rangesOf, servicesOf, subtractBox } from './boxes.ts';
import { CODES } from './codes.ts';
import { type Context, interfaceName } from './context.ts';
import { FAMILIES, type Sight, type Taker, type Ways } from './journey.ts';
import { findWitness, type Witness } from './witness.ts';

/** The lines of a block; `before`: what takes packets before they come to it; `lines`: those above the one at hand. */
export interface Search {
  readonly context: Context;
  readonly ways: Ways;
  readonly sight: Sight;
  readonly rules: readonly Rule[];
  readonly before: BoxIndex<Taker>;
  readonly lines: BoxIndex<Taker>;
}
export type Takers = ReadonlySet<Taker>;

/** `named`: what the sentence at `span` speaks of, all of which the `takers` take. */
export function reportTaken(
  search: Search,
  span: Span,
  named: Named,
  takers: Takers,
  boxes = boxesNow(search, named),
  what = 'this line never decides',
): void {
  const { report } = search.context;
  const kinds = new Set([...takers].map(({ kind }) => kind));
  if (kinds.size === 0) {
    report.add(CODES.neverReached, span, { why: 'no packet that comes here is what it names' });
  } else if (kinds.size === 1 && kinds.has('elsewhere')) reportElsewhere(search, span, boxes, what);
  else {
    const related = relate(search, takers, boxes);
    const why = `${nameTakers(takers)} all of its packets`;
    const before = kinds.has('gateway') || kinds.has('redirect') || kinds.has('map');
    if (before) report.add(CODES.takenBefore, span, { what, why, mend: mendOf(kinds) }, { related });
    else report.add(CODES.neverReached, span, { why }, { related });
  }
}

/** `text`: one of the things that a line lists. */
export function reportPart(search: Search, span: Span, text: string, named: Named, takers: Takers): void {
  const related = relate(search, takers, boxesNow(search, named));
  const why = `${nameTakers(takers)} all of its packets`;
  search.context.report.add(CODES.partNeverReached, span, { text, why }, { related });
}

/** With the addresses that tables hold today. */
function boxesNow({ context, sight }: Search, named: Named): Box[] {
  const filled = context.tables;
  return boxesOf(named, sight.ins, sight.outs, { tables: filled });
}

function reportElsewhere({ context, ways, sight }: Search, span: Span, boxes: readonly Box[], what: string): void {
  const living = context.networks.filter(({ addresses }) =>
    FAMILIES.some((family) =>
      boxes.some((box) => box.family === family && intersectRanges(box.from, rangesOf(addresses, family)).length > 0),
    ),
  );
  const names = (ids: readonly number[]) => [...new Set(ids)].map((id) => interfaceName(context, id)).join(', ');
  const parameters = { what, there: names(living.map((one) => one.interface)), here: names(ways.from) };
  const witness = findWitness(context, boxes, ways, sight);
  const forged = witness === null ? '' : `: ${witness.text} is forged`;
  const related = living.slice(0, 3).map(({ span, name }) => ({ span, message: `${name} lives there${forged}` }));
  context.report.add(CODES.livesElsewhere, span, parameters, { related });
}

/** "a line above takes", "the redirect `www` and lines above take" */
export function nameTakers(takers: Takers): string {
  const lines = [...takers].filter(({ kind }) => kind === 'line').length;
  const gateway = [...takers].filter(({ kind }) => kind === 'gateway').length;
  const names = new Set<string>();
  if (gateway > 0) names.add(gateway === 1 ? "a line of the gateway's own" : "the gateway's own lines");
  for (const taker of takers) {
    if (taker.kind === 'redirect') names.add(`the redirect \`${taker.redirect.name}\``);
    if (taker.kind === 'map') names.add(`the map \`${taker.map.name}\``);
  }
  if (lines > 0) names.add(lines === 1 ? 'a line above it' : 'lines above it');
  const listed = [...names];
  const last = listed.pop() ?? '';
  const several = listed.length > 0 || gateway > 1 || (gateway === 0 && lines > 1);
  return `${listed.length > 0 ? `${listed.join(', ')} and ` : ''}${last} ${several ? 'take' : 'takes'}`;
}

function mendOf(kinds: ReadonlySet<Taker['kind']>): string {
  if (kinds.has('redirect')) return '`allow from` in the redirect with whom it is for, and no line here';
  if (kinds.has('gateway')) return "less in the gateway's own lines, or no line here";
  return 'the addresses inside, which the map has put in their place';
}

/** The line that takes a packet of the boxes, with the packet; then others that are needed. */
function relate(search: Search, takers: Takers, boxes: readonly Box[]): Related[] {
  const witness = findTaken(search, takers, boxes);
  const others = [...takers].filter((taker) => taker.kind !== 'elsewhere' && taker !== witness?.by);
  const shown = others.map((taker) => ({ span: spanOf(taker, null), message: 'decides first' }));
  if (witness === null) return shown.slice(0, 3);
  const message = `${witness.by.kind === 'map' ? 'sends on' : 'decides'} ${witness.text}${witness.by.kind === 'map' ? '' : ' first'}`;
  return [{ span: spanOf(witness.by, witness), message }, ...shown.slice(0, 2)];
}

const MOST_TRIES = 16;

function findTaken({ context, ways, sight, before, lines }: Search, takers: Takers, boxes: readonly Box[]) {
  let rest = [...boxes];
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const witness = findWitness(context, rest, ways, sight);
    if (witness === null) return null;
    const taker = before.first(witness.packet) ?? lines.first(witness.packet);
    if (taker === null || (taker.by.kind === 'line' && mayBeMapped(context, witness.packet))) return null;
    if (!witness.isPlain && !takesAnyAddress(taker.by)) return null;
    if (taker.by.kind !== 'elsewhere' && takers.has(taker.by)) return { ...witness, by: taker.by };
    rest = rest.flatMap((box) => subtractBox(box, taker.box));
  }
  return null;
}

/** Whether the gateway has the address or not. */
function takesAnyAddress(taker: Taker): boolean {
  if (taker.kind !== 'gateway') return taker.kind === 'redirect' && taker.redirect.addresses !== null;
  const { include, except } = taker.rule.to;
  return include.interfaces.length === 0 && (except === null || except.interfaces.length === 0);
}

/** An inside destination comes here by its outside one, too, which no `expect` for the inside one speaks of. */
function mayBeMapped({ maps }: Context, { family, to }: Point): boolean {
  const insides = maps.filter((map) => map.family === family).map(({ inside }) => setOfPrefix(inside, family));
  return insides.some((set) => containsAddress(set, family, to));
}

function spanOf(taker: Taker, witness: Witness | null): Span {
  switch (taker.kind) {
    case 'line':
    case 'gateway':
      return taker.rule.span;
    case 'map':
      return taker.map.span;
    case 'redirect': {
      const { listens, span } = taker.redirect;
      const heard = listens.find(({ service }) => {
        const found = witness === null ? [] : servicesOf([service], witness.packet.family);
        return found.some(
          ({ first, last }) => witness !== null && first <= witness.packet.services && witness.packet.services <= last,
        );
      });
      return (heard ?? listens[0])?.span ?? span;
    }
    case 'elsewhere':
      throw new TypeError('nobody in particular takes what is forged');
    default:
      return taker satisfies never;
  }
}
