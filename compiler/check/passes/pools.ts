/** The outside ports of masquerades: those that are given must not be listened for, others are chosen. */
import type { InterfaceId, Listen, Range } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
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
    const listened = listensOn(context, draft.interfaces, draft.addresses);
    const { hidden: _, ports: given, ...masquerade } = draft;
    if (given === null) {
      const ports = largestGap(listened.map(({ listen }) => listen.service.ports as Range<number>));
      if (ports === null) context.report.add(CODES.noPool, draft.span, { name: draft.name });
      else context.masquerades.push({ ...masquerade, ports });
      continue;
    }
    context.masquerades.push({ ...masquerade, ports: { first: given.first, last: given.last } });
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

/** The IPv4 listens with ports whose address could be one that a masquerade takes on these interfaces. */
function listensOn(
  context: Context,
  interfaces: readonly InterfaceId[],
  outside: readonly Range<number>[] | null,
): readonly { listen: Listen }[] {
  const found = [];
  for (const redirect of context.redirects) {
    if (!redirect.interfaces.some((id) => interfaces.includes(id))) continue;
    const { addresses } = redirect;
    if (outside !== null && addresses !== null) {
      const apart = addresses.v4.every((a) => outside.every((b) => a.last < b.first || a.first > b.last));
      if (apart) continue;
    }
    for (const listen of redirect.listens) {
      const isV4 = listen.target.kind === 'address' && listen.target.family === 4;
      if (isV4 && listen.service.ports !== null) found.push({ listen });
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
