import pc from 'picocolors';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Diagnostic } from '../../grammar/diagnostic.ts';
import { parse } from '../../grammar/parse.ts';
import { renderDiagnostics } from '../../runtime/report/human.ts';

const test = suite('diagnostics for people');
const plain = pc.createColors(false);
const colourful = pc.createColors(true);

function render(text: string, colours = plain, file = 'gateway.masq'): string {
  return renderDiagnostics(parse({ file, text }).diagnostics, [{ file, text }], colours);
}
/** The quoted line and the marks under it. */
function quoteOf(text: string): string[] {
  const lines = render(text).split('\n');
  const at = lines.findIndex((line) => /^ *\d+ \|/.test(line));
  return [lines[at]!, lines[at + 1]!].map((line) => line.slice(line.indexOf('|') + 2));
}
const warning = (text: string, start: number, end: number): Diagnostic => ({
  code: 'MQ499',
  severity: 'warning',
  message: 'look',
  span: { file: 'gateway.masq', start, end, line: 1, column: start + 1 },
  related: [],
  fixes: [],
  ...(text === '' ? {} : { expected: text }),
});

test('a message, its place, the line with a mark, what was expected, and the mended line', () => {
  assert.is(
    render('zone a = b\nzone c = d e\n'),
    `error[MQ104]: a comma is missing between \`d\` and \`e\`
 --> gateway.masq:2:12
  |
2 | zone c = d e
  |            ^
  = expected: \`,\`
help: insert a comma
  |
2 | zone c = d, e
  |           +

1 error
`,
  );
});
test('a word that was meant', () => {
  assert.is(
    render('redirect www {\n  lisen tcp 80 to yoda\n}\n').split('\n').slice(5).join('\n'),
    `  = expected: \`interface\`, \`address\`, \`listen\`, \`allow\`, \`balance\`, \`check\`, \`drain\`, \`limit\`, \`timeout\`, \`helper\` or \`log\`
help: did you mean \`listen\`?
  |
2 |   listen tcp 80 to yoda
  |   ~~~~~~

1 error
`,
  );
});
test('other places are shown with why they matter', () => {
  const text = 'gateway g {\n  default deny\n\n\n\n\n\n\n\nzone a = b\n';
  assert.is(
    render(text),
    `error[MQ121]: \`gateway g\` is still open: its \`}\` is missing before \`zone\`
  --> gateway.masq:10:1
   |
10 | zone a = b
   | ^^^^
   = expected: \`}\` on a line of its own
note: \`gateway g\` is opened here
  --> gateway.masq:1:1
   |
 1 | gateway g {
   | ---------
help: close the block

1 error
`,
  );
});
test('nothing is said where nothing is wrong', () => {
  assert.is(render('zone a = b'), '');
});
test('the last line counts errors and warnings', () => {
  const sources = [{ file: 'gateway.masq', text: 'zone a = b' }];
  const last = (list: Diagnostic[]) => renderDiagnostics(list, sources, plain).trimEnd().split('\n').at(-1);
  assert.is(last([warning('', 0, 4)]), '1 warning');
  assert.is(
    last([warning('', 0, 4), { ...warning('', 0, 4), severity: 'error' }, warning('', 5, 6)]),
    '1 error, 2 warnings',
  );
});
test('tabs are spread, and the mark stands where the word stands', () => {
  assert.equal(quoteOf('\tzone\ta = b c'), ['    zone    a = b c', '                  ^']);
});
test('wide characters and combining ones keep the mark in place', () => {
  assert.equal(quoteOf('include "日本" x'), ['include "日本" x', `${' '.repeat(15)}^`]);
  assert.equal(quoteOf('include "e\u0301" x'), ['include "e\u0301" x', `${' '.repeat(12)}^`]);
});
test('a long line is cut around what is meant', () => {
  const list = Array.from({ length: 100 }, (_, i) => `name-${i}`).join(', ');
  const [line, marks] = quoteOf(`zone a = ${list} wrong ${list}`);
  assert.ok(line!.length <= 124, `${line!.length} columns`);
  assert.is(line!.slice(marks!.indexOf('^'), marks!.lastIndexOf('^') + 1), 'wrong');
  assert.match(line!, /^….*…$/);
});
test('a line of a million characters is cut, too', () => {
  const [line, marks] = quoteOf(`include "${'x'.repeat(900_000)}" y`);
  assert.ok(line!.length <= 124);
  assert.is(line!.charAt(marks!.indexOf('^')), 'y');
});
test('a mark at the end of the text has a place', () => {
  assert.equal(quoteOf('zone a ='), ['zone a =', '        ^']);
  assert.equal(quoteOf('zone a =\r\n'), ['zone a =', '        ^']);
});
test('control characters of a file never reach the terminal', () => {
  const text = render('zone \u001b[31m\u009b\u0007 = \u202eb # \u001b]0;x');
  assert.not.match(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  assert.match(text, '␛');
});
test('a file name is shown as harmlessly', () => {
  assert.not.match(render('x', plain, 'a\u001b[2Jb\nc.masq'), /\u001b|b\nc/);
});
test('a text that is not known gives the place alone', () => {
  const text = renderDiagnostics([warning('more', 0, 4)], [], plain);
  assert.is(text, 'warning[MQ499]: look\n --> gateway.masq:1:1\n  = expected: more\n\n1 warning\n');
});
test('colours are there when they are wanted, and change nothing else', () => {
  const text = 'zone c = d e';
  const coloured = render(text, colourful);
  assert.match(coloured, /\u001b\[31m/);
  assert.is(coloured.replace(/\u001b\[\d+m/g, ''), render(text));
});

test.run();
