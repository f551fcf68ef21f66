import type { AddressLiteral, BlockDecl, MapSide } from '../../../grammar/ast.ts';
import { formatRange, prefixLength } from '../../addresses.ts';
import { findOutside, STAND_INS, writePrefix } from '../../dynamic.ts';
import type { InterfaceId, Prefix } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, giveId } from '../context.ts';
import { askNetwork, lookUp } from '../names.ts';
import { resolveInterfaces } from '../resolve/places.ts';
import { findProperty, reportMissing, takeProperties } from '../resolve/properties.ts';
import { addValue, followingTable } from '../resolve/tables.ts';

/** RFC 6296 section 3.5: the word that keeps the checksum is one of those behind the prefix. */
const LONGEST_V6 = 64;

export function resolveMap(context: Context, block: BlockDecl): void {
  const { name, span } = block;
  const id = giveId(context, 'map', name.text, span);
  const properties = takeProperties(context, block);
  const places = findProperty(properties, 'interface');
  if (places === null) reportMissing(context, block, 'interface', 'interface wan');
  const interfaces = places === null ? null : resolveInterfaces(context, places.names, '`interface`');
  const [insideLine, outsideLine] = (['inside', 'outside'] as const).map((word) => {
    const property = findProperty(properties, word);
    if (property === null) reportMissing(context, block, word, `${word} ${EXAMPLES[word]}`);
    return property?.network ?? null;
  });
  const inside = insideLine == null ? null : resolvePrefix(context, insideLine);
  const common = { id, name: name.text, span };
  if (outsideLine != null && outsideLine.kind !== 'address') {
    const from = findFollowed(context, interfaces, outsideLine);
    if (interfaces === null || inside === null || from === null) return;
    const { family } = inside.literal;
    const follows = { kind: 'outside', interface: from, family, inside: writePrefix(inside.prefix, family) } as const;
    const outside = findOutside(follows, STAND_INS);
    if (outside === null) {
      const what = `a map of ${inside.literal.text} to a prefix that changes is`;
      context.report.add(CODES.notBuilt, inside.literal.span, { what, instead: 'at least /16 in IPv4, /32 in IPv6' });
      return;
    }
    const value = addValue(context, follows, outsideLine.span);
    const table = followingTable(context, `outside of ${name.text}`, follows, outsideLine.span);
    context.maps.push({ ...common, interfaces, family, inside: inside.prefix, outside, follows: { value, table } });
    return;
  }
  const outside = outsideLine == null ? null : resolvePrefix(context, outsideLine);
  if (interfaces === null || inside === null || outside === null) return;
  if (!doFit(context, block, inside, outside)) return;
  const { family } = inside.literal;
  const sides = { inside: inside.prefix, outside: outside.prefix };
  context.maps.push({ ...common, interfaces, family, ...sides, follows: null });
}

/** `outside dynamic`: the interface of the map; a name: that of the network. null: a mistake, which is reported. */
function findFollowed(
  context: Context,
  interfaces: readonly InterfaceId[] | null,
  network: Exclude<MapSide, AddressLiteral>,
): InterfaceId | null {
  if (network.kind === 'dynamic') {
    if (interfaces !== null && interfaces.length > 1) {
      const parameters = {
        what: '`outside dynamic` beyond several interfaces is',
        instead: 'a map for each interface',
      };
      context.report.add(CODES.notBuilt, network.span, parameters);
      return null;
    }
    return interfaces?.[0] ?? null;
  }
  const thing = lookUp(context.names, context.report, network.name, askNetwork('`outside`'));
  if (thing?.kind !== 'network') return null;
  if (thing.prefixes.every(({ kind }) => kind === 'dynamic')) return context.interfaceIds.get(thing.on.text) ?? null;
  const related = [{ span: thing.name.span, message: 'declared here' }];
  context.report.add(CODES.outsideFixed, network.span, { name: network.name.text }, { related });
  return null;
}

const EXAMPLES = { inside: '192.168.1.0/24', outside: '10.1.0.0/24' } as const;

interface Side {
  readonly literal: AddressLiteral;
  readonly prefix: Prefix;
}

/** null: a mistake, which is reported. */
function resolvePrefix(context: Context, network: MapSide): Side | null {
  if (network.kind !== 'address') {
    const what = network.kind === 'dynamic' ? '`dynamic` in a map is' : 'a name in a map is';
    context.report.add(CODES.notBuilt, network.span, { what, instead: 'the prefix itself' });
    return null;
  }
  const { family, first, last, form, text, span } = network;
  const length = form === 'range' ? null : prefixLength(family, first, last);
  if (length === null) {
    context.report.add(CODES.notAPrefix, span, { text });
    return null;
  }
  if (family === 6 && length > LONGEST_V6) {
    context.report.add(CODES.mapTooLong, span, { text });
    return null;
  }
  return { literal: network, prefix: { first, length } };
}

function doFit(context: Context, { name }: BlockDecl, inside: Side, outside: Side): boolean {
  const [a, b] = [inside.literal, outside.literal];
  if (a.family !== b.family) {
    context.report.add(CODES.familiesApart, b.span, { what: '`outside`', is: b.family, other: '`inside`' });
    return false;
  }
  if (inside.prefix.length !== outside.prefix.length) {
    const related = [{ span: a.span, message: 'the other side' }];
    context.report.add(CODES.mapSizes, b.span, { inside: a.text, outside: b.text }, { related });
    return false;
  }
  if (a.first !== b.first) return true;
  const prefix = formatRange(a.family, a.first, a.last);
  context.report.add(CODES.mapOntoItself, b.span, { name: name.text, prefix });
  return false;
}
