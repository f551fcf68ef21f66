/** A short run of `npm run fuzz:language`. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fuzzLanguage } from './fuzz/fuzz.ts';

const test = suite('damaged gateway files');
const inputs = Number(process.env.MASQC_FUZZ_RUNS ?? 1500);

test('are read to the end, in time, and every diagnostic points into them', () => {
  const { accepted, findings } = fuzzLanguage(Date.now() % 2 ** 32, inputs);
  assert.is(findings.length, 0, findings.map(({ problem, text }) => `${problem}\n${JSON.stringify(text)}`)[0]);
  assert.ok(accepted > 0 && accepted < inputs, `${accepted} of ${inputs} are without error`);
});

test.run();
