/** The outside ports of masquerades: those that are given must not be listened for, others are chosen. */
import { intersect, isEmpty } from '../../addresses.ts';
import type { Listen, Masquerade, Range } from '../../model.ts';
import { countAddresses } from '../../pairing.ts';
import { blocksOf, isShared, outsideCount, sourcesOf } from '../../share.ts';
import { CODES } from '../codes.ts';
import type { Context, MasqueradeDraft } from '../context.ts';
import { formatPorts, formatService } from '../resolve/services.ts';

/**
 * Where a masquerade gives no `ports`: below the default ephemeral range, so that the gateway's own sockets can't meet
 * it, and above (Linux: 32768-60999). The larger part that no redirect listens in is taken, the lower one first.
 */
const FREE_OF_SOCKETS: readonly Range<number>[] = [
  { first: 1024, last: 32767 },
  { first: 61000, last: 65535 },
];

export function choosePools(context: Context): void {
  for (const draft of context.masqueradeDrafts) {
    const listened = listensOn(context, draft);
    const { hidden: _, shareSpan: __, ports: given, ...masquerade } = draft;
    if (given === null) {
      const ports = largestGap(listened.map(({ listen }) => listen.service.ports as Range<number>));
      if (ports === null) context.report.add(CODES.noPool, draft.span, { name: draft.name });
      else takePool(context, { ...masquerade, ports }, draft);
      continue;
    }
    takePool(context, { ...masquerade, ports: { first: given.first, last: given.last } }, draft);
    const said = new Set<number>();
    for (const { listen } of listened) {
      const { ports } = listen.service;
      if (ports === null || ports.last < given.first || ports.first > given.last || said.has(listen.span.start))
        continue;
      said.add(listen.span.start);
      const parameters = {
        ports: `\`${formatService(listen.service)}\``,
        pool: formatPorts(given),
        masquerade: draft.name,
      };
      context.report.add(CODES.listenInPool, listen.span, parameters, {
        related: [{ span: given.span, message: 'the ports of the masquerade' }],
      });
    }
  }
}

/** With `share` every source must find a block (RFC 7422). */
function takePool(context: Context, masquerade: Masquerade, { shareSpan, ports }: MasqueradeDraft): void {
  context.masquerades.push(masquerade);
  if (shareSpan === null || !isShared(masquerade)) return;
  const sources = countAddresses(sourcesOf(masquerade));
  const addresses = outsideCount(masquerade);
  const blocks = addresses * blocksOf(masquerade);
  if (sources <= blocks) return;
  const { first, last } = masquerade.ports;
  const parameters = {
    share: masquerade.share,
    sources,
    addresses,
    ports: formatPorts(masquerade.ports),
    count: last - first + 1,
    blocks,
    most: mostEach(sources, addresses, last - first + 1),
  };
  const related = ports === null ? [] : [{ span: ports.span, message: 'the ports that are shared' }];
  context.report.add(CODES.shareTooSmall, shareSpan, parameters, { related });
}

/** The largest share that so many sources can have; 0: none. */
function mostEach(sources: number, addresses: number, ports: number): number {
  const each = Math.ceil(sources / addresses);
  return Math.floor(ports / each);
}

/** The listens with ports whose address could be one that the masquerade takes on its interfaces. */
function listensOn(
  context: Context,
  { interfaces, addresses: outside, families }: MasqueradeDraft,
): { listen: Listen }[] {
  const found = [];
  for (const redirect of context.redirects) {
    if (!redirect.interfaces.some((id) => interfaces.includes(id))) continue;
    const { addresses } = redirect;
    if (outside !== null && addresses !== null && isEmpty(intersect(addresses, outside))) continue;
    for (const listen of redirect.listens) {
      const meets = listen.target.kind === 'address' && families.includes(listen.target.family);
      if (meets && listen.service.ports !== null) found.push({ listen });
    }
  }
  return found;
}

function largestGap(listened: readonly Range<number>[]): Range<number> | null {
  const sorted = [...listened].sort((a, b) => a.first - b.first);
  let best: Range<number> | null = null;
  for (const area of FREE_OF_SOCKETS) {
    let from = area.first;
    const offer = (last: number) => {
      if (last >= from && (best === null || last - from > best.last - best.first)) best = { first: from, last };
    };
    for (const { first, last } of sorted) {
      if (first > area.last) break;
      offer(Math.min(first - 1, area.last));
      from = Math.max(from, last + 1);
    }
    offer(area.last);
  }
  return best;
}
