import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listTokens, misspell, mutate } from './mutate.ts';
import { checkSpan, read } from './read.ts';

const test = suite('single-token mistakes');
const source = readFileSync(new URL('fixtures/every-sentence.masq', import.meta.url), 'utf8');
const mutations = [...mutate(source)].map((mutation) => ({
  ...mutation,
  diagnostics: read(mutation.text).diagnostics,
}));
const describe = ({ kind, image, replacement, line }: (typeof mutations)[number]) =>
  kind === 'delete' ? `${line}: without ${image}` : `${line}: ${image} as ${replacement}`;

test('the tokens of a source are where it says', () => {
  const tokens = [...listTokens('zone a = b, # c\n\n "d e"')];
  assert.equal(
    tokens.map(({ image }) => image),
    ['zone', 'a', '=', 'b', ',', '"d e"'],
  );
  assert.equal(tokens.at(-1), { image: '"d e"', line: 3, column: 2, start: 18 });
});
test('misspelling changes a word, and nothing else', () => {
  assert.equal(['from', 'any', 'x', 'aa', '80', '{', '"a"', 'tcp-fin'].map(misspell), [
    'form',
    'nay',
    'xx',
    'aaa',
    null,
    null,
    null,
    'tpc-fin',
  ]);
});
test('each gives at most one error a line, with a span in the text', () => {
  assert.ok(mutations.length > 700);
  for (const mutation of mutations) {
    const { diagnostics } = mutation;
    const lines = diagnostics.map(({ span }) => span.line);
    assert.is(new Set(lines).size, lines.length, describe(mutation));
    for (const { span, related, fixes } of diagnostics) {
      for (const place of [span, ...related.map((one) => one.span), ...fixes.map((one) => one.span)]) {
        checkSpan(mutation.text, place);
      }
    }
  }
});
test('each error is one, and on the line of the mistake', () => {
  const elsewhere = mutations.filter(({ diagnostics, line }) => {
    return diagnostics.length > 1 || (diagnostics.length === 1 && diagnostics[0]!.span.line !== line);
  });
  // A block that is not closed is noticed where the next one begins; a comma at the end of a line, on the next line.
  const others = elsewhere.filter(({ kind, image }) => kind !== 'delete' || !['}', ','].includes(image));
  assert.equal(others.map(describe), []);
});
test('a misspelt keyword is never read as something else', () => {
  const silent = mutations
    .filter(({ kind, diagnostics }) => kind === 'misspell' && diagnostics.length === 0)
    .map(({ image }) => image);
  const keywords =
    'gateway interface zone network host set service policy masquerade redirect autofw map expect include';
  const clauses =
    'from to on except limit log is by as every fall rise weight burst per source flows default allow deny';
  for (const word of `${keywords} ${clauses}`.split(' ')) assert.not.ok(silent.includes(word), word);
});
test('the fixes of misspelt words give the source back', () => {
  const wrong = mutations.filter(({ kind, text, diagnostics }) => {
    const [error] = diagnostics;
    const [fix] = error?.fixes ?? [];
    if (kind !== 'misspell' || error === undefined) return false;
    if (fix === undefined) return true;
    return text.slice(0, fix.span.start) + fix.replacement + text.slice(fix.span.end) !== source;
  });
  assert.equal(wrong.map(describe), []);
});

test.run();
