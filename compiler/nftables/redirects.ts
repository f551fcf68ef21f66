/** Step 4 of the journey: destinations that redirects own, by the real source, before any policy. And the maps behind them. */
import { writeAddress } from '../../grammar/address.ts';
import type { Listen, Redirect, Service } from '../model.ts';
import { INTERFACES } from './arrival.ts';
import { type Builder, layer } from './builder.ts';
import { gatherLines } from './gather.ts';
import { limitLines } from './limits.ts';
import { mapInLine } from './maps.ts';
import { both, familiesOf, inFamily, type Match, product, writeMatch } from './matches.ts';
import { commentOf } from './names.ts';
import { matchOwn } from './own.ts';
import { always, type Line } from './ruleset.ts';
import { writeSentence } from './sentences.ts';
import { matchServices } from './services.ts';
import { matchAddresses, matchSource, type Position } from './sides.ts';

export function writeRedirects(builder: Builder): void {
  const { redirects, maps, interfaces } = builder.model;
  if (redirects.length + maps.length === 0) return;
  const ids = interfaces.map(({ id }) => id);
  const at: Position = { where: 'prerouting', ins: ids, outs: ids };
  const written = redirects.map((redirect) => ({ redirect, chain: writeRedirect(builder, redirect, at) }));
  const groups = Map.groupBy(written, ({ redirect }) => ownershipOf(redirect));
  const lines = [...groups.values()].flatMap((group) => groupLines(builder, group));
  builder.addChain({
    name: 'redirects',
    says: 'destinations that are translated: asked once a connection',
    hook: 'type nat hook prerouting priority dstnat; policy accept;',
    lines: [always(`iifname != @${INTERFACES} accept`), ...lines, ...maps.map((map) => mapInLine(builder, map))],
  });
}

/** The same for redirects that own the same destinations. */
function ownershipOf({ addresses, interfaces }: Redirect): string {
  const owned = addresses === null ? [] : [...addresses.v4, ...addresses.v6];
  return [interfaces.join(), ...owned.map(({ first, last }) => `${first}-${last}`)].join(' ');
}

interface Written {
  readonly redirect: Redirect;
  readonly chain: string;
}

/** Their destinations are looked for once. */
function groupLines(builder: Builder, group: readonly Written[]): Line[] {
  const [first] = group;
  if (first === undefined) return [];
  const families = familiesOf(group.flatMap(({ redirect }) => redirect.listens.flatMap(matchListen)));
  const owned = matchOwned(builder, first.redirect).filter(
    ({ family }) => family === null || families.includes(family),
  );
  const jumps = group.map(({ chain }) => always(`jump ${chain}`));
  const says = 'redirects of the same addresses';
  const name = group.length === 1 ? first.chain : builder.addSubchain('redirects-together', says, jumps);
  return owned.map((match) => ({ match: writeMatch(match), statement: `jump ${name}`, comment: null }));
}

/** Destinations that it owns. With `address any` it takes only what comes in by its interfaces. */
function matchOwned(builder: Builder, { addresses, interfaces }: Redirect): readonly Match[] {
  const ins = builder.model.interfaces.map(({ id }) => id);
  if (addresses === null) return matchOwn(builder, interfaces, ins);
  const here = inFamily(null, `iifname ${builder.devices(interfaces)}`);
  return matchAddresses(builder, { addresses, tables: [] }, 'daddr').flatMap((match) =>
    match.parts.length === 0 ? (both(match, here) ?? []) : [match],
  );
}

function writeRedirect(builder: Builder, redirect: Redirect, at: Position): string {
  const { name, listens, limits, denyId, allowFrom, log } = redirect;
  const chain = builder.names.give(`redirect-${name}`);
  const origin = builder.originOf(denyId);
  const asked = matchListens(listens);
  const limited = limitLines(builder, { origin, limits, log, chain, families: familiesOf(asked) });
  const shared = limited.length === 0 ? null : builder.addSubchain(`${chain}-limits`, 'of all its lines', limited);
  const before = shared === null ? [] : [always(`jump ${shared}`)];
  const lines = listens.flatMap((listen) => listenLines(builder, { redirect, listen, chain, before, at }));
  const all = allowFrom.include.any && allowFrom.except === null;
  const statements = [always('counter drop', commentOf(origin))];
  const denial = { origin, matches: all ? [] : asked, unless: [], limits: [], families: [], log, statements };
  const denied = writeSentence(builder, `${chain}-denied`, denial, 'denied');
  builder.addChain({
    name: chain,
    says: `redirect ${name}`,
    hook: null,
    lines: [...gatherLines(builder, chain, lines), ...denied],
  });
  return chain;
}

function matchListen({ service, target }: Listen): readonly Match[] {
  return product([inFamily(target.kind === 'address' ? target.family : null)], matchServices([service]));
}

/** Of each family all at once. */
function matchListens(listens: readonly Listen[]): readonly Match[] {
  return ([4, 6] as const).flatMap((family) => {
    const here = listens.filter(({ target }) => target.kind !== 'address' || target.family === family);
    return here.length === 0 ? [] : product([inFamily(family)], matchServices(here.map(({ service }) => service)));
  });
}

interface Listening {
  readonly redirect: Redirect;
  readonly listen: Listen;
  readonly chain: string;
  readonly before: readonly Line[];
  readonly at: Position;
}

function listenLines(builder: Builder, { redirect, listen, chain, before, at }: Listening): Line[] {
  const origin = builder.originOf(listen.id);
  const from = matchSource(builder, redirect.allowFrom, at);
  const matches = product(from.matches, matchListen(listen));
  const statements = [always(`counter ${translate(listen)}`, commentOf(origin))];
  const again = listen.targetPorts === null ? '' : `meta l4proto ${listen.service.protocol}`;
  const sentence = {
    origin,
    matches,
    unless: from.unless,
    limits: [],
    families: [],
    log: redirect.log,
    again,
    before,
    statements,
  };
  return writeSentence(builder, `${chain}-line-${origin.span.line}`, sentence, 'redirected');
}

/** `dnat ip to 192.168.2.10:80`, `redirect to :8080`. */
function translate({ service, target, targetPorts }: Listen): string {
  const port = targetPorts === null ? '' : `:${shiftPorts(service, targetPorts)}`;
  if (target.kind !== 'address') return port === '' ? 'redirect' : `redirect to ${port}`;
  const { family, address } = target;
  const text = writeAddress(address, family);
  return `dnat ${layer(family)} to ${family === 6 && port !== '' ? `[${text}]` : text}${port}`;
}

/** One port, or one for each that is listened for. */
function shiftPorts({ protocol, ports }: Service, { first, last }: { first: number; last: number }): string {
  if (ports === null || first === last) return `${first}`;
  const pairs = Array.from({ length: last - first + 1 }, (_, i) => `${ports.first + i} : ${first + i}`);
  return `${protocol} dport map { ${pairs.join(', ')} }`;
}
