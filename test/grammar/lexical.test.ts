import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expectErrors, expectMended, read, shapesOf } from './read.ts';

const test = suite('lexical rules');
const zone = (name: string, ...members: string[]) => ({
  kind: 'zone',
  name: { text: name },
  members: members.map((text) => ({ text })),
});

test('a sentence is a line', () => {
  assert.equal(shapesOf('zone a = b\nzone c = d'), [zone('a', 'b'), zone('c', 'd')]);
});
test('a sentence goes on after a comma, over blank lines and comments', () => {
  assert.equal(shapesOf('zone a = b,\n\n  # more\n  c, # and\n\td\n'), [zone('a', 'b', 'c', 'd')]);
});
test('a sentence goes on after an opening brace, and a closing one ends it', () => {
  const one = shapesOf('gateway g { default deny }');
  assert.equal(one, shapesOf('gateway g {\n\n default deny\n}\n'));
  assert.equal(one, shapesOf('gateway g { # here\n default deny }'));
});
test('an empty text, blank lines and comments mean nothing', () => {
  for (const text of ['', '\n', '  \t\n', '# only a comment', '\uFEFF', '\r\n\r\n']) assert.equal(shapesOf(text), []);
});
test('line ends of Windows and a byte order mark are read over', () => {
  assert.equal(shapesOf('\uFEFFzone a = b,\r\n  c\r\n'), [zone('a', 'b', 'c')]);
  expectErrors('\uFEFFzone a b\r\n', 'MQ113 1 b');
});
test('tabs are blanks', () => {
  assert.equal(shapesOf('zone\ta\t=\tb'), [zone('a', 'b')]);
});
test('names have letters, digits, underscores and dashes, and their case counts', () => {
  assert.equal(shapesOf('zone a-1_B = Lan, lan'), [zone('a-1_B', 'Lan', 'lan')]);
});
test('words with a meaning elsewhere are names', () => {
  assert.equal(shapesOf('zone host = file, map, on, within'), [zone('host', 'file', 'map', 'on', 'within')]);
});
test('keywords never match the beginning of a longer name', () => {
  assert.equal(shapesOf('zone zone-a = anyone, tcp4, selfish, to-gateway'), [
    zone('zone-a', 'anyone', 'tcp4', 'selfish', 'to-gateway'),
  ]);
});
test('a reserved word is no name', () => {
  const words = 'allow deny reject default from to except any self limit log tcp udp sctp icmp gre esp';
  for (const word of words.split(' ')) expectErrors(`zone ${word} = lan`, `MQ111 1 ${word}`);
  expectErrors('zone a = lan, any', 'MQ111 1 any');
});
test('a name is ASCII and begins with a letter', () => {
  expectErrors('zone höhle = lan', 'MQ006 1 höhle');
  expectErrors('zone _a = lan', 'MQ006 1 _a');
  expectErrors('zone 1a = lan', 'MQ018 1 1a');
});
test('a semicolon is not needed', () => {
  expectMended('zone a = b;', 'MQ009 1 ;', 'zone a = b');
  expectErrors('zone a = b; zone c = d', 'MQ009 1 ;');
});
test('a comment begins with #', () => {
  expectMended('zone a = b // two', 'MQ010 1 //', 'zone a = b # two');
});
test('a # in a text is no comment', () => {
  assert.equal(shapesOf('include "a#b" # c'), [{ kind: 'include', path: { value: 'a#b' } }]);
});
test('a text has escapes for quotes and backslashes, and no others', () => {
  assert.equal(shapesOf('include "a \\"b\\" \\\\"'), [{ kind: 'include', path: { value: 'a "b" \\' } }]);
  expectErrors('include "a\\n"', 'MQ008 1 "a\\n"');
});
test('a text may hold any characters that can be seen', () => {
  assert.equal(shapesOf('include "größe 日本 👩‍👩‍👧"'), [{ kind: 'include', path: { value: 'größe 日本 👩‍👩‍👧' } }]);
});
test('a text is closed on its line', () => {
  expectMended('include "a', 'MQ007 1 "a', 'include "a"');
  expectErrors('include "a\\"', 'MQ007 1 "a\\"');
  expectErrors('include "a\\', 'MQ007 1 "a');
  expectMended('include "', 'MQ007 1 "', 'include ""');
  expectMended('expect "a {\n}', 'MQ007 1 "a', 'expect "a" {\n}');
  expectMended('expect "a { # b\n}', 'MQ007 1 "a', 'expect "a" { # b\n}');
});
test('other quotes are no quotes', () => {
  expectErrors('include “a”', 'MQ006 1 “a”');
  expectMended("include 'a'", "MQ006 1 'a'", 'include "a"');
});
test('control characters are refused, in comments too', () => {
  expectErrors('zone a = b # \u001b[31m', 'MQ003 1 \u001b');
  expectErrors('zone a = b # \u202e', 'MQ003 1 \u202e');
  expectErrors('# a\rzone a = b', 'MQ003 1 \r'.trimEnd());
});
test('what is not UTF-8 is refused', () => {
  expectErrors('# f\uFFFDr', 'MQ004 1 \uFFFD');
});
test('a NUL byte means that it is no text at all', () => {
  expectErrors('zone a = b\nzo\0ne ???\n}}', 'MQ002 2 \0');
});
test('spans count UTF-16 units from the beginning of the line', () => {
  const [error] = expectErrors('# 👩\ninclude "👩" x', 'MQ102 2 x');
  assert.is(error!.span.column, 14);
});
test('the span of a declaration stays on its first line', () => {
  const text = 'zone a = b,\n  c';
  const { span } = read(text).declarations[0]!;
  assert.is(text.slice(span.start, span.end), 'zone a = b,');
});

test.run();
