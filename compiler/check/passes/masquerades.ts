import type { Addresses, BlockDecl, Property } from '../../../grammar/ast.ts';
import type { Fix } from '../../../grammar/diagnostic.ts';
import type { Span } from '../../../grammar/span.ts';
import {
  containsAddress,
  formatSet,
  intersect,
  isEmpty,
  LAST_V4,
  NO_ADDRESS,
  onlyFamily,
  PRIVATE_V4,
} from '../../addresses.ts';
import type { AddressSet, InterfaceId, Masquerade, Range } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, giveId, interfaceName } from '../context.ts';
import { askAddresses, reportWrongType } from '../names.ts';
import { EVENTS_OF_A_MASQUERADE, resolveLimits, resolveLog } from '../resolve/limits.ts';
import { resolveInterfaces } from '../resolve/places.ts';
import { findProperty, isMissing, limitsOf, reportMissing, takeProperties } from '../resolve/properties.ts';
import { networksOn, noteLog } from '../resolve/rules.ts';
import { resolveAddresses } from '../resolve/sides.ts';
import { didYouMean, listWords } from '../words.ts';
import { insertLine } from './policies.ts';

export function resolveMasquerade(context: Context, block: BlockDecl): void {
  const { name, span } = block;
  const id = giveId(context, 'masquerade', name.text, span);
  const properties = takeProperties(context, block);
  const logged = findProperty(properties, 'log')?.log ?? null;
  const log = resolveLog(context, logged, EVENTS_OF_A_MASQUERADE);
  noteLog(context, logged);
  const limits = resolveLimits(context, limitsOf(block));

  const from = findProperty(properties, 'from');
  if (from === null) reportMissing(context, block, 'from', 'from home');
  const hidden = from === null ? null : resolveHidden(context, block, from.addresses);

  const names = findProperty(properties, 'interface')?.names ?? null;
  if (names === null) refuseEverywhere(context, block, hidden);
  const interfaces = names === null ? null : resolveInterfaces(context, names, '`interface`');

  const address = findProperty(properties, 'address');
  const outside = address === null ? null : resolveOutside(context, address.addresses);
  const ports = findProperty(properties, 'ports')?.ports ?? null;
  const behaviour = resolveBehaviour(context, properties);
  if (hidden === null || interfaces === null) return;
  context.masqueradeDrafts.push({
    id,
    name: name.text,
    from: { include: { any: false, interfaces: [], addresses: hidden, tables: [], own: [] }, except: null },
    hidden,
    interfaces,
    addresses: outside,
    ports,
    ...behaviour,
    limits,
    log,
    span,
  });
}

const MAPPINGS = ['endpoint-independent', 'address-and-port-dependent'] as const;
const FILTERINGS = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent'] as const;

/** RFC 4787: endpoint-independent mapping is REQ-1, address-dependent filtering is what REQ-8 advises where safety counts. */
function resolveBehaviour(
  context: Context,
  properties: readonly Property[],
): Pick<Masquerade, 'mapping' | 'filtering'> {
  const mapping = resolveWord(context, findProperty(properties, 'mapping'), MAPPINGS) ?? 'endpoint-independent';
  const property = findProperty(properties, 'filtering');
  const filtering = resolveWord(context, property, FILTERINGS);
  if (mapping === 'endpoint-independent') return { mapping, filtering: filtering ?? 'address-dependent' };
  if (property !== null && filtering !== null && filtering !== mapping) {
    context.report.add(CODES.filteringWithoutMapping, property.span, { filtering });
  }
  return { mapping, filtering: mapping };
}

function resolveWord<W extends string>(
  context: Context,
  property: Extract<Property, { kind: 'mapping' | 'filtering' | 'balance' }> | null,
  words: readonly W[],
): W | null {
  if (property === null) return null;
  const { text, span } = property.word;
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const parameters = {
    word: text,
    by: `\`${property.kind}\``,
    words: listWords(
      words.map((word) => `\`${word}\``),
      4,
      'or',
    ),
  };
  context.report.add(CODES.unknownWord, span, parameters, { fixes: didYouMean(text, span, words) });
  return null;
}

/** The IPv4 addresses of `from`; null: a mistake, which is reported. */
function resolveHidden(context: Context, block: BlockDecl, from: Addresses): AddressSet | null {
  let sound = true;
  for (const item of from.items) {
    const thing = item.kind === 'name' ? context.names.things.get(item.name.text) : undefined;
    if (item.kind === 'any') {
      context.report.add(
        CODES.masqueradeFromAny,
        item.span,
        { name: block.name.text, written: '`any`' },
        {
          fixes: innerNetworks(context, item.span),
        },
      );
      sound = false;
    } else if (item.kind === 'name' && (thing?.kind === 'interface' || thing?.kind === 'zone')) {
      context.names.used.add(item.name.text);
      const asked = { ...askAddresses('`from` in a masquerade'), words: 'addresses' };
      const is = `${thing.kind === 'zone' ? 'a zone' : 'an interface'}, a place`;
      reportWrongType(
        context.names,
        context.report,
        item.span,
        `\`${item.name.text}\``,
        is,
        asked,
        thing.name.span,
        networksOn(context, item.name.text, item.span),
      );
      sound = false;
    }
  }
  if (!sound) return null;
  const set = resolveAddresses(context, from, '`from` in a masquerade');
  if (set === null) return null;
  if (set.v4.length === 0 && set.v6.length > 0) {
    const parameters = { what: 'what a masquerade translates', is: 4 as const, other: '`from`' };
    context.report.add(CODES.familiesApart, from.span, parameters);
    return null;
  }
  const hidden = onlyFamily(set, 4);
  if (containsAddress(hidden, 4, 0n) && containsAddress(hidden, 4, BigInt(LAST_V4)) && hidden.v4.length === 1) {
    context.report.add(CODES.masqueradeFromAny, from.span, { name: block.name.text, written: 'every address' });
    return null;
  }
  return hidden;
}

/** The fix that names the networks with private addresses. */
function innerNetworks(context: Context, span: Span): readonly Fix[] {
  const inner = context.networks.filter(({ addresses }) => !isEmpty(intersect(addresses, PRIVATE_V4)));
  const names = inner.map(({ name }) => name).join(', ');
  return names === '' ? [] : [{ title: `the inner networks: ${names}`, span, replacement: names }];
}

/** No `interface`: what crosses between the inner networks would be masqueraded too. The article's great confusion. */
function refuseEverywhere(context: Context, block: BlockDecl, hidden: AddressSet | null): void {
  if (!isMissing(context, block, 'interface')) return;
  const inner = new Set(context.networks.map((network) => network.interface));
  const covered = new Set<InterfaceId>();
  for (const network of context.networks) {
    if (hidden !== null && !isEmpty(intersect(network.addresses, hidden))) covered.add(network.interface);
  }
  const between = describeInner(context, [...(covered.size > 1 ? covered : new Set([...covered, ...inner]))]);
  const outer = context.interfaces.filter(({ id }) => !inner.has(id));
  const fixes =
    outer.length === 0 ? [] : [insertLine(context, block.end, `interface ${outer.map(({ name }) => name).join(', ')}`)];
  context.report.add(CODES.masqueradeWithoutInterface, block.name.span, { name: block.name.text, between }, { fixes });
}

function describeInner(context: Context, inner: readonly InterfaceId[]): string {
  const described = inner.map((id) => {
    const networks = context.networks.filter((network) => network.interface === id).map(({ name }) => name);
    return networks.length === 0
      ? interfaceName(context, id)
      : `${interfaceName(context, id)} (${networks.join(', ')})`;
  });
  if (described.length > 1) return `traffic between ${listWords(described)}`;
  if (described.length === 1) return `all that comes from ${described[0]}, wherever it goes,`;
  return 'traffic between inner networks';
}

/** The outside addresses, one range of IPv4. null: the interface's own, or a mistake, which is reported. */
function resolveOutside(context: Context, addresses: Addresses): readonly Range<number>[] | null {
  const set = resolveAddresses(context, addresses, '`address` in a masquerade') ?? NO_ADDRESS;
  if (set.v4.length === 0 && set.v6.length > 0) {
    const parameters = { what: 'what a masquerade translates', is: 4 as const, other: '`address`' };
    context.report.add(CODES.familiesApart, addresses.span, parameters);
  }
  if (set.v4.length > 1) {
    const parameters = {
      what: 'a masquerade with several ranges of addresses is',
      instead: 'one address or one range',
    };
    context.report.add(CODES.notBuilt, addresses.span, parameters);
  }
  return set.v4.length === 0 ? null : set.v4;
}

/** Two masqueradings of one source on one interface: which of them hides it must not depend on their order. */
export function refuseOverlappingMasquerades(context: Context): void {
  const byInterface = new Map<InterfaceId, (Range<number> & { draft: Pick<Masquerade, 'name' | 'span'> })[]>();
  for (const draft of context.masqueradeDrafts) {
    for (const id of draft.interfaces) {
      const ranges = byInterface.get(id) ?? [];
      for (const range of draft.hidden.v4) ranges.push({ ...range, draft });
      byInterface.set(id, ranges);
    }
  }
  const said = new Set<string>();
  for (const [id, ranges] of byInterface) {
    ranges.sort((a, b) => a.first - b.first);
    let furthest = ranges[0];
    for (const range of ranges.slice(1)) {
      if (furthest === undefined) break;
      if (range.first <= furthest.last && range.draft !== furthest.draft) {
        reportOverlap(context, id, furthest, range, said);
      }
      if (range.last > furthest.last) furthest = range;
    }
  }
}

type Placed = Range<number> & { readonly draft: Pick<Masquerade, 'name' | 'span'> };

function reportOverlap(context: Context, id: InterfaceId, a: Placed, b: Placed, said: Set<string>): void {
  const [early, late] = a.draft.span.start <= b.draft.span.start ? [a.draft, b.draft] : [b.draft, a.draft];
  const key = JSON.stringify([early.name, late.name]);
  if (said.has(key)) return;
  said.add(key);
  const common = { v4: [{ first: Math.max(a.first, b.first), last: Math.min(a.last, b.last) }], v6: [] };
  const parameters = {
    name: late.name,
    other: early.name,
    addresses: formatSet(common),
    interface: interfaceName(context, id),
  };
  context.report.add(CODES.masqueradesOverlap, late.span, parameters, {
    related: [{ span: early.span, message: 'the other masquerade' }],
  });
}
