/**
 * Runs the test files, each in a process of its own. Those that touch the kernel come first, each in network namespaces of
 * its own, one more at a time than there are processors: they wait more than they work. Then the others, one for each.
 * Arguments choose files by a part of their path: `npm test -- grammar`.
 *
 * Ends with 1 if a test failed, and with CI=true also if one was skipped.
 */
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import pc from 'picocolors';
import type { Results } from './runner/read-results.ts';
import { runFile, stopAll } from './runner/run-file.ts';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Seconds that a file may take before it counts as hung; other work may be going on. */
const limits = { pure: 120, kernel: 480 };
const budget = 1800; // s, for all files: as other work may be going on

interface Outcome extends Results {
  readonly name: string;
  readonly seconds: number;
}

function findFiles(wanted: readonly string[]): string[] {
  const files = globSync('**/*.test.ts', { cwd: here, exclude: ['**/node_modules'] }).sort();
  return files.filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)));
}

function kindOf(name: string): keyof typeof limits {
  return /^(native|datapath|e2e|behaviour)\//.test(name) ? 'kernel' : 'pure';
}

/** They count single packets of busy lines: while they run, no more files do than there are processors. */
function isDemanding(name: string): boolean {
  return /^e2e\/(flood|soak|resize6?)\./.test(name);
}

function describe(outcome: Outcome): string {
  const { name, passed, failed, skips, seconds } = outcome;
  const mark = failed > 0 ? pc.red('✘') : skips.length > 0 ? pc.yellow('–') : pc.green('✓');
  const counts = [`${passed} passed`];
  if (failed > 0) counts.push(pc.red(`${failed} failed`));
  if (skips.length > 0) counts.push(pc.yellow(`${skips.length} skipped`));
  const line = `${mark} ${name.padEnd(44)} ${counts.join(', ')}  ${pc.dim(`${seconds.toFixed(1)} s`)}`;
  return [line, ...skips.map((why) => pc.dim(`    skipped: ${why}`))].join('\n');
}

async function main(wanted: readonly string[]): Promise<void> {
  const names = findFiles(wanted);
  if (names.length === 0) {
    console.error(`No test file's path contains ${wanted.join(' or ')}.`);
    process.exitCode = 1;
    return;
  }
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  const outcomes: Outcome[] = [];
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stopped = true;
      stopAll();
    });
  }

  const runOne = async (name: string) => {
    const before = elapsed();
    const left = Math.floor(budget - before);
    const results: Results =
      left < 1
        ? { passed: 0, failed: 1, skips: [], failures: `Not run: all tests together had ${budget} s.` }
        : await runFile(`${here}${name}`, Math.min(limits[kindOf(name)], left));
    const outcome = { ...results, name, seconds: elapsed() - before };
    outcomes.push(outcome);
    console.log(describe(outcome));
  };
  const pure = names.filter((name) => kindOf(name) === 'pure');
  const demanding = names.filter((name) => isDemanding(name));
  const kernel = names.filter((name) => kindOf(name) === 'kernel' && !isDemanding(name));
  const work = async (...queues: string[][]) => {
    for (const queue of queues) {
      for (let name = queue.shift(); name !== undefined && !stopped; name = queue.shift()) await runOne(name);
    }
  };
  const others = Array.from({ length: Math.max(1, availableParallelism() - 1) }, () => work(kernel, pure));
  const further = () => Promise.all([work(kernel, pure), work(kernel)]);
  await Promise.all([...others, work(demanding).then(further)]);
  report(outcomes, elapsed(), stopped);
}

function report(outcomes: readonly Outcome[], seconds: number, stopped: boolean): void {
  for (const { name, failures } of outcomes) {
    if (failures === '') continue;
    console.log(`\n${pc.bold(pc.red(relative('.', `${here}${name}`)))}\n${failures}`);
  }
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + count(outcome), 0);
  const failed = sum((outcome) => outcome.failed);
  const skipped = sum((outcome) => outcome.skips.length);
  const strict = process.env.CI === 'true' && skipped > 0;
  console.log(`\n${outcomes.length} files in ${seconds.toFixed(1)} s${stopped ? ', stopped before the end' : ''}`);
  if (strict) console.log('With CI=true a skip is a failure.');
  console.log(`${sum((outcome) => outcome.passed)} passed, ${failed} failed, ${skipped} skipped`);
  if (failed > 0 || strict || stopped) process.exitCode = 1;
}

await main(process.argv.slice(2));
