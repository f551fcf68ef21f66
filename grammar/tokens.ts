/**
 * The words of the language. The lexer knows shapes (a name, a number, an address …); a name that is a keyword gets the
 * keyword's type afterwards, by `keywordOf`, so that no keyword ever matches the beginning of a longer name.
 */
import { createToken, Lexer, type TokenType } from 'chevrotain';

/** Ends a literal: nothing, a blank, or a sign that can follow it. */
const END = '(?![^ \\t,{}="#;:])';

function shape(name: string, label: string, pattern: string, hint: string, categories: TokenType[] = []): TokenType {
  return createToken({ name, label, pattern: new RegExp(pattern), start_chars_hint: [...hint], categories });
}

const DIGITS = '0123456789';
const HEX = `${DIGITS}abcdefABCDEF`;
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Any word, reserved or not: what `datapath`, `default` or `timeout` take. */
export const AnyWord = createToken({ name: 'AnyWord', label: 'a word', pattern: Lexer.NA });
export const Name = shape('Name', 'a name', `[A-Za-z][\\w-]*${END}`, LETTERS, [AnyWord]);
export const Protocol = createToken({
  name: 'Protocol',
  label: '`tcp`, `udp`, `sctp`, `icmp`, `gre`, `esp`',
  pattern: Lexer.NA,
});
export const PortProtocol = createToken({
  name: 'PortProtocol',
  label: '`tcp`, `udp`, `sctp`',
  pattern: Lexer.NA,
  categories: [Protocol],
});
/** A number or a range of numbers: whether it can be a port is seen where it stands. */
export const Ports = createToken({ name: 'Ports', label: 'a port or a range of ports', pattern: Lexer.NA });
/** An address, network or range of addresses, without brackets. */
export const Literal = createToken({ name: 'Literal', label: 'an address', pattern: Lexer.NA });

export const Blank = createToken({
  name: 'Blank',
  pattern: /[ \t]+/,
  group: Lexer.SKIPPED,
  start_chars_hint: [' ', '\t'],
});
export const Comment = createToken({ name: 'Comment', pattern: /#.*/, group: Lexer.SKIPPED, start_chars_hint: ['#'] });
export const Text = shape('Text', 'a text in quotes', '"(?:[^"\\\\]|\\\\.)*"?', '"');
export const Bracketed = shape('Bracketed', 'an IPv6 address in brackets', '\\[[^\\] \\t,{}="#;]*\\]?', '[');
export const Ipv6 = shape('Ipv6', 'an IPv6 address', `[0-9A-Fa-f]*:[0-9A-Fa-f]*:[^ \\t,{}="#;\\[\\]]*`, `${HEX}:`, [
  Literal,
]);
export const Ipv4 = shape('Ipv4', 'an IPv4 address', `\\d[\\w-]*\\.[\\w./-]*${END}`, DIGITS, [Literal]);
export const Rate = shape('Rate', 'a rate such as `10/minute`', `\\d+/[A-Za-z]\\w*${END}`, DIGITS);
export const Range = shape('Range', 'a range such as `6970-7170`', `\\d+-\\d+${END}`, DIGITS, [Ports]);
export const Time = shape('Time', 'a time such as `90s` or `2h4m`', `\\d+[A-Za-z]\\w*${END}`, DIGITS);
export const Numeral = shape('Numeral', 'a number', `\\d+${END}`, DIGITS, [Ports]);
export const Device = shape('Device', 'the name of a network device', `[A-Za-z][\\w-]*(?:\\.[\\w-]+)+${END}`, LETTERS);
export const Comma = shape('Comma', '`,`', ',', ',');
export const Open = shape('Open', '`{`', '\\{', '{');
export const Close = shape('Close', '`}`', '\\}', '}');
export const Equals = shape('Equals', '`=`', '=', '=');
export const Colon = shape('Colon', '`:`', ':', ':');
export const Semicolon = shape('Semicolon', '`;`', ';', ';');
/** What is none of these, up to the next blank or sign. */
export const Junk = createToken({
  name: 'Junk',
  label: 'a word',
  pattern: /[\u0000-\u0008\u000B-\u001F!-~\u007F-\uFFFF][^ \t,{}="#;]*/,
});

const shapes = [
  Blank, Comment, Text, Bracketed, Ipv6, Ipv4, Rate, Range, Time, Numeral, Device, Name,
  Comma, Open, Close, Equals, Colon, Semicolon, Junk,
]; // biome-ignore format: a list of words

const keywords = new Map<string, TokenType>();

function word(text: string, categories: TokenType[]): TokenType {
  const name = `K${text.replace(/(^|-)(.)/g, (_, __, letter: string) => letter.toUpperCase())}`;
  const type = createToken({ name, label: `\`${text}\``, pattern: Lexer.NA, categories });
  keywords.set(text, type);
  return type;
}
const reserved = (text: string, ...categories: TokenType[]): TokenType => word(text, [AnyWord, ...categories]);
const keyword = (text: string): TokenType => word(text, [Name]);

/** The actions of a rule. */
export const Action = createToken({ name: 'Action', label: '`allow`, `deny`, `reject`', pattern: Lexer.NA });
export const KAllow = reserved('allow', Action);
export const KDeny = reserved('deny', Action);
export const KReject = reserved('reject', Action);
export const KDefault = reserved('default');
export const KFrom = reserved('from');
export const KTo = reserved('to');
export const KExcept = reserved('except');
export const KAny = reserved('any');
export const KSelf = reserved('self');
export const KLimit = reserved('limit');
export const KLog = reserved('log');
export const KTcp = reserved('tcp', PortProtocol);
export const KUdp = reserved('udp', PortProtocol);
export const KSctp = reserved('sctp', PortProtocol);
export const KIcmp = reserved('icmp', Protocol);
export const KGre = reserved('gre', Protocol);
export const KEsp = reserved('esp', Protocol);

export const KGateway = keyword('gateway');
export const KInterface = keyword('interface');
export const KZone = keyword('zone');
export const KNetwork = keyword('network');
export const KHost = keyword('host');
export const KSet = keyword('set');
export const KService = keyword('service');
export const KPolicy = keyword('policy');
export const KMasquerade = keyword('masquerade');
export const KRedirect = keyword('redirect');
export const KAutofw = keyword('autofw');
export const KMap = keyword('map');
export const KExpect = keyword('expect');
export const KInclude = keyword('include');

export const KDatapath = keyword('datapath');
export const KFlows = keyword('flows');
export const KTimeout = keyword('timeout');
export const KConfirm = keyword('confirm');
export const KWithin = keyword('within');
export const KBy = keyword('by');
export const KEstablished = keyword('established');
export const KAccount = keyword('account');
export const KMss = keyword('mss');
export const KClamp = keyword('clamp');
export const KXdp = keyword('xdp');
export const KOff = keyword('off');
export const KOn = keyword('on');
export const KIn = keyword('in');
export const KDynamic = keyword('dynamic');
export const KFile = keyword('file');
export const KBurst = keyword('burst');
export const KPer = keyword('per');
export const KSource = keyword('source');
export const KAddress = keyword('address');
export const KFamily = keyword('family');
export const KPorts = keyword('ports');
export const KShare = keyword('share');
export const KMapping = keyword('mapping');
export const KFiltering = keyword('filtering');
export const KRefresh = keyword('refresh');
export const KBalance = keyword('balance');
export const KHelper = keyword('helper');
export const KListen = keyword('listen');
export const KWeight = keyword('weight');
export const KCheck = keyword('check');
export const KHttp = keyword('http');
export const KEvery = keyword('every');
export const KFall = keyword('fall');
export const KRise = keyword('rise');
export const KDrain = keyword('drain');
export const KControl = keyword('control');
export const KOpen = keyword('open');
export const KContacted = keyword('contacted');
export const KHold = keyword('hold');
export const KOwner = keyword('owner');
export const KInside = keyword('inside');
export const KOutside = keyword('outside');
export const KWait = keyword('wait');
export const KIs = keyword('is');
export const KAs = keyword('as');
/** What `is` says of a packet. */
export const Outcome = createToken({
  name: 'Outcome',
  label: '`denied`, `allowed`, `masqueraded`, `redirected`, `mapped`',
  pattern: Lexer.NA,
  categories: [Name],
});
for (const text of ['denied', 'allowed', 'masqueraded', 'redirected', 'mapped']) word(text, [Outcome]);

/** The type of a word: its keyword's, or Name. */
export const keywordOf = (text: string): TokenType => keywords.get(text) ?? Name;
/** Every keyword with its type. */
export const keywordTypes: readonly (readonly [word: string, type: TokenType])[] = [...keywords];
export const isReserved = (type: TokenType): boolean =>
  type !== Name && type.CATEGORIES?.includes(AnyWord) === true && type.CATEGORIES.includes(Name) === false;

export const vocabulary: readonly TokenType[] = [
  ...new Set([...shapes, AnyWord, Protocol, PortProtocol, Ports, Literal, Action, Outcome, ...keywords.values()]),
];

/** Reads one line (no line ends in it). Every text gives tokens: what has no meaning becomes Junk. */
export const lexer = new Lexer(shapes, {
  positionTracking: 'onlyOffset',
  skipValidations: true,
  ensureOptimizations: true,
});
