import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LONGEST_LINE } from '../../grammar/line-reader.ts';
import { LONGEST_TEXT, parse } from '../../grammar/parse.ts';
import { LONGEST_SENTENCE } from '../../grammar/reader.ts';
import { MOST_ERRORS } from '../../grammar/reporter.ts';
import { checkSpan, expectErrors, read } from './read.ts';

const test = suite('recovery and limits');
const parseIn = (milliseconds: number, text: string) => {
  // The processor's time, not the clock's: other tests run beside this one.
  const start = process.cpuUsage();
  const { diagnostics } = read(text);
  const { user, system } = process.cpuUsage(start);
  const took = (user + system) / 1000;
  assert.ok(took < milliseconds, `${Math.round(took)} ms for ${text.length} characters`);
  return diagnostics;
};

test('one run reports every independent error, in the order of the text', () => {
  expectErrors(
    `gateway g {
  default drop
  flows ten
  flwos 10
}
interface wan ppp0
policy p from a to b {
  allow tcp 70000
  accept
  default deny
}
}
redirect r {
  listen tcp 80 to 2001:db8::1
zone z = a b
expect "x" {
  tcp from a on b to c is
`,
    'MQ126 2 drop',
    'MQ102 3 ten',
    'MQ101 4 flwos',
    'MQ113 6 ppp0',
    'MQ019 8 70000',
    'MQ107 9 accept',
    'MQ122 12 }',
    'MQ109 14 2001:db8::1',
    'MQ121 15 zone',
    'MQ103 17',
  );
});
test('a line has one error, however much is wrong with it', () => {
  expectErrors('zone a b c = = ; } { "', 'MQ009 1 ;');
  expectErrors('host h = 1.2.3.400, 1.2.3.500 1.2.3.600', 'MQ012 1 1.2.3.400');
  expectErrors('policy p form a ot b { alow tcp 0; defualt }', 'MQ009 1 ;');
});
test('each line of a long sentence may have one', () => {
  expectErrors('host h = 1.2.3.400,\n  1.2.3.4,\n  1.2.3.500', 'MQ012 1 1.2.3.400', 'MQ012 3 1.2.3.500');
});
test('what follows a broken sentence is read', () => {
  const { declarations } = read('zone a b\nzone c = d\nhost e = x\ngateway g { x }\nzone f = g\n');
  assert.equal(
    declarations.map((one) => ('name' in one ? one.name.text : '')),
    ['c', 'g', 'f'],
  );
});
test('after a number of errors the rest is not read', () => {
  const { diagnostics } = read('x\n'.repeat(1000));
  assert.is(diagnostics.length, MOST_ERRORS + 1);
  assert.is(diagnostics.at(-1)!.code, 'MQ199');
});
test('a text that is too long is refused as a whole', () => {
  const diagnostics = parseIn(100, 'x'.repeat(LONGEST_TEXT + 1));
  assert.equal(
    diagnostics.map(({ code }) => code),
    ['MQ001'],
  );
  assert.match(diagnostics[0]!.message, '16,777,217');
});
test('a line that is too long is passed over', () => {
  const text = `zone a = b\n${'x '.repeat(LONGEST_LINE / 2)}x\nzone c d`;
  expectErrors(text, 'MQ005 2 x', 'MQ113 3 d');
});
test('a sentence that is too long is refused', () => {
  const diagnostics = parseIn(5000, `zone a = ${'b,\n'.repeat(LONGEST_SENTENCE / 2)}c`);
  assert.equal(
    diagnostics.map(({ code }) => code),
    ['MQ022'],
  );
});
test('binary junk is one error', () => {
  const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7919 + (i >> 3)) & 0xff);
  assert.equal(
    parseIn(1000, Buffer.from(bytes).toString('latin1')).map(({ code }) => code),
    ['MQ002'],
  );
});
test('garbage takes time in proportion to its length, at most', () => {
  const megabytes = 0.2;
  const fill = (piece: string) => piece.repeat((megabytes * 1_000_000) / piece.length);
  for (const piece of [
    '{',
    '}\n',
    '{\n',
    '"',
    '"a\n',
    ',\n',
    ',',
    'a,',
    'a,\n',
    '[',
    ':',
    '1-',
    '::\n',
    '\r',
    'a ',
    '\\',
    '#\n',
    '\n',
  ]) {
    parseIn(2000, fill(piece));
    parseIn(2000, `gateway g {\n${fill(piece)}`);
  }
});
test('ten thousand rules take well under a second', () => {
  const rule = (i: number) =>
    `  allow tcp ${(i % 60_000) + 1} from 10.${(i >> 8) & 255}.${i & 255}.0/24 to 192.0.2.1\n`;
  const text = `policy p from a to b {\n${Array.from({ length: 10_000 }, (_, i) => rule(i)).join('')}  default deny\n}\n`;
  assert.equal(parseIn(1500, text), []);
});
test('a message is never as long as what it speaks of', () => {
  const long = 'x'.repeat(10_000);
  for (const text of [
    `zone a = ${long}%`,
    `zone a b${long}`,
    `host h = ${'1.'.repeat(9000)}`,
    `host h = [${'1:'.repeat(9000)}]`,
    `include "${long}`,
  ]) {
    const { diagnostics } = read(text);
    assert.is(diagnostics.length, 1);
    const [{ message, expected, fixes }] = diagnostics as [(typeof diagnostics)[number]];
    for (const words of [message, expected!, ...fixes.map(({ title }) => title)]) assert.ok(words.length < 500, words);
  }
});
test('a span is always within the text', () => {
  for (const text of [
    '',
    '\n',
    '{',
    '}',
    ',',
    'gateway',
    'gateway g {',
    'gateway g {\n',
    '"',
    'zone a =\n\n\n',
    'a\r\nb\r\n',
  ]) {
    for (const one of parse({ file: 'x', text }).diagnostics) checkSpan(text, one.span);
  }
});

test.run();
