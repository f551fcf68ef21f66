import type { Addresses, BlockDecl, Family, Name, Property } from '../../../grammar/ast.ts';
import type { Fix } from '../../../grammar/diagnostic.ts';
import type { Span } from '../../../grammar/span.ts';
import {
  EVERY_ADDRESS,
  formatRange,
  hasFamily,
  intersect,
  isEmpty,
  isWithin,
  onlyFamily,
  PRIVATE_V4,
  unite,
} from '../../addresses.ts';
import type { AddressSet, InterfaceId, Masquerade, Range, Sides } from '../../model.ts';
import { rangesOf } from '../../pairing.ts';
import { CODES } from '../codes.ts';
import { type Context, giveId, interfaceName } from '../context.ts';
import { askAddresses, reportWrongType } from '../names.ts';
import { EVENTS_OF_A_MASQUERADE, resolveLimits, resolveLog } from '../resolve/limits.ts';
import { resolveInterfaces } from '../resolve/places.ts';
import { findProperty, isMissing, limitsOf, reportMissing, takeProperties } from '../resolve/properties.ts';
import { networksOn } from '../resolve/rules.ts';
import { resolveAddresses, resolveSenders } from '../resolve/sides.ts';
import { refuseNamesTwice } from '../resolve/twice.ts';
import { didYouMean, listWords } from '../words.ts';
import { insertLine } from './policies.ts';

export function resolveMasquerade(context: Context, block: BlockDecl): void {
  const { name, span } = block;
  const id = giveId(context, 'masquerade', name.text, span);
  const properties = takeProperties(context, block);
  const log = resolveLog(context, findProperty(properties, 'log')?.log ?? null, EVENTS_OF_A_MASQUERADE);
  const limits = resolveLimits(context, limitsOf(block), 'masquerade');

  const from = findProperty(properties, 'from');
  if (from === null) reportMissing(context, block, 'from', 'from home');
  const families = resolveFamilies(context, findProperty(properties, 'family'));
  const senders = from === null ? null : resolveHidden(context, block, from.addresses, families);
  const hidden = senders?.hidden ?? null;

  const names = findProperty(properties, 'interface')?.names ?? null;
  if (names === null) refuseEverywhere(context, block, hidden);
  const interfaces = names === null ? null : resolveInterfaces(context, names, '`interface`');

  const address = findProperty(properties, 'address');
  const outside = address === null ? null : resolveOutside(context, address.addresses, families);
  const ports = findProperty(properties, 'ports');
  const share = findProperty(properties, 'share');
  const behaviour = resolveBehaviour(context, properties);
  if (senders === null || interfaces === null || outside === 'wrong') return;
  if (share !== null && !canCount(context, share, senders.sides, families)) return;
  context.masqueradeDrafts.push({
    id,
    name: name.text,
    from: senders.sides,
    hidden: senders.hidden,
    interfaces,
    families,
    addresses: outside,
    ports: ports?.ports ?? null,
    choice: resolveOne(context, '`ports`', ports?.choice ?? null, CHOICES) ?? 'keep',
    refresh: resolveWord(context, findProperty(properties, 'refresh'), REFRESHES) ?? 'both',
    share: share?.count.value ?? null,
    shareSpan: share?.span ?? null,
    ...behaviour,
    limits,
    log,
    span,
  });
}

const FAMILIES = ['ipv4', 'ipv6'] as const;

/** IPv4, unless it says more. A word that is wrong is reported. */
function resolveFamilies(context: Context, property: Extract<Property, { kind: 'family' }> | null): readonly Family[] {
  if (property === null) return [4];
  refuseNamesTwice(context, property.words);
  const found = new Set<Family>();
  for (const { text, span } of property.words) {
    const known = FAMILIES.find((word) => word === text);
    if (known === undefined) {
      const parameters = { word: text, by: '`family`', words: '`ipv4` or `ipv6`' };
      context.report.add(CODES.unknownWord, span, parameters, { fixes: didYouMean(text, span, FAMILIES) });
    } else found.add(known === 'ipv4' ? 4 : 6);
  }
  return found.size === 0 ? [4] : [...found].sort();
}

/** Blocks of ports are counted off: the sources must be known one by one. */
function canCount(
  context: Context,
  { count, span }: Extract<Property, { kind: 'share' }>,
  { include, except }: Sides,
  families: readonly Family[],
): boolean {
  if (count.value < 1 || count.value > 65535) {
    const bounds = { what: 'the number of ports of a source', low: '1', high: '65,535' };
    context.report.add(CODES.outOfRange, count.span, bounds);
    return false;
  }
  const changing = include.tables.length > 0 || (except?.tables.length ?? 0) > 0;
  if (!changing && !families.includes(6)) return true;
  const why = changing ? 'the sources of `from` may change while the gateway runs' : 'IPv6 has more sources than ports';
  context.report.add(CODES.shareUncountable, span, { why });
  return false;
}

/** RFC 6056: the source's own port where it is free, or one that nobody can foretell. */
const CHOICES = ['keep', 'random'] as const;
/** RFC 4787 REQ-6: what the inside sends keeps a mapping alive always; what comes from outside is a setting. */
const REFRESHES = ['outbound', 'both'] as const;
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
  property: Extract<Property, { kind: 'mapping' | 'filtering' | 'refresh' | 'balance' }> | null,
  words: readonly W[],
): W | null {
  return property === null ? null : resolveOne(context, `\`${property.kind}\``, property.word, words);
}

/** `name` as one of the words; null: there is none, or another, which is reported. `by`: what it belongs to. */
function resolveOne<W extends string>(context: Context, by: string, name: Name | null, words: readonly W[]): W | null {
  if (name === null) return null;
  const { text, span } = name;
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const parameters = {
    word: text,
    by,
    words: listWords(
      words.map((word) => `\`${word}\``),
      4,
      'or',
    ),
  };
  context.report.add(CODES.unknownWord, span, parameters, { fixes: didYouMean(text, span, words) });
  return null;
}

/** `from`, and its addresses of these families; null: a mistake, which is reported. */
function resolveHidden(
  context: Context,
  block: BlockDecl,
  from: Addresses,
  families: readonly Family[],
): { readonly sides: Sides; readonly hidden: AddressSet } | null {
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
  const senders = resolveSenders(context, from, '`from` in a masquerade');
  if (senders === null) return null;
  const { sides, all } = senders;
  const missing = families.find((family) => !hasFamily(all, family));
  if (missing !== undefined && !isEmpty(all)) {
    const parameters = { what: 'what the masquerade translates', is: missing, other: '`from`' };
    context.report.add(CODES.familiesApart, from.span, parameters);
    return null;
  }
  const hidden = pickFamilies(all, families);
  if (families.some((family) => isWithin(onlyFamily(EVERY_ADDRESS, family), hidden))) {
    context.report.add(CODES.masqueradeFromAny, from.span, { name: block.name.text, written: 'every address' });
    return null;
  }
  const include = { ...sides.include, addresses: pickFamilies(sides.include.addresses, families) };
  return { sides: { include, except: sides.except }, hidden };
}

function pickFamilies(set: AddressSet, families: readonly Family[]): AddressSet {
  return unite(families.map((family) => onlyFamily(set, family)));
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

/** The outside addresses, some of each family. */
function resolveOutside(context: Context, addresses: Addresses, families: readonly Family[]): AddressSet | 'wrong' {
  const set = resolveAddresses(context, addresses, '`address` in a masquerade');
  if (set === null) return 'wrong';
  const missing = families.find((family) => !hasFamily(set, family));
  if (missing === undefined) return pickFamilies(set, families);
  const parameters = { what: 'what the masquerade translates', is: missing, other: '`address`' };
  context.report.add(CODES.familiesApart, addresses.span, parameters);
  return 'wrong';
}

/** Two masqueradings of one source on one interface: which of them hides it must not depend on their order. */
export function refuseOverlappingMasquerades(context: Context): void {
  const said = new Set<string>();
  for (const family of [4, 6] as const) refuseOverlaps(context, family, said);
}

function refuseOverlaps(context: Context, family: Family, said: Set<string>): void {
  const byInterface = new Map<InterfaceId, Placed[]>();
  for (const draft of context.masqueradeDrafts) {
    for (const id of draft.interfaces) {
      const ranges = byInterface.get(id) ?? [];
      for (const range of rangesOf(draft.hidden, family)) ranges.push({ ...range, family, draft });
      byInterface.set(id, ranges);
    }
  }
  for (const [id, ranges] of byInterface) {
    ranges.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
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

type Placed = Range<bigint> & { readonly family: Family; readonly draft: Pick<Masquerade, 'name' | 'span'> };

function reportOverlap(context: Context, id: InterfaceId, a: Placed, b: Placed, said: Set<string>): void {
  const [early, late] = a.draft.span.start <= b.draft.span.start ? [a.draft, b.draft] : [b.draft, a.draft];
  const key = JSON.stringify([early.name, late.name]);
  if (said.has(key)) return;
  said.add(key);
  const parameters = {
    name: late.name,
    other: early.name,
    addresses: formatRange(a.family, a.first > b.first ? a.first : b.first, a.last < b.last ? a.last : b.last),
    interface: interfaceName(context, id),
  };
  context.report.add(CODES.masqueradesOverlap, late.span, parameters, {
    related: [{ span: early.span, message: 'the other masquerade' }],
  });
}
