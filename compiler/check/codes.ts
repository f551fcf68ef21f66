/**
 * The codes of loading (MQ03x) and of the checker: MQ2xx names and types, MQ3xx meaning, MQ4xx warnings. A template turns typed parameters into the
 * message (what is wrong) and the expectation (what would be right). Codes are never reused; docs/codes.md has a
 * section for each.
 */
import type { Severity } from '../../grammar/diagnostic.ts';

export interface Template<P> {
  readonly code: `MQ${number}`;
  readonly severity: Severity;
  readonly message: (p: P) => string;
  readonly expected: (p: P) => string | undefined;
}

export type Text<P> = string | ((p: P) => string | undefined);

export function define<P>(severity: Severity, code: number, message: Text<P>, expected?: Text<P>): Template<P> {
  const write = (text: Text<P> | undefined, p: P) => (typeof text === 'function' ? text(p) : text);
  return {
    code: `MQ${String(code).padStart(3, '0') as `${number}`}`,
    severity,
    message: (p) => write(message, p) ?? '',
    expected: (p) => write(expected, p),
  };
}
const error = <P = void>(code: number, message: Text<P>, expected?: Text<P>) =>
  define<P>('error', code, message, expected);
const warning = <P = void>(code: number, message: Text<P>, expected?: Text<P>) =>
  define<P>('warning', code, message, expected);

/** Block, e.g. `masquerade`, with the name of the one that is spoken of. */
interface Block {
  readonly block: string;
  readonly name: string;
}

export const CODES = {
  // ---- files ----
  unreadable: error<{ path: string; problem: string }>(
    30,
    (p) => `${p.path} ${p.problem}`,
    'the path of a readable text',
  ),
  includeLoop: error<{ chain: string }>(
    31,
    (p) => `these files include each other in a circle: ${p.chain}`,
    'includes that lead from one file to others and never back',
  ),
  includeTooDeep: error<{ limit: number }>(
    32,
    (p) => `includes are nested more than ${p.limit} deep`,
    'files that include each other less deeply',
  ),
  includedTwice: error<{ path: string }>(
    33,
    (p) => `${p.path} is included twice: all that it declares would be there twice`,
    'one `include` of it',
  ),

  // ---- names and types ----
  duplicateName: error<{ name: string; what: string }>(
    201,
    (p) => `the name \`${p.name}\` is taken: there is already ${p.what} of that name`,
    'another name',
  ),
  unknownName: error<{ name: string; asked: string; known: string }>(
    202,
    (p) => `nothing is named \`${p.name}\``,
    (p) => `${p.asked}${p.known}`,
  ),
  wrongType: error<{ name: string; is: string; by: string; asked: string; known: string }>(
    203,
    (p) => `${p.name} is ${p.is}, and ${p.by} asks for ${p.asked}`,
    (p) => `${p.asked}${p.known}`,
  ),
  cycle: error<{ what: string; chain: string }>(
    204,
    (p) => `this ${p.what} is made of itself: ${p.chain}`,
    (p) => `a ${p.what} that ends in values`,
  ),
  noGateway: error(
    205,
    'there is no `gateway` block',
    '`gateway NAME { default deny }`, once, in this file or one that it includes',
  ),
  secondGateway: error<{ first: string }>(
    206,
    (p) => `a second gateway: \`${p.first}\` is one already`,
    'one `gateway` block for the whole configuration',
  ),
  unknownWord: error<{ word: string; by: string; words: string }>(
    208,
    (p) => `${p.by} does not know \`${p.word}\``,
    (p) => p.words,
  ),
  unknownIcmpType: error<{ type: string; types: string }>(
    209,
    (p) => `no ICMP type is named \`${p.type}\``,
    (p) => p.types,
  ),
  misplacedProperty: error<{ property: string; block: string; homes: string }>(
    210,
    (p) => `a ${p.block} has no \`${p.property}\``,
    (p) => `\`${p.property}\` belongs in ${p.homes}`,
  ),
  repeatedProperty: error<{ property: string }>(
    211,
    (p) => `\`${p.property}\` is said twice`,
    (p) => `one \`${p.property}\` in a block`,
  ),
  missingProperty: error<Block & { property: string; example: string }>(
    212,
    (p) => `the ${p.block} \`${p.name}\` does not say \`${p.property}\``,
    (p) => `a line like \`${p.example}\``,
  ),
  duplicateDevice: error<{ device: string; name: string }>(
    213,
    (p) => `the device ${p.device} is the interface \`${p.name}\` already`,
    'one interface for each device',
  ),
  notAnAddress: error<{ text: string }>(
    214,
    (p) => `a host has single addresses, and ${p.text} is more than one`,
    'an address, or `network` instead of `host`',
  ),
  secondAddress: error<{ family: number }>(
    215,
    (p) => `a host has at most one IPv${p.family} address, and this is a second one`,
    'a host for each address, or a `set`',
  ),
  notAPrefix: error<{ text: string }>(
    216,
    (p) => `${p.text} is a range, and a network is made of prefixes`,
    'a prefix like 192.168.1.0/24',
  ),
  tooMany: error<{ what: string; limit: number }>(
    217,
    (p) => `there are more than ${p.limit} ${p.what}`,
    (p) => `at most ${p.limit} ${p.what}`,
  ),
  outOfRange: error<{ what: string; low: string; high: string }>(
    218,
    (p) => `${p.what} is out of bounds`,
    (p) => `from ${p.low} to ${p.high}`,
  ),
  ambiguousOwner: error<{ name: string; kinds: string }>(
    219,
    (p) => `\`${p.name}\` is ${p.kinds}: it is not clear which one is meant`,
    'names that differ',
  ),
  nowhere: error(220, '`except` takes away everything that was named', 'at least one place that stays'),

  badLineInFile: error<{ text: string; because: string; expected: string; more: number }>(
    222,
    (p) =>
      `\`${p.text.length > 60 ? `${p.text.slice(0, 60)}…` : p.text}\` can't stand in a file of addresses: ${p.because}${p.more > 0 ? ` (and ${p.more} more lines are wrong)` : ''}`,
    (p) => p.expected,
  ),
  repeatedItem: error<{ item: string }>(221, (p) => `${p.item} stands twice in this list`, 'each item once'),

  // ---- meaning ----
  masqueradeWithoutInterface: error<{ name: string; between: string }>(
    301,
    (p) => `the masquerade \`${p.name}\` does not say by which interface: ${p.between} would be masqueraded too`,
    '`interface` with the one that leads outside',
  ),
  masqueradeFromAny: error<{ name: string; written: string }>(
    302,
    (p) =>
      `the masquerade \`${p.name}\` is from ${p.written}: strangers' packets would go out under the gateway's address`,
    'the networks that are to be hidden',
  ),
  defaultMasquerade: error(
    303,
    '`default masquerade` would masquerade every connection, those that come in too: who sets a route to the inner network reaches its hosts, and the network is no longer hidden',
    '`default deny`, and a `masquerade` block for what goes out',
  ),
  defaultAllow: error(
    304,
    '`default allow` would let through whatever no policy names, from the outside too: the network is no longer hidden',
    '`default deny` or `default reject`, and a policy for what may pass',
  ),
  allowInGateway: error(
    305,
    "`allow` can't stand in `gateway`: its lines come before every policy and every redirect, and would open all of them",
    'the line in the policy of where the packets come in and go out',
  ),
  policiesOverlap: error<{ name: string; other: string; pair: string }>(
    306,
    (p) => `the policies \`${p.other}\` and \`${p.name}\` are both for ${p.pair}`,
    'one policy for a pair (`except` takes a place out)',
  ),
  policyWithoutDefault: error<{ name: string }>(
    307,
    (p) => `the policy \`${p.name}\` does not end in \`default\``,
    'a last line `default deny`, `default reject` or `default allow`',
  ),
  bareRule: error<{ action: string; instead: string }>(
    308,
    (p) => `\`${p.action}\` alone names no packets`,
    (p) => p.instead,
  ),
  redirectWithoutAllow: error<{ name: string }>(
    309,
    (p) => `the redirect \`${p.name}\` does not say whom it lets in`,
    '`allow from` with who may come: a set, a network, or `any` for everyone',
  ),
  redirectsOverlap: error<{ name: string; other: string; packet: string; why: string }>(
    310,
    (p) =>
      `${p.name === p.other ? `the redirect \`${p.name}\` listens twice` : `the redirects \`${p.other}\` and \`${p.name}\` both listen`} for ${p.packet}${p.why}`,
    (p) => (p.why === '' ? 'ports or addresses that no other line takes' : 'an `address` in both redirects'),
  ),
  masqueradesOverlap: error<{ name: string; other: string; addresses: string; interface: string }>(
    311,
    (p) => `the masquerades \`${p.other}\` and \`${p.name}\` are both for ${p.addresses} out by ${p.interface}`,
    'addresses that no other masquerade of the interface has',
  ),
  listenInPool: error<{ ports: string; pool: string; masquerade: string }>(
    312,
    (p) =>
      `${p.ports} lies within the ports ${p.pool} that the masquerade \`${p.masquerade}\` takes on the same interface`,
    'a port outside the pool, or other `ports` in the masquerade',
  ),
  portsDiffer: error<{ listened: string; targets: string }>(
    313,
    (p) => `${p.listened} can't become ${p.targets}`,
    'a line for each port, ranges of one size, or no port after the target: then each keeps its own',
  ),
  familiesApart: error<{ what: string; is: 4 | 6; other: string }>(
    314,
    (p) => `${p.what} is IPv${p.is} and ${p.other} is not: no packet has both`,
    'addresses of one family on both sides',
  ),
  portsOnIcmp: error<{ protocol: string }>(
    315,
    (p) => `${p.protocol} has no ports`,
    (p) => (p.protocol === 'icmp' ? '`icmp`, or `icmp` with a type like `echo-request`' : `\`${p.protocol}\` alone`),
  ),
  portWithoutProtocol: error<{ ports: string }>(
    316,
    (p) => `the port ${p.ports} has no protocol`,
    (p) => `\`tcp ${p.ports}\` or \`udp ${p.ports}\``,
  ),
  leavesByUnknown: error<{ place: string }>(
    317,
    (p) => `the gateway's own lines decide before routing, when it is not known yet what leaves by ${p.place}`,
    'addresses, `self`, or the line in a policy',
  ),
  limitOnDeny: error<{ action: string }>(
    318,
    (p) => `a \`limit\` on \`${p.action}\` would let nothing more through`,
    '`limit` on the `allow` that it slows down',
  ),
  policyFromSelf: error<{ name: string }>(
    319,
    (p) => `the policy \`${p.name}\` is from self, and what the gateway itself starts needs no policy`,
    'an interface or a zone; `deny to …` in `gateway` keeps the gateway from addresses',
  ),
  samePrefix: error<{ prefix: string; other: string; interface: string }>(
    320,
    (p) => `${p.prefix} lives on ${p.interface} already, as \`${p.other}\`: addresses live behind one interface`,
    'another prefix (a smaller one within it may live elsewhere)',
  ),
  noPool: error<{ name: string }>(
    321,
    (p) => `the redirects leave no ports for the masquerade \`${p.name}\``,
    '`ports` in the masquerade, and redirects that listen elsewhere',
  ),
  badEndpoint: error<{ message: string; expected: string }>(
    322,
    (p) => p.message,
    (p) => p.expected,
  ),
  outcomeWithout: error<{ word: string; outcome: string; needs: string }>(
    323,
    (p) => `what is ${p.outcome} has no \`${p.word}\``,
    (p) => `\`${p.word}\` after \`${p.needs}\``,
  ),
  filteringWithoutMapping: error<{ filtering: string }>(
    330,
    (p) =>
      `a mapping that depends on address and port lets only the answers in, so that \`filtering ${p.filtering}\` can't hold`,
    '`mapping endpoint-independent`, or no `filtering`',
  ),
  mapSizes: error<{ inside: string; outside: string }>(
    340,
    (p) => `${p.inside} and ${p.outside} are not of one size: no address inside could keep its place outside`,
    'two prefixes of one length',
  ),
  mapsOverlap: error<{ packet: string; name: string; other: string; mend: string }>(
    341,
    (p) => `${p.packet} could be taken by the map \`${p.name}\` and by ${p.other}`,
    (p) => p.mend,
  ),
  mapOntoItself: error<{ name: string; prefix: string }>(
    342,
    (p) => `the map \`${p.name}\` changes nothing: ${p.prefix} stays what it is`,
    '`outside` with the addresses that the network is to have beyond the interface',
  ),
  mapTooLong: error<{ text: string }>(
    343,
    (p) => `${p.text} leaves no word of the address free to keep the checksums right (RFC 6296)`,
    'an IPv6 prefix of at most /64',
  ),
  shareTooSmall: error<{
    share: number;
    sources: number;
    addresses: number;
    ports: string;
    count: number;
    blocks: number;
    most: number;
  }>(
    344,
    (p) =>
      `${p.share} ports for each of ${p.sources} sources don't fit: ${p.addresses === 1 ? 'one outside address' : `${p.addresses} outside addresses`} with ${p.count} ports each (${p.ports}) ${p.addresses === 1 ? 'has' : 'have'} ${p.blocks} such blocks`,
    (p) =>
      p.most > 0
        ? `at most \`share ${p.most} ports per source\`, more \`ports\`, or more addresses`
        : 'more addresses, more `ports`, or fewer sources',
  ),
  shareUncountable: error<{ why: string }>(
    345,
    (p) => `\`share\` counts the sources off, and ${p.why}`,
    '`from` with networks and hosts of IPv4 that stand in this file',
  ),
  suffixInFixed: error<{ name: string }>(
    346,
    (p) => `the network \`${p.name}\` has no prefixes that change: \`in\` puts a suffix into those`,
    'a `network … = dynamic on …`, or the whole address without `in`',
  ),
  notASuffix: error<{ text: string; bits: number; example: string }>(
    347,
    (p) => `${p.text} is no suffix: only the last ${p.bits} bits of an address stand behind a prefix that changes`,
    (p) => `a suffix like \`${p.example}\``,
  ),
  changingExcept: error<{ name: string }>(
    348,
    (p) => `the set \`${p.name}\` holds prefixes that change, and nothing can be taken out of those here`,
    '`except` in the lines that use the set',
  ),
  outsideFixed: error<{ name: string }>(
    349,
    (p) => `the network \`${p.name}\` is not just what an interface has: which of its prefixes is outside is not clear`,
    '`outside dynamic` (what the interface of the map has), a network that is `dynamic` alone, or the prefix itself',
  ),
  limitTwice: error<{ kind: string }>(
    331,
    (p) => `a second limit that is ${p.kind}: it is not clear which of them holds`,
    'one limit of each kind: a rate, a rate `per source`, `flows`, `flows per source`, `ports per source`',
  ),
  portsElsewhere: error(
    333,
    'only a masquerade gives outside ports to sources: a limit of ports means nothing here',
    '`limit NUM ports per source` in the masquerade, or a limit of `flows` here',
  ),
  portsOfAll: error(
    334,
    'all sources of a masquerade together have its `ports`: a limit is for each of them',
    '`limit NUM ports per source`, or other `ports`',
  ),
  portsBeyondShare: error<{ count: number; share: number }>(
    335,
    (p) =>
      `the limit of ${p.count} ports is never reached: \`share\` gives a source ${p.share} of TCP and ${p.share} of UDP`,
    (p) => `a limit below ${2 * p.share}, a larger \`share\`, or no limit`,
  ),
  accountAny: error(
    332,
    '`account` is for the addresses behind the gateway, and these are all there are',
    'the networks or hosts whose traffic is to be counted',
  ),
  notBuilt: error<{ what: string; instead: string }>(
    390,
    (p) => `${p.what} not built yet`,
    (p) => p.instead,
  ),

  // ---- warnings ----
  neverReached: warning<{ why: string }>(
    401,
    (p) => `this line is never reached: ${p.why}`,
    'the line further up, or no line',
  ),
  takenBefore: warning<{ what: string; why: string; mend: string }>(
    411,
    (p) => `${p.what}: ${p.why}`,
    (p) => p.mend,
  ),
  livesElsewhere: warning<{ what: string; there: string; here: string }>(
    412,
    (p) => `${p.what}: whom it names lives behind ${p.there}, and comes in by ${p.here} only forged`,
    (p) => `senders that live behind ${p.here}, or the line where ${p.there} comes in`,
  ),
  hidesNobody: warning<{ name: string; interface: string }>(
    413,
    (p) => `the masquerade \`${p.name}\` hides nobody: no policy lets anyone in its \`from\` out by ${p.interface}`,
    'an `allow` in a policy to that interface, or no masquerade',
  ),
  repeatedBelow: warning<{ several: boolean }>(
    414,
    (p) =>
      `this line changes nothing: ${p.several ? 'lines below do' : 'a line below does'} the same to all of its packets`,
    'no line, or another decision',
  ),
  partNeverReached: warning<{ text: string; why: string }>(
    415,
    (p) => `\`${p.text}\` has no effect in this line: ${p.why}, with another decision`,
    'the line further up, or without it',
  ),
  unused: warning<{ what: string; name: string }>(
    402,
    (p) => `the ${p.what} \`${p.name}\` is used nowhere`,
    'a line that uses it, or no line',
  ),
  emptySet: warning<{ name: string }>(
    403,
    (p) => `the set \`${p.name}\` holds no address`,
    'an address that `except` leaves in it',
  ),
  hostInNoNetwork: warning<{ name: string; address: string }>(
    404,
    (p) => `${p.address} of the host \`${p.name}\` is in no network: from which interface it may come is not checked`,
    'a `network … on` that holds it, or a `set` for machines outside',
  ),
  privateOut: warning<{ addresses: string; interface: string; dropped: boolean }>(
    405,
    (p) =>
      `private addresses (${p.addresses}) are let out by ${p.interface} and no masquerade hides them: ${p.dropped ? 'they are dropped there, for' : 'outside,'} no answer would find its way back`,
    'a `masquerade` that holds them, or no `allow` for them',
  ),
  exposed: warning<{ what: string; reason: string }>(
    406,
    (p) => `everyone outside may reach ${p.what}: ${p.reason}`,
    '`from` with those who need it',
  ),
  nobodyReachesSelf: warning(
    407,
    'nobody may reach the gateway itself, its administrator neither: no policy to `self` allows anything',
    'a policy to `self` with a line like `allow tcp 22 from home`',
  ),
  tooManyToCompare: warning<{ name: string }>(
    408,
    (p) => `the policy \`${p.name}\` has too many different lines to look for all that are never reached or not needed`,
    undefined,
  ),
  limitNeverMet: warning<{ count: number; what: string; flows: number }>(
    410,
    (p) => `the limit of ${p.count} ${p.what} is never reached: the table holds ${p.flows}`,
    'a smaller limit, or a larger `flows` in the gateway',
  ),
  emptyFile: warning<{ path: string }>(409, (p) => `${p.path} holds no address`, 'an address a line'),
} as const;

export type CodeName = keyof typeof CODES;
