/**
 * A map and another map, a masquerade or a redirect that could take one packet: which of them does must not depend on
 * their order. Each complaint names such a packet.
 */
import type { Family } from '../../../grammar/ast.ts';
import type { Span } from '../../../grammar/span.ts';
import { formatRange, intersectRanges, LAST_V4, LAST_V6 } from '../../addresses.ts';
import type { AddressMap, AddressSet, InterfaceId, Range, Redirect } from '../../model.ts';
import { rangeOfPrefix, rangesOf } from '../../pairing.ts';
import { CODES } from '../codes.ts';
import { type Context, interfaceName, type MasqueradeDraft } from '../context.ts';
import { formatService } from '../resolve/services.ts';

export function refuseOverlappingMaps(context: Context): void {
  const { maps } = context;
  for (const [i, map] of maps.entries()) {
    for (const other of maps.slice(0, i)) if (other.family === map.family) compareMaps(context, map, other);
    for (const masquerade of context.masqueradeDrafts) compareMasquerade(context, map, masquerade);
    for (const redirect of context.redirects) compareRedirect(context, map, redirect);
  }
}

const insideOf = ({ inside, family }: AddressMap) => [rangeOfPrefix(inside, family)];
const outsideOf = ({ outside, family }: AddressMap) => [rangeOfPrefix(outside, family)];
const firstCommon = (a: readonly Range<bigint>[], b: readonly Range<bigint>[]) => intersectRanges(a, b)[0];
const write = (family: Family, { first, last }: Range<bigint>) => formatRange(family, first, last);

function sharedInterface(a: readonly InterfaceId[], b: readonly InterfaceId[]): InterfaceId | undefined {
  return a.find((id) => b.includes(id));
}

function compareMaps(context: Context, map: AddressMap, other: AddressMap): void {
  const { family, name } = map;
  const named = `the map \`${other.name}\``;
  const on = sharedInterface(map.interfaces, other.interfaces);
  const sent = on === undefined ? undefined : firstCommon(insideOf(map), insideOf(other));
  const came = firstCommon(outsideOf(map), outsideOf(other));
  if (sent !== undefined && on !== undefined) {
    const packet = `a packet from ${write(family, sent)} out by ${interfaceName(context, on)}`;
    report(context, map, { packet, name, other: named, mend: '`inside` networks that do not meet' }, other.span);
  } else if (came !== undefined) {
    const packet = `a packet to ${write(family, came)}`;
    report(context, map, { packet, name, other: named, mend: '`outside` networks that do not meet' }, other.span);
  }
}

function compareMasquerade(context: Context, map: AddressMap, masquerade: MasqueradeDraft): void {
  const { family, name } = map;
  if (!masquerade.families.includes(family)) return;
  const other = `the masquerade \`${masquerade.name}\``;
  const on = sharedInterface(map.interfaces, masquerade.interfaces);
  const sent = on === undefined ? undefined : firstCommon(insideOf(map), rangesOf(masquerade.hidden, family));
  const taken = masquerade.addresses;
  const came = taken === null ? undefined : firstCommon(outsideOf(map), rangesOf(taken, family));
  if (sent !== undefined && on !== undefined) {
    const packet = `a packet from ${write(family, sent)} out by ${interfaceName(context, on)}`;
    const mend = `\`except ${writeInside(map)}\` in \`from\` of the masquerade`;
    report(context, map, { packet, name, other, mend }, masquerade.span);
  } else if (came !== undefined) {
    const packet = `a packet to ${write(family, came)}`;
    report(context, map, { packet, name, other, mend: '`address` without the addresses of the map' }, masquerade.span);
  }
}

const writeInside = ({ family, inside }: AddressMap) => write(family, rangeOfPrefix(inside, family));

/** A redirect at the own address of an interface of the map may listen at an address of the map. */
function compareRedirect(context: Context, map: AddressMap, redirect: Redirect): void {
  const { family, name } = map;
  const listen = redirect.listens.find(({ target }) => target.kind !== 'address' || target.family === family);
  if (listen === undefined) return;
  const { addresses } = redirect;
  const own = addresses === null ? sharedInterface(map.interfaces, redirect.interfaces) : undefined;
  const came = addresses === null ? undefined : firstCommon(outsideOf(map), rangesOf(addresses, family));
  if (own === undefined && came === undefined) return;
  const what = formatService(listen.service);
  const outside = write(family, rangeOfPrefix(map.outside, family));
  const by =
    addresses !== null && isEverything(addresses, family) ? interfaceName(context, redirect.interfaces[0] ?? 0) : null;
  const to =
    came === undefined
      ? `the address of ${interfaceName(context, own ?? 0)}, which may be in ${outside},`
      : write(family, came);
  const packet = `${what} to ${to}${by === null ? '' : ` that comes in by ${by}`}`;
  const mend =
    came === undefined
      ? '`address` in the redirect, with one that the map does not have'
      : '`address` in the redirect without those of the map, or a map without them';
  report(context, map, { packet, name, other: `the redirect \`${redirect.name}\``, mend }, listen.span);
}

function isEverything(set: AddressSet, family: Family): boolean {
  const [only] = rangesOf(set, family);
  return only?.first === 0n && only.last === (family === 4 ? BigInt(LAST_V4) : LAST_V6);
}

function report(
  context: Context,
  map: AddressMap,
  parameters: { readonly packet: string; readonly name: string; readonly other: string; readonly mend: string },
  other: Span,
): void {
  context.report.add(CODES.mapsOverlap, map.span, parameters, { related: [{ span: other, message: 'the other' }] });
}
