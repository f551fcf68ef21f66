import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Diagnostic } from '../../grammar/diagnostic.ts';
import { keywordTypes } from '../../grammar/tokens.ts';
import { listTokens } from './mutate.ts';
import { checkSpan, read } from './read.ts';

const test = suite('fuzz');
const source = readFileSync(new URL('fixtures/every-sentence.masq', import.meta.url), 'utf8');
const pieces = [...listTokens(source)];
const runs = Number(process.env.MASQC_FUZZ_RUNS ?? 2000);

const literal = fc.constantFrom(
  ...[
    '80',
    '0',
    '65536',
    '80-90',
    '90-80',
    '10/minute',
    '10/min',
    '5m',
    '2h4m',
    '1x',
    '10.0.0.1',
    '10.0.0.1/8',
    '10.0.0.0/8',
  ],
  ...[
    '1.2.3.400',
    '10.0.0.1-10.0.0.9',
    '::',
    '2001:db8::1',
    '2001:db8::/32',
    '::1::',
    '[::1]',
    '[',
    ']',
    '"a"',
    '"a',
    '"',
    '\\',
  ],
  ...[
    'a',
    'lan',
    'eth0.100',
    'x@y',
    'ä',
    '日本',
    '👩',
    '\u202e',
    '\0',
    '\uFFFD',
    '#',
    '# a',
    '//',
    '->',
    '!',
    '$',
    '%',
    '999999999999999999',
  ],
);
const sign = fc.constantFrom('{', '}', ',', '=', ':', ';', '\n', '\n', '\n  ', '\r\n', ' ', '\t');
const word = fc.constantFrom(...keywordTypes.map(([text]) => text));
const soup = fc
  .array(fc.tuple(fc.oneof(word, word, word, literal, sign), fc.constantFrom(' ', ' ', ' ', '', '\n')), {
    maxLength: 80,
  })
  .map((list) => list.map(([text, gap]) => text + gap).join(''));

/** The source with some of its tokens deleted, doubled, swapped with others or replaced. */
const mutated = fc
  .array(
    fc.tuple(
      fc.nat(pieces.length - 1),
      fc.oneof(fc.constantFrom('', '\n', '}'), word, literal, fc.nat(pieces.length - 1)),
    ),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  .map((changes) => {
    let text = source;
    for (const [at, change] of changes.toSorted(([a], [b]) => b - a)) {
      const { start, image } = pieces[at]!;
      const replacement = typeof change === 'number' ? pieces[change]!.image : change;
      text = text.slice(0, start) + replacement + text.slice(start + image.length);
    }
    return text;
  });

function checkAll(text: string): void {
  const { diagnostics } = read(text);
  const lines = new Set<number>();
  for (const one of diagnostics) {
    checkOne(text, one);
    assert.ok(one.code === 'MQ199' || !lines.has(one.span.line), `line ${one.span.line} has one error`);
    lines.add(one.span.line);
  }
}

function checkOne(text: string, { span, related, fixes, message, expected }: Diagnostic): void {
  for (const place of [span, ...related.map((one) => one.span), ...fixes.map((one) => one.span)])
    checkSpan(text, place);
  assert.ok(message.length > 0 && message.length < 400, 'a message of a sensible length');
  assert.ok(expected, 'says what is expected');
  assert.not.match(`${message}${expected}`, /undefined|NaN|\[object/);
}

test('any soup of tokens is read, with one error a line and every span in the text', () => {
  fc.assert(fc.property(soup, checkAll), { numRuns: runs });
});
test('so is a whole file with some tokens changed', () => {
  fc.assert(fc.property(mutated, checkAll), { numRuns: Math.ceil(runs / 4) });
});
test('so is any text at all', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), checkAll), { numRuns: runs });
});
test('so is any text with a block before it', () => {
  const block = fc.constantFrom('gateway g {\n', 'policy p from a to b {\n', 'redirect r {\n', 'expect "x" {\n');
  fc.assert(
    fc.property(block, soup, (head, text) => checkAll(head + text)),
    { numRuns: runs },
  );
});
test('reading a text twice gives the same', () => {
  fc.assert(
    fc.property(soup, (text) => assert.equal(read(text), read(text))),
    { numRuns: 200 },
  );
});

test.run();
