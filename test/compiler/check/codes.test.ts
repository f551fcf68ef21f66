import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { CODES } from '../../../compiler/check/codes.ts';
import type { Case } from './cases/case.ts';
import { MEANING } from './cases/meaning.ts';
import { NAMES } from './cases/names.ts';
import { WARNINGS } from './cases/warnings.ts';
import { applyFix, checkText, describe, GATEWAY, NETWORK, unmark } from './check-text.ts';

const suite = makeSuite('codes of the checker');
const CASES: readonly Case[] = [...NAMES, ...MEANING, ...WARNINGS];

for (const { code, fact, bad, good, whole, fixed, says } of CASES) {
  const { code: number, severity } = CODES[code];
  const { text, places } = unmark((whole ? '' : GATEWAY + NETWORK) + bad);

  suite(`${number}: ${fact}`, () => {
    const { diagnostics } = checkText(text);
    const found = diagnostics.filter((diagnostic) => diagnostic.code === number);
    assert.is(found.length, places.length, describe(diagnostics));
    // An error hides the warnings, and nothing else may be wrong with the text.
    const others = diagnostics.filter((one) => one.severity === 'error' && one.code !== number);
    assert.equal(describe(others), '');
    found.forEach((diagnostic, i) => {
      assert.is(diagnostic.severity, severity);
      const { start, end } = diagnostic.span;
      assert.is(text.slice(start, end), text.slice(places[i]?.start, places[i]?.end));
      assert.is(start, places[i]?.start);
      assert.is(text.slice(0, start).split('\n').length, diagnostic.span.line);
      if (says !== undefined) assert.match(diagnostic.message, says);
      assert.not.match(`${diagnostic.message} ${diagnostic.expected ?? ''}`, /undefined|null|\[object/);
    });
    if (fixed) {
      assert.ok(found[0]);
      const mended = checkText(applyFix(text, found[0]));
      assert.is(
        mended.diagnostics.filter((one) => one.code === number).length,
        places.length - 1,
        describe(mended.diagnostics),
      );
    }
  });

  suite(`${number} is silent where it should be: ${fact}`, () => {
    const { diagnostics } = checkText((whole ? '' : GATEWAY + NETWORK) + good);
    const bad = diagnostics.filter((diagnostic) => diagnostic.severity === 'error' || diagnostic.code === number);
    assert.equal(describe(bad), '');
  });
}

const OF_LOADING = ['unreadable', 'includeLoop', 'includeTooDeep', 'includedTwice', 'badLineInFile', 'emptyFile'];

suite('has a case for every code', () => {
  const cased = new Set<string>(CASES.map(({ code }) => code));
  const missing = Object.keys(CODES).filter((name) => !cased.has(name) && !OF_LOADING.includes(name));
  assert.equal(missing, []);
});

suite('uses no code twice', () => {
  const numbers = Object.values(CODES).map(({ code }) => code);
  assert.is(new Set(numbers).size, numbers.length);
});

suite.run();
