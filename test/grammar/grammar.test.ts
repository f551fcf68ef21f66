import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codes } from '../../grammar/codes.ts';
import { editDistance, findNearest } from '../../grammar/nearest.ts';
import { SentenceParser } from '../../grammar/sentence-parser.ts';
import { keywordTypes } from '../../grammar/tokens.ts';
import { declarations, foreignWords, sentences } from '../../grammar/words.ts';
import { read } from './read.ts';

const test = suite('grammar');

test('has no ambiguity with one token of look-ahead', () => {
  assert.not.throws(() => new SentenceParser(false));
});
test('a file with every sentence of the language has no errors', () => {
  const text = readFileSync(new URL('fixtures/every-sentence.masq', import.meta.url), 'utf8');
  const { diagnostics, declarations: found } = read(text);
  assert.equal(diagnostics, []);
  assert.equal(new Set(found.map(({ kind }) => kind)).size, 14);
});
test('no code is used twice', () => {
  const all = Object.values(codes).map(({ code }) => code);
  assert.is(new Set(all).size, all.length);
  for (const code of all) assert.match(code, /^MQ[01]\d\d$/);
});
test('every word that begins a sentence is a keyword', () => {
  const known = new Set(keywordTypes.map(([word]) => word));
  for (const word of [...declarations.keys(), ...Object.values(sentences).flat(), ...foreignWords.values()]) {
    assert.ok(known.has(word), word);
  }
});
test('no word of the language is explained as a word of another', () => {
  // `source`, `address` and the like may be both: they are words of ours only in certain places.
  const ours = new Set([...declarations.keys(), ...Object.values(sentences).flat()]);
  for (const word of foreignWords.keys()) assert.not.ok(ours.has(word), word);
});
test('counts edits with swapped neighbours as one', () => {
  assert.is(editDistance('form', 'from', 3), 1);
  assert.is(editDistance('lisen', 'listen', 3), 1);
  assert.is(editDistance('alow', 'deny', 2), 3);
  assert.is(editDistance('', 'abc', 3), 3);
  assert.is(editDistance('abc', 'abc', 3), 0);
});
test('finds the nearest word, or none', () => {
  assert.is(findNearest('masqerade', ['map', 'masquerade']), 'masquerade');
  assert.is(findNearest('lan', ['log', 'listen']), null);
  assert.is(findNearest('x', ['y', 'z']), null);
  assert.is(findNearest('from', ['from', 'form']), 'form');
});

test.run();
