import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { format } from '../../grammar/format/format.ts';
import { lexer } from '../../grammar/tokens.ts';
import { mutate } from './mutate.ts';
import { expectErrors, read, shape } from './read.ts';

const test = suite('format');
const examples = new URL('../../examples/', import.meta.url);
const sources = readdirSync(examples, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.masq'))
  .map((name) => ({ name, text: readFileSync(new URL(name, examples), 'utf8') }));
const fixture = readFileSync(new URL('fixtures/every-sentence.masq', import.meta.url), 'utf8');

function formatted(text: string): string {
  const result = format({ file: 'test.masq', text });
  assert.equal(result.diagnostics, []);
  return result.text!;
}
function expectFormat(text: readonly string[], expected: readonly string[]): void {
  assert.is(formatted(text.join('\n')), `${expected.join('\n')}\n`);
  assert.is(formatted(`${expected.join('\n')}\n`), `${expected.join('\n')}\n`, 'again');
}

test('a block is indented, its properties stand in columns', () => {
  expectFormat(
    ['masquerade m{', 'from   home ,servers', '        interface wan', '\tlog}'],
    ['masquerade m {', '  from      home, servers', '  interface wan', '  log', '}'],
  );
});
test('the `=` of neighbours of one kind are in a column; blank lines and other kinds part them', () => {
  expectFormat(
    ['host a=1.2.3.4', '# one more', 'host bcd = ::1', 'zone z = a', '', 'zone longer=b', 'zone c =  d'],
    ['host a   = 1.2.3.4', '# one more', 'host bcd = ::1', 'zone z = a', '', 'zone longer = b', 'zone c      = d'],
  );
});
test('a block between two interfaces does not part them', () => {
  expectFormat(
    ['interface a = b {', 'xdp off', '}', 'interface longer = c'],
    ['interface a      = b {', '  xdp off', '}', 'interface longer = c'],
  );
});
test('the `is` of the steps of an expectation are in a column', () => {
  expectFormat(
    [
      'expect "x" {',
      'tcp  from a:1 on b to [::1]:2 is denied',
      'wait 5m',
      'icmp from a on b to c is allowed by d',
      '}',
    ],
    [
      'expect "x" {',
      '  tcp from a:1 on b to [::1]:2 is denied',
      '  wait 5m',
      '  icmp from a on b to c        is allowed by d',
      '}',
    ],
  );
});
test('rules are not put into columns, the properties of a gateway are', () => {
  expectFormat(
    ['gateway g {', 'default deny', 'flows 10', 'established keep', 'deny   from x', '}'],
    ['gateway g {', '  default     deny', '  flows       10', '  established keep', '  deny from x', '}'],
  );
});
test('a block of one sentence stays on the line on which it was written', () => {
  expectFormat(
    ['interface a = b{mss clamp}# c', 'gateway g {default deny', '}', 'expect "nothing"{}'],
    ['interface a = b { mss clamp }         # c', 'gateway g {', '  default deny', '}', 'expect "nothing" { }'],
  );
});
test('blank lines become one, and none at the edges of a block or a file', () => {
  expectFormat(
    ['', '', 'gateway g {', '', '', 'flows 1', '', '  ', 'default deny', '', '}', '', '', 'zone a = b', '', ''],
    ['gateway g {', '  flows   1', '', '  default deny', '}', '', 'zone a = b'],
  );
  for (const empty of ['', '\n\n', ' \t', '\uFEFF', '\r\n']) assert.is(formatted(empty), '');
});
test('comments stand where they stood: over a line, behind it, inside a list', () => {
  expectFormat(
    [
      '#a',
      '   # b   ',
      'set s = 1.2.3.4, #first',
      '',
      '#second',
      '5.6.7.8 #last',
      'policy p from a to b { # p',
      '#x',
      'default deny # d',
      '# y',
      '} # e',
      '# f',
    ],
    [
      '#a',
      '# b',
      'set s = 1.2.3.4,                      #first',
      '',
      '        #second',
      '        5.6.7.8                       #last',
      'policy p from a to b {                # p',
      '  #x',
      '  default deny                        # d',
      '  # y',
      '}                                     # e',
      '# f',
    ],
  );
});
test('comments beyond the usual column have one of their own; neighbours share it', () => {
  const far = `  deny from ${'x'.repeat(40)}`;
  expectFormat(
    [
      'policy p from a to b {',
      'deny from a # a',
      `${far} # b`,
      `${far}yz # c`,
      'deny # d',
      'deny to c',
      `${far} # e`,
      'default deny',
      '}',
    ],
    [
      'policy p from a to b {',
      '  deny from a                         # a',
      `${far}    # b`,
      `${far}yz  # c`,
      '  deny                                # d',
      '  deny to c',
      `${far}  # e`,
      '  default deny',
      '}',
    ],
  );
});
test('a comment that goes on in the column of the one above stays there', () => {
  expectFormat(
    ['zone a = b # one', '           # two', '', '           # three', 'zone c = d'],
    [
      'zone a = b                            # one',
      '                                      # two',
      '',
      '# three',
      'zone c = d',
    ],
  );
});
test('a long list is broken after commas, with the rest under its beginning', () => {
  const names = Array.from({ length: 30 }, (_, i) => `partner-${i}`);
  const result = formatted(`set all = ${names.join(',')} # everyone`);
  const lines = result.trimEnd().split('\n');
  assert.is(lines.length, 4);
  for (const line of lines.slice(0, -1)) assert.ok(line.length <= 120 && line.length > 105 && line.endsWith(','), line);
  for (const line of lines.slice(1)) assert.match(line, /^ {10}partner-/);
  assert.match(lines.at(-1)!, /partner-29 +# everyone$/);
  assert.is(formatted(result), result);
  const rule = formatted(`policy p from a to b {\n  allow from ${names.join(', ')}\n  default deny\n}\n`);
  assert.match(rule.split('\n')[2]!, /^ {6}partner/);
});
test('line ends of Windows and a mark of byte order go', () => {
  assert.is(
    formatted('\uFEFFzone a = b # c\r\n\r\n\r\nzone c = d\r\n'),
    `zone a = b${' '.repeat(28)}# c\n\nzone c = d\n`,
  );
});
test('a text with syntax errors is not formatted', () => {
  const result = format({ file: 'test.masq', text: 'zone a = b\nzone = \n' });
  assert.is(result.text, null);
  assert.equal(result.diagnostics, expectErrors('zone a = b\nzone = \n', 'MQ113 2 ='));
});
test('a list of 100,000 prefixes takes little time', () => {
  const text = `set s = ${Array.from({ length: 100_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).join(',\n')}\n`;
  const begun = process.cpuUsage();
  assert.ok(formatted(text).length > text.length);
  const { user } = process.cpuUsage(begun); // others may be at work on the machine
  assert.ok(user < 5_000_000, `${user} µs`);
});

for (const { name, text } of sources) {
  test(`examples/${name} is in its form`, () => assert.is(formatted(text), text));
}

// ---- properties -------------------------------------------------------------------------------------------------------

/** The comments of a text, each with the number of words before it. */
function listComments(text: string): string[] {
  let words = 0;
  return text.split(/\r?\n/).flatMap((line) => {
    const { tokens } = lexer.tokenize(line);
    words += tokens.length;
    const last = tokens.at(-1);
    const rest = line.slice(last === undefined ? 0 : last.startOffset + last.image.length).replace(/^\uFEFF/, '');
    return rest.trim() === '' ? [] : [`${words} ${rest.trim()}`];
  });
}

function checkFormat(text: string): void {
  const before = read(text);
  const { text: after } = format({ file: 'test.masq', text });
  if (before.diagnostics.length > 0) {
    assert.is(after, null);
    return;
  }
  assert.equal(shape(read(after!)), shape(before), 'it means the same');
  assert.equal(listComments(after!), listComments(text), 'the comments are where they were');
  assert.is(formatted(after!), after, 'formatting it again changes nothing');
  assert.not.match(after!, /[ \t\r]\n|\n\n\n|^\n|\{\n\n|\n\n\}|\n\n$|[^\n]$/);
  for (const line of after!.split('\n')) {
    const words = lexer.tokenize(line).tokens;
    const comma = words.slice(0, -1).find(({ image }) => image === ',');
    const last = words.at(-1);
    if (last !== undefined && last.startOffset + last.image.length > 120) assert.is(comma, undefined, line);
  }
}

/** Everything that may stand between two words: `end`s a sentence, goes `on` after a comma, stays `within` a line. */
const blank = fc.constantFrom('', ' ', '  ', '\t', '   ');
const comment = fc.constantFrom('', '', '# c', '#', '# "{ a', '#   } a, b = c', '# ä日本');
const whole = fc.array(
  fc.tuple(blank, comment).map((parts) => parts.join('')),
  { maxLength: 3 },
);
const lineEnd = fc
  .tuple(blank, comment, whole, fc.constantFrom('\n', '\n', '\r\n'), blank)
  .map(([before, behind, lines, newline, after]) => [before + behind, ...lines].join(newline) + newline + after);

/** What goes on after a comma must not stand further to the left than its sentence. */
const FURTHER = ' '.repeat(60);
/** The words of a text, set otherwise. */
function scramble(text: string, gaps: fc.GeneratorValue, inline: boolean): string {
  let result = gaps(() => lineEnd);
  let before = ',';
  for (const line of text.split('\n')) {
    const { tokens } = lexer.tokenize(line);
    for (const [i, { image, startOffset }] of tokens.entries()) {
      const apart = i === 0 || startOffset > tokens[i - 1]!.startOffset + tokens[i - 1]!.image.length;
      const free = [',', '{', '}', '=', '"'].some((sign) => before.endsWith(sign) || image.startsWith(sign));
      if (before === ',' && i > 0 && !inline && gaps(fc.boolean)) result += gaps(() => lineEnd) + FURTHER;
      else if (i > 0 && before !== ':' && image !== ':') result += gaps(() => blank);
      if (i > 0 && apart && !free && !/[\s]$/.test(result)) result += ' ';
      result += image;
      before = image;
    }
    if (tokens.length > 0) result += inline && before === '{' ? ' ' : gaps(() => lineEnd);
    if (before === ',') result += FURTHER;
  }
  return result;
}

/** Documents with lists and names of any length. */
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,30}$/).map((text) => `x${text}`);
const list = fc.array(fc.oneof(name, fc.ipV4()), { minLength: 1, maxLength: 40 }).map((items) => items.join(','));
const names = fc.array(name, { minLength: 1, maxLength: 40 }).map((items) => items.join(','));
const fill = (...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<string> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))
    .map((texts) => texts.join(' '));
const block = (head: fc.Arbitrary<string>, lines: readonly fc.Arbitrary<string>[], last: string) =>
  fc
    .tuple(head, fc.array(fc.oneof(...lines), { minLength: 1, maxLength: 6 }))
    .map(([first, rest]) => [`${first} {`, ...rest, last, '}'].join('\n'));
const declaration = fc.oneof(
  fill('set', name, '=', list),
  fill('zone', name, '=', names),
  fill('host', name, '= ::1'),
  fill('interface', name, '=', name, fc.constantFrom('', '{ xdp off }', '{\nmss clamp\nxdp off\n}')),
  block(
    fill('policy', name, 'from', names, 'to', names),
    [fill('deny from', list), fill('allow tcp 22,80 to', list)],
    'default deny',
  ),
  block(fill('masquerade', name), [fill('from', list), fill('interface', names), fc.constant('log')], 'ports 1-2'),
  block(
    fill('expect "x"'),
    [fill('tcp from', name, 'on', name, 'to', name, 'is denied by', name), fc.constant('wait 5m')],
    '',
  ),
);
const generated = fc.array(declaration, { maxLength: 12 }).map((all) => all.join('\n'));

/** Long ones have more of the same. */
const texts = [...sources.map(({ text }) => text).filter(({ length }) => length < 8000), fixture];
test('whatever stands between the words of a file, it means the same afterwards, and keeps its comments', () => {
  fc.assert(
    fc.property(fc.constantFrom(...texts), fc.gen(), fc.boolean(), (text, gaps, inline) => {
      const scrambled = scramble(text, gaps, inline);
      assert.equal(shape(read(scrambled)), shape(read(text)), 'the test itself keeps the meaning');
      checkFormat(scrambled);
    }),
    { numRuns: 40, includeErrorInReport: true, endOnFailure: true },
  );
});

test('the same for documents of any shape', () => {
  fc.assert(
    fc.property(generated, fc.gen(), fc.boolean(), (text, gaps, inline) => {
      assert.equal(read(text).diagnostics, []);
      checkFormat(scramble(text, gaps, inline));
    }),
    { numRuns: 150, includeErrorInReport: true, endOnFailure: true },
  );
});
test('the same for whatever of a file can still be read when a word is missing or wrong', () => {
  let readable = 0;
  for (const part of new Set(texts.flatMap((text) => text.split(/\n\n(?! )/)))) {
    for (const [i, mutation] of [...mutate(part)].entries()) {
      if (i % 2 === 1 || read(mutation.text).diagnostics.length > 0) continue;
      readable++;
      checkFormat(mutation.text);
    }
  }
  assert.ok(readable > 500, String(readable));
});

test.run();
