/** Redirects that let nobody in: the gateway's own lines come first. */
import type { Redirect } from '../../model.ts';
import { type Box, boxesOf, type Extent, intersectBox } from '../boxes.ts';
import type { Context } from '../context.ts';
import { boxesOfGateway, elsewhereBoxes, lookAt, ownedBoxes, type Ways } from '../journey.ts';
import { ANYONE } from '../resolve/sides.ts';
import { reportTaken, type Search } from '../taken.ts';

export function warnOfDeafRedirects(context: Context, ways: Ways, indexes: Pick<Search, 'before' | 'lines'>): void {
  const allowed = context.redirects.map(({ allowFrom }) => ({ services: [], from: allowFrom, to: ANYONE }));
  const sight = lookAt(context, ways, allowed);
  if (sight === null) return;
  const search: Search = { context, ways, sight, rules: [], ...indexes };
  for (const { box, by } of elsewhereBoxes(context, ways, sight)) search.before.enter(box, by);
  for (const { box, by } of boxesOfGateway(context, sight)) search.before.enter(box, by);
  for (const redirect of context.redirects) warnOf(search, redirect);
}

/** Each of its lines by itself; of all together just the list of those whom it lets in. */
function warnOf(search: Search, redirect: Redirect): void {
  const named = { services: [], from: redirect.allowFrom, to: ANYONE };
  const { ins, outs } = search.sight;
  const reach = (listens: Redirect['listens'], extent: Extent): Box[] => {
    const senders = boxesOf(named, ins, outs, extent);
    return ownedBoxes(redirect, listens, search.sight).flatMap((box) =>
      senders.flatMap((sender) => intersectBox(box, sender) ?? []),
    );
  };
  const now = { tables: search.context.tables };
  const taken = (listens: Redirect['listens']) => search.before.takersOf(reach(listens, 'most'));
  const all = taken(redirect.listens);
  if (all !== null) {
    reportTaken(search, redirect.allowSpan, named, all, reach(redirect.listens, now), 'nobody is let in by this list');
    return;
  }
  for (const [span, listens] of Map.groupBy(redirect.listens, ({ span }) => span)) {
    const takers = redirect.listens.length === listens.length ? null : taken(listens);
    if (takers !== null && takers.size > 0) reportTaken(search, span, named, takers, reach(listens, now));
  }
}
