/** Steps 1 to 3 of the journey: forged sources, what is known, the gateway's own `deny` and `reject`. */
import { formatRange } from '../addresses.ts';
import { type Model, type Rule, SELF } from '../model.ts';
import { ownedAddresses } from '../ownership.ts';
import { addressType, type Builder, layer } from './builder.ts';
import { familiesOf, product } from './matches.ts';
import { commentOf } from './names.ts';
import { always, type Line } from './ruleset.ts';
import { LOGGED, VERDICTS, writeSentence } from './sentences.ts';
import { matchServices } from './services.ts';
import { matchDestination, matchSource, type Position } from './sides.ts';
import { writeTimeouts } from './timeouts.ts';

export const INTERFACES = 'interfaces-declared';
export const BEYOND = 'beyond-rules';
export const STRAY = 'stray-packets';
const FORGED = 'forged-sources';

export const ESTABLISHED = 'ct state established,related accept';
/** Sent before, and let in: nobody has answered yet. */
export const WAITING = 'ct status confirmed accept';

export function writeArrival(builder: Builder): void {
  const { model } = builder;
  const ids = model.interfaces.map(({ id }) => id);
  writeBeyond(builder);
  builder.addSubchain(FORGED, 'a source that lives elsewhere, or is the gateway itself', [
    always(`jump ${BEYOND}`),
    always('counter drop', 'the source is forged'),
  ]);
  builder.addSubchain(STRAY, 'what belongs to no connection and begins none', [
    always(`jump ${BEYOND}`),
    always('counter drop', 'belongs to no connection'),
  ]);
  const gatewayIn: Position = { where: 'prerouting', ins: ids, outs: ids };
  const gatewayOut: Position = { where: 'output', ins: [SELF], outs: ids };
  const timeouts = writeTimeouts(builder);
  const own = model.rules.find(({ kind }) => kind === 'self-default');
  builder.addChain({
    name: 'prerouting',
    says: 'what comes in, before its destination is translated',
    hook: 'type filter hook prerouting priority mangle; policy accept;',
    lines: [
      always(`iifname != @${INTERFACES} accept`, 'not an interface of the file'),
      always(`fib saddr type local goto ${FORGED}`),
      ...forgedLines(builder),
      always(`ct state vmap { established : accept, related : accept, invalid : goto ${STRAY} }`),
      always(WAITING),
      always(`jump ${BEYOND}`),
      always(`tcp flags & (fin|syn|rst|ack) != syn goto ${STRAY}`),
      ...timeouts,
      ...model.gateway.rules.flatMap((rule) => ruleLines(builder, 'gateway', rule, gatewayIn)),
    ],
  });
  builder.addChain({
    name: 'output',
    says: 'what the gateway itself sends',
    hook: 'type filter hook output priority filter; policy accept;',
    lines: [
      always(`oifname != @${INTERFACES} accept`, 'not an interface of the file'),
      always('ct state != new accept'),
      always(WAITING),
      always(`jump ${BEYOND}`),
      ...timeouts,
      ...model.gateway.rules.flatMap((rule) => ruleLines(builder, 'gateway-itself', rule, gatewayOut)),
      ...(own === undefined ? [] : [always('counter accept', commentOf(own))]),
    ],
  });
}

/** A rule of a policy or of the gateway, where it can match at all. */
export function ruleLines(builder: Builder, chain: string, rule: Rule, at: Position): Line[] {
  const from = matchSource(builder, rule.from, at);
  const to = matchDestination(builder, rule.to, at);
  const services = matchServices(rule.services);
  const origin = builder.originOf(rule.id);
  return writeSentence(
    builder,
    `${chain}-line-${origin.span.line}`,
    {
      origin,
      matches: product(from.matches, to.matches, services),
      families: familiesOf(product(from.matches, services)),
      unless: [...from.unless, ...to.unless],
      limits: rule.limits,
      log: rule.log,
      statements: [always(VERDICTS[rule.decision], commentOf(origin))],
    },
    LOGGED[rule.decision],
  );
}

/** Two sets of each family: what lives somewhere, and where. */
function forgedLines(builder: Builder): Line[] {
  return ([4, 6] as const).flatMap((family) => {
    const owned = ownedAddresses(builder.model, family);
    if (owned.length === 0) return [];
    const type = addressType(family);
    const networks = `networks-ipv${family}`;
    const homes = `homes-ipv${family}`;
    builder.addSet({
      kind: 'set',
      name: networks,
      says: 'what the networks of the file hold',
      spec: [`type ${type}`, 'flags interval', 'auto-merge'],
      elements: owned.map(({ first, last }) => formatRange(family, first, last)),
    });
    builder.addSet({
      kind: 'set',
      name: homes,
      says: 'where each of them lives',
      spec: [`type ifname . ${type}`, 'flags interval'],
      elements: owned.flatMap(({ first, last, interfaces }) =>
        interfaces.map((id) => `${builder.device(id)} . ${formatRange(family, first, last)}`),
      ),
    });
    const source = `${layer(family)} saddr`;
    return [always(`${source} @${networks} iifname . ${source} != @${homes} goto ${FORGED}`)];
  });
}

/** What no rule may forbid, or the network stops working (RFC 4890 section 4.4.1 for IPv6). */
function writeBeyond(builder: Builder): void {
  const accept = (match: string): Line => ({ match, statement: 'accept', comment: null });
  const discovery =
    'nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, nd-redirect, 141, 142, 148, 149';
  const listeners = 'mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report';
  builder.addSubchain(BEYOND, "what no rule may forbid: the gateway's DHCP, multicast membership, discovery of IPv6", [
    accept('ip daddr 255.255.255.255 udp dport { 67, 68 }'),
    accept('meta nfproto ipv4 udp sport 67 udp dport 68'),
    accept('meta nfproto ipv4 udp sport { 67, 68 } udp dport 67 fib daddr type local'),
    accept('ip daddr 224.0.0.0/4 meta l4proto igmp'),
    accept(`icmpv6 type { ${discovery} } ip6 hoplimit 255`),
    accept(`icmpv6 type { ${listeners} } ip6 hoplimit 1 ip6 saddr { ::, fe80::/10 }`),
    accept('icmpv6 type { 151, 152, 153 } ip6 hoplimit 1 ip6 saddr fe80::/10'),
    accept('ip6 daddr fe80::/10 udp sport 547 udp dport 546'),
    accept('ip6 saddr fe80::/10 ip6 daddr ff00::/8 udp dport 547'),
  ]);
}

export function writeInterfaces(builder: Builder, { interfaces }: Model): void {
  builder.addSet({
    kind: 'set',
    name: INTERFACES,
    says: 'what the file names; nothing else is touched, and nothing goes between these and others',
    spec: ['type ifname'],
    elements: interfaces.map(({ id }) => builder.device(id)),
  });
}
