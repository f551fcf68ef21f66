/**
 * Everything that can be wrong with the words and the syntax of a file: a code that is never reused, a title for the
 * documentation, and the message. MQ0xx: the text and its literals; MQ1xx: words and sentences.
 */
import type { Diagnostic } from './diagnostic.ts';
import type { Span } from './span.ts';

export interface Code<P> {
  readonly code: Diagnostic['code'];
  readonly title: string;
  readonly message: (params: P) => string;
}

function define<P = Record<string, never>>(
  code: Diagnostic['code'],
  title: string,
  message: (params: P) => string,
): Code<P> {
  return { code, title, message };
}

const several = (count: number, one: string): string => `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;

export const codes = {
  // ---- the text ----
  textTooLong: define<{ size: number; limit: number }>(
    'MQ001',
    'The file is too long',
    ({ size, limit }) =>
      `the file has ${several(size, 'character')}; more than ${limit.toLocaleString('en')} are not read`,
  ),
  notText: define('MQ002', 'Not a text file', () => 'this is not a text: it holds a NUL byte'),
  hiddenCharacter: define<{ name: string }>(
    'MQ003',
    'A character that cannot be seen',
    ({ name }) => `an invisible character (${name}) stands here`,
  ),
  notUtf8: define('MQ004', 'Not UTF-8', () => 'these bytes are not UTF-8'),
  lineTooLong: define<{ size: number; limit: number }>(
    'MQ005',
    'A line is too long',
    ({ size, limit }) =>
      `the line has ${several(size, 'character')}; more than ${limit.toLocaleString('en')} are not read`,
  ),
  unknownWord: define<{ word: string; because: string }>(
    'MQ006',
    'Something that cannot be read',
    ({ word, because }) => `\`${word}\` means nothing here${because === '' ? '' : `: ${because}`}`,
  ),
  openText: define('MQ007', 'A text without its closing quote', () => 'the closing `"` is missing on this line'),
  badEscape: define<{ sequence: string }>(
    'MQ008',
    'Unknown escape in a text',
    ({ sequence }) => `\`${sequence}\` is no escape`,
  ),
  semicolon: define('MQ009', 'A semicolon', () => 'no `;` is needed: a sentence ends with its line'),
  foreignComment: define('MQ010', 'A comment of another language', () => '`//` does not begin a comment'),
  sentenceTooLong: define<{ limit: number }>(
    'MQ022',
    'A sentence is too long',
    ({ limit }) => `the sentence has more than ${limit.toLocaleString('en')} words`,
  ),
  notJson: define<{ problem: string }>('MQ023', 'Not JSON', ({ problem }) => `this is not JSON: ${problem}`),
  wrongJson: define<{ path: string }>(
    'MQ024',
    'JSON of another shape',
    ({ path }) => `no gateway file has this at ${path}`,
  ),
  // ---- literals ----
  badAddress: define<{ text: string; because: string }>(
    'MQ011',
    'Not an address',
    ({ text, because }) => `\`${text}\` is no address: ${because}`,
  ),
  octet: define<{ octet: string }>(
    'MQ012',
    'A number above 255 in an IPv4 address',
    ({ octet }) => `${octet} can't stand in an IPv4 address: its numbers go from 0 to 255`,
  ),
  prefixLength: define<{ length: string; most: number }>(
    'MQ013',
    'A prefix length that does not exist',
    ({ length, most }) =>
      `there is no prefix length ${length === '' ? 'after `/`' : length}: it goes from 0 to ${most}`,
  ),
  hostBits: define<{ text: string; network: string }>(
    'MQ014',
    'A network with host bits',
    ({ text, network }) => `\`${text}\` is no network: the bits after the prefix are not 0 (the network is ${network})`,
  ),
  reversedRange: define<{ text: string }>(
    'MQ015',
    'A range written backwards',
    ({ text }) => `the range \`${text}\` is written backwards`,
  ),
  badRange: define<{ text: string; because: string }>(
    'MQ016',
    'Not a range',
    ({ text, because }) => `\`${text}\` is no range: ${because}`,
  ),
  badRate: define<{ text: string; because: string }>(
    'MQ017',
    'Not a rate',
    ({ text, because }) => `\`${text}\` is no rate: ${because}`,
  ),
  badTime: define<{ text: string; because: string }>(
    'MQ018',
    'Not a time',
    ({ text, because }) => `\`${text}\` is no time: ${because}`,
  ),
  badPort: define<{ port: string }>('MQ019', 'Not a port', ({ port }) =>
    port === '0' ? 'there is no port 0' : `there is no port ${port}: the highest is 65535`,
  ),
  badNumber: define<{ text: string; because: string }>(
    'MQ020',
    'Not a usable number',
    ({ text, because }) => `\`${text}\` can't be used as a number: ${because}`,
  ),
  badDevice: define<{ text: string; because: string }>(
    'MQ021',
    'Not the name of a network device',
    ({ text, because }) => `\`${text}\` can't be the name of a network device: ${because}`,
  ),
  // ---- sentences ----
  unknownSentence: define<{ word: string; place: string }>(
    'MQ101',
    'A sentence that does not exist',
    ({ word, place }) => `no ${place} starts with ${word}`,
  ),
  unexpected: define<{ what: string; after: string }>(
    'MQ102',
    'Something that does not belong here',
    ({ what, after }) => `${what} can't stand ${after}`,
  ),
  unfinished: define<{ after: string }>(
    'MQ103',
    'A sentence that ends too early',
    ({ after }) => `the sentence ends too early, ${after}`,
  ),
  missingComma: define<{ before: string; after: string }>(
    'MQ104',
    'A comma is missing',
    ({ before, after }) => `a comma is missing between ${before} and ${after}`,
  ),
  clauseOrder: define<{ clause: string; before: string }>(
    'MQ105',
    'Clauses in the wrong order',
    ({ clause, before }) => `\`${clause}\` belongs before \`${before}\``,
  ),
  misspelt: define<{ word: string; right: string }>(
    'MQ106',
    'A misspelt word',
    ({ word, right }) => `\`${word}\` means nothing here; it looks like \`${right}\``,
  ),
  foreignWord: define<{ word: string; right: string }>(
    'MQ107',
    'A word of another language',
    ({ word, right }) => `\`${word}\` is called \`${right}\` here`,
  ),
  repeatedClause: define<{ clause: string }>(
    'MQ108',
    'A clause said twice',
    ({ clause }) => `\`${clause}\` is said twice in this sentence`,
  ),
  bareIpv6: define<{ text: string }>(
    'MQ109',
    'An IPv6 address without brackets',
    ({ text }) => `the IPv6 address \`${text}\` needs brackets here`,
  ),
  brackets: define(
    'MQ110',
    'Brackets that are not needed',
    () => 'brackets are only for an IPv6 address that may have a port',
  ),
  reservedName: define<{ word: string }>(
    'MQ111',
    'A reserved word as a name',
    ({ word }) => `\`${word}\` is a reserved word and can't be a name`,
  ),
  noProtocolPorts: define<{ protocol: string }>(
    'MQ112',
    'A protocol without its ports',
    ({ protocol }) => `\`${protocol}\` needs its ports`,
  ),
  missingWord: define<{ what: string; before: string }>(
    'MQ113',
    'Something is missing in a sentence',
    ({ what, before }) => `${what} is missing before ${before}`,
  ),
  noUnit: define<{ text: string }>(
    'MQ114',
    'A time without a unit',
    ({ text }) => `${text} of what? A time needs a unit`,
  ),
  quotes: define<{ text: string; needed: boolean }>('MQ115', 'Quotes missing or not needed', ({ text, needed }) =>
    needed ? `\`${text}\` needs quotes here` : `${text} needs no quotes here`,
  ),
  lineBreak: define<{ word: string }>(
    'MQ116',
    'A sentence broken over two lines',
    ({ word }) => `\`${word}\` can't begin a line: a sentence is one line, and goes on only after a comma`,
  ),
  strayComma: define<{ before: string }>(
    'MQ117',
    'A comma too many',
    ({ before }) => `nothing of the list follows this comma, only ${before}`,
  ),
  // ---- blocks ----
  missingOpen: define<{ block: string }>(
    'MQ120',
    'A block without `{`',
    ({ block }) => `\`${block}\` needs \`{\` here`,
  ),
  unclosed: define<{ block: string; by: string }>(
    'MQ121',
    'A block that is not closed',
    ({ block, by }) => `\`${block}\` is still open: its \`}\` is missing ${by}`,
  ),
  loneClose: define('MQ122', 'A `}` too many', () => 'this `}` closes nothing'),
  loneOpen: define<{ because: string }>(
    'MQ123',
    'A `{` that opens nothing',
    ({ because }) => `\`{\` can't stand here${because}`,
  ),
  newLine: define('MQ124', 'Two sentences on a line', () => 'a new sentence needs a line of its own'),
  afterDefault: define(
    'MQ125',
    'A line after `default`',
    () => '`default` is the last line of a policy: this is never reached',
  ),
  defaultAction: define<{ word: string }>('MQ126', 'A default that does not exist', ({ word }) =>
    word === 'masquerade'
      ? '`masquerade` is no default: it says how a connection leaves, not whether it may'
      : `\`${word}\` is no default`,
  ),
  tooMany: define<{ count: number }>(
    'MQ199',
    'Too many errors',
    ({ count }) => `${count} errors: the rest of the file is not read`,
  ),
} as const;

export interface More {
  readonly expected: string;
  readonly related?: Diagnostic['related'];
  readonly fixes?: Diagnostic['fixes'];
}

/** What a message quotes may be a megabyte long. */
const shorten = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function shortenAll<P>(params: P): P {
  const entries = Object.entries(params as object).map(([key, value]) => {
    return [key, typeof value === 'string' ? shorten(value, 100) : value];
  });
  return Object.fromEntries(entries) as P;
}

/** An error of the registry's kind `code` at `span`. */
export function makeError<P>(code: Code<P>, params: P, span: Span, more: More): Diagnostic {
  return {
    code: code.code,
    severity: 'error',
    message: code.message(shortenAll(params)),
    expected: shorten(more.expected, 300),
    span,
    related: more.related ?? [],
    fixes: (more.fixes ?? []).map((fix) => ({ ...fix, title: shorten(fix.title, 100) })),
  };
}
