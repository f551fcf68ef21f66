import type { AddressLiteral, BlockDecl, MapSide } from '../../../grammar/ast.ts';
import { formatRange, prefixLength } from '../../addresses.ts';
import type { Prefix } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, giveId } from '../context.ts';
import { resolveInterfaces } from '../resolve/places.ts';
import { findProperty, reportMissing, takeProperties } from '../resolve/properties.ts';

/** RFC 6296 section 3.5: the word that keeps the checksum is one of those behind the prefix. */
const LONGEST_V6 = 64;

export function resolveMap(context: Context, block: BlockDecl): void {
  const { name, span } = block;
  const id = giveId(context, 'map', name.text, span);
  const properties = takeProperties(context, block);
  const places = findProperty(properties, 'interface');
  if (places === null) reportMissing(context, block, 'interface', 'interface wan');
  const interfaces = places === null ? null : resolveInterfaces(context, places.names, '`interface`');
  const [inside, outside] = (['inside', 'outside'] as const).map((word) => {
    const property = findProperty(properties, word);
    if (property === null) reportMissing(context, block, word, `${word} ${EXAMPLES[word]}`);
    return property === null ? null : resolvePrefix(context, property.network);
  });
  if (interfaces === null || inside == null || outside == null) return;
  if (!doFit(context, block, inside, outside)) return;
  const { family } = inside.literal;
  context.maps.push({
    id,
    name: name.text,
    interfaces,
    family,
    inside: inside.prefix,
    outside: outside.prefix,
    span,
  });
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
