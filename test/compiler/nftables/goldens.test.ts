/**
 * The text of rulesets, beside what it was: a change shows what it does to the eye. `MASQC_GOLDENS=write npm test --
 * nftables/goldens` writes them anew: read the difference before you commit it.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { listGateways } from './rulesets.ts';

const folder = new URL('goldens/', import.meta.url);
const test = suite('rulesets');
/** Those whose text is kept. */
const KEPT = ['containers', 'deathstar', 'every-word', 'long-lists', 'maps', 'two-sites'];
const gateways = listGateways();
const sayable = gateways.filter(({ name }) => KEPT.includes(name));

for (const { name, text } of sayable) {
  test(`${name} is as it was`, () => {
    const golden = new URL(`${name}.nft`, folder);
    if (process.env.MASQC_GOLDENS === 'write') writeFileSync(golden, text);
    assert.fixture(text, readFileSync(golden, 'utf8'));
  });
}

test('there is no golden of nothing', () => {
  assert.equal(
    readdirSync(folder).sort(),
    KEPT.map((name) => `${name}.nft`),
  );
});

test('examples that nftables can not say are refused for what they ask', () => {
  const some = ['delegated', 'discreet', 'limits', 'nptv6'];
  const refused = gateways
    .filter(({ name }) => some.includes(name))
    .map(({ name, unsaid }) => [name, ...new Set(unsaid)]);
  assert.equal(refused, [
    ['delegated', 'MQ601'],
    ['discreet', 'MQ602', 'MQ604'],
    ['limits', 'MQ605', 'MQ612'],
    ['nptv6', 'MQ606'],
  ]);
});

test('every line that decides is there, with a counter and its place', () => {
  for (const { name, model, text, unsaid } of gateways) {
    if (unsaid.length > 0) continue;
    const lines = text.split('\n');
    for (const { id, span, kind } of model.rules) {
      const redirect = model.redirects.find(({ denyId }) => denyId === id);
      if (redirect?.allowFrom.include.any && redirect.allowFrom.except === null) continue; // whom it would deny is nobody
      if (isUnreachable(name, span.line)) continue;
      const place = `comment "${span.file}:${span.line} `;
      const found = lines.filter((line) => line.includes(place));
      assert.ok(found.length > 0, `${name}: line ${span.line} (${kind}) is missing`);
      assert.ok(
        found.some((line) => /\bcounter\b/.test(line) || isElement(line)),
        `${name}: line ${span.line} counts nothing`,
      );
    }
  }
});

/** Of a map that counts for each of its elements. */
const isElement = (line: string): boolean => /^ +\S.* comment "[^"]*" : [^:"]+,?$/.test(line);

/** What is for the gateway does not leave by wan: `masqc check` warns of it. */
const isUnreachable = (name: string, line: number): boolean => name === 'every-word' && line === 43;

test('lines that ask for the same things are one look-up', () => {
  const { text = '' } = gateways.find(({ name }) => name === 'long-lists') ?? {};
  for (const map of text.match(/ map lines-of-\S+ \{[^}]*\}/g) ?? []) assert.match(map, /\n {4}counter\n/);
  assert.match(text, 'ip daddr . tcp dport vmap @lines-of-policy-in');
  assert.match(text, 'dnat ip to tcp dport map @lines-of-redirect-boards');
});

test('one transaction, on one table', () => {
  for (const { text } of gateways) {
    const code = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    assert.equal(code.slice(0, 3), ['table inet masqc', 'delete table inet masqc', 'table inet masqc {']);
    assert.is(code.filter((line) => /^\S/.test(line)).length, 4);
    assert.is(code.at(-1), '}');
  }
});

test.run();
