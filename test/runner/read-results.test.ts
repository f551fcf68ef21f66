import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countForgottenSuites, type Ending, readResults } from './read-results.ts';

const results = suite('results of a test file');
const source = "const a = suite('a');\na.run();\n";
const end = (output: string, rest: Partial<Ending> = {}): Ending => ({
  output,
  exitCode: 0,
  signal: null,
  ranOutOf: null,
  ...rest,
});
const closing = (total: number, passed: number, skipped = 0) =>
  `\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.0ms\n\n`;

results('counts what passed', () => {
  assert.equal(readResults(end(closing(3, 3)), source), { passed: 3, failed: 0, skips: [], failures: '' });
});

results('shows the failures alone', () => {
  const output = ` a  ✘ •   (1 / 2)\n\n   FAIL  a  "is a fact"\n    it is not\n\n${closing(2, 1)}`;
  const read = readResults(end(output, { exitCode: 1 }), source);
  assert.is(read.failed, 1);
  assert.is(read.failures, '   FAIL  a  "is a fact"\n    it is not');
});

results('fails a file that runs no test', () => {
  assert.is(readResults(end(''), source).failed, 1);
  assert.is(readResults(end(closing(0, 0)), source).failed, 1);
});

results('fails a file that forgets to run a suite', () => {
  const forgetful = "const a = suite('a');\nconst b = suite<Lab>('b');\na.run();\n";
  assert.is(countForgottenSuites(forgetful), 1);
  assert.is(readResults(end(closing(3, 3)), forgetful).failed, 1);
});

results('fails a file whose hook failed, though uvu ends with 0', () => {
  assert.is(readResults(end(closing(5, 0)), source).failed, 5);
});

results('fails a file that ends badly after its tests', () => {
  assert.is(readResults(end(closing(2, 2), { exitCode: 7 }), source).failed, 1);
  assert.is(readResults(end(closing(2, 2), { exitCode: null, signal: 'SIGSEGV' }), source).failed, 1);
  assert.is(readResults(end('', { signal: 'SIGTERM', exitCode: null, ranOutOf: 60 }), source).failed, 1);
});

results('counts skips, of a whole file and of single tests', () => {
  assert.equal(readResults(end('skipped: needs root\n'), source).skips, ['needs root']);
  assert.is(readResults(end(closing(2, 2, 1)), source).skips.length, 1);
});

results.run();
