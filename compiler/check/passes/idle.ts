/** What a file says and never uses: names, empty sets, hosts that live nowhere. */
import { containsAddress, formatRange, isEmpty, unite } from '../../addresses.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import type { ThingKind } from '../names.ts';

/** Interfaces and networks matter by being there: a source that lives elsewhere is forged. */
const MAY_BE_UNUSED: ReadonlySet<ThingKind> = new Set(['zone', 'host', 'set', 'service']);

export function warnOfUnused(context: Context): void {
  for (const { kind, name } of context.names.things.values()) {
    const set = kind === 'set' ? context.addresses.get(name.text) : null;
    if (set != null && isEmpty(set)) context.report.add(CODES.emptySet, name.span, { name: name.text });
    if (!MAY_BE_UNUSED.has(kind) || context.names.used.has(name.text)) continue;
    context.report.add(CODES.unused, name.span, { what: kind, name: name.text });
  }
}

export function warnOfHosts(context: Context): void {
  const inhabited = unite(context.networks.map(({ addresses }) => addresses));
  for (const thing of context.names.things.values()) {
    if (thing.kind !== 'host') continue;
    for (const { address, in: network } of thing.addresses) {
      if (network !== null || containsAddress(inhabited, address.family, address.first)) continue;
      const text = formatRange(address.family, address.first, address.last);
      context.report.add(CODES.hostInNoNetwork, address.span, { name: thing.name.text, address: text });
    }
  }
}
