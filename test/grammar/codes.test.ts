import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codes } from '../../grammar/codes.ts';
import { readJson } from '../../grammar/json/read.ts';
import { LONGEST_LINE } from '../../grammar/line-reader.ts';
import { LONGEST_TEXT } from '../../grammar/parse.ts';
import { LONGEST_SENTENCE } from '../../grammar/reader.ts';
import { read } from './read.ts';

const test = suite('codes');
const inGateway = (line: string) => `gateway g {\n  ${line}\n}`;
const inPolicy = (line: string) => `policy p from a to b {\n  ${line}\n  default deny\n}`;

/** For each code a text that has it as its only error (the last one: as its last), with the message. */
const cases: Record<keyof typeof codes, readonly [text: string, message: string]> = {
  textTooLong: [' '.repeat(LONGEST_TEXT + 1), 'the file has 16,777,217 characters; more than 16,777,216 are not read'],
  notText: ['zone a = \0', 'this is not a text: it holds a NUL byte'],
  hiddenCharacter: ['# \u202e', 'an invisible character (U+202E) stands here'],
  notUtf8: ['# \uFFFD', 'these bytes are not UTF-8'],
  lineTooLong: [`# ${'x'.repeat(LONGEST_LINE)}`, 'the line has 1,000,002 characters; more than 1,000,000 are not read'],
  unknownWord: ['zone a = ?', '`?` means nothing here'],
  openText: ['include "a', 'the closing `"` is missing on this line'],
  badEscape: ['include "\\a"', '`\\a` is no escape'],
  semicolon: ['zone a = b;', 'no `;` is needed: a sentence ends with its line'],
  foreignComment: ['// a', '`//` does not begin a comment'],
  sentenceTooLong: [`zone a = ${'b,\n'.repeat(LONGEST_SENTENCE / 2)}c`, 'the sentence has more than 500,000 words'],
  notJson: ['{"masqc": 1,}', 'this is not JSON: nothing follows this comma'],
  wrongJson: [
    '{"masqc": 1, "declarations": [{"zone": {"name": "a"}}]}',
    'no gateway file has this at declarations[0].zone',
  ],
  badAddress: ['host a = 1.2.3', '`1.2.3` is no address: it has 3 numbers, not 4'],
  octet: ['host a = 1.2.3.256', "256 can't stand in an IPv4 address: its numbers go from 0 to 255"],
  prefixLength: ['set a = 1.2.3.4/40', 'there is no prefix length 40: it goes from 0 to 32'],
  hostBits: [
    'set a = 10.0.0.1/8',
    '`10.0.0.1/8` is no network: the bits after the prefix are not 0 (the network is 10.0.0.0/8)',
  ],
  reversedRange: ['service a = tcp 2-1', 'the range `2-1` is written backwards'],
  badRange: ['service a = tcp 1:2', '`1:2` is no range: a range has a `-`'],
  badRate: [inGateway('deny log 1/min'), '`1/min` is no rate: there is no unit `min`'],
  badTime: [inGateway('confirm within 1min'), '`1min` is no time: its units are written out'],
  badPort: ['service a = tcp 0', 'there is no port 0'],
  badNumber: [inGateway('flows 007'), "`007` can't be used as a number: it begins with 0"],
  badDevice: [
    'interface a = eth0@if7',
    "`eth0@if7` can't be the name of a network device: `@` and what follows are not part of it",
  ],
  unknownSentence: [inPolicy('alow'), 'no sentence of a `policy` starts with `alow`'],
  unexpected: ['zone a = b = c', "`=` can't stand after `b`"],
  unfinished: ['zone a =', 'the sentence ends too early, after `=`'],
  missingComma: ['zone a = b c', 'a comma is missing between `b` and `c`'],
  clauseOrder: [inPolicy('allow to a from b'), '`from` belongs before `to`'],
  misspelt: [inPolicy('allow tcp 1 form a'), '`form` means nothing here; it looks like `from`'],
  foreignWord: [inPolicy('accept'), '`accept` is called `allow` here'],
  repeatedClause: [inPolicy('allow from a from b'), '`from` is said twice in this sentence'],
  bareIpv6: [inGateway('confirm by tcp ::1'), 'the IPv6 address `::1` needs brackets here'],
  brackets: ['host a = [::1]', 'brackets are only for an IPv6 address that may have a port'],
  reservedName: ['zone log = a', "`log` is a reserved word and can't be a name"],
  noProtocolPorts: ['service a = udp', '`udp` needs its ports'],
  missingWord: ['zone a b', '`=` is missing before `b`'],
  noUnit: [inGateway('confirm within 60'), '60 of what? A time needs a unit'],
  quotes: ['include a', '`a` needs quotes here'],
  lineBreak: [
    inPolicy('allow tcp 1\n    from a'),
    "`from` can't begin a line: a sentence is one line, and goes on only after a comma",
  ],
  strayComma: [inPolicy('allow tcp 80, from a'), 'nothing of the list follows this comma, only `from`'],
  missingOpen: ['gateway g', '`gateway` needs `{` here'],
  unclosed: ['gateway g {', '`gateway g` is still open: its `}` is missing at the end of the file'],
  loneClose: ['}', 'this `}` closes nothing'],
  loneOpen: ['zone a = b {\n}', "`{` can't stand here: `zone` has no block"],
  newLine: ['gateway g { default deny } zone a = b', 'a new sentence needs a line of its own'],
  afterDefault: [
    'policy p from a to b {\n  default deny\n  allow\n}',
    '`default` is the last line of a policy: this is never reached',
  ],
  defaultAction: [
    'policy p from a to b {\n  default masquerade\n}',
    '`masquerade` is no default: it says how a connection leaves, not whether it may',
  ],
  tooMany: ['x\n'.repeat(300), '200 errors: the rest of the file is not read'],
};

for (const [key, [text, message]] of Object.entries(cases)) {
  const { code, title } = codes[key as keyof typeof codes];
  test(`${code}: ${title}`, () => {
    const { diagnostics } = key.endsWith('Json') ? readJson({ file: 'test.json', text }) : read(text);
    if (key !== 'tooMany') assert.is(diagnostics.length, 1);
    assert.equal([diagnostics.at(-1)!.code, diagnostics.at(-1)!.message], [code, message]);
  });
}

test.run();
