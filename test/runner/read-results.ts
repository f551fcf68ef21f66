/** What one test file's run came to. */
export interface Results {
  readonly passed: number;
  readonly failed: number;
  /** A reason for each skip. */
  readonly skips: readonly string[];
  /** What to show of the failures; empty when there are none. */
  readonly failures: string;
}

/** How the process of a test file ended. */
export interface Ending {
  readonly output: string;
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The time limit in seconds that it ran into, or null. */
  readonly ranOutOf: number | null;
}

/** uvu's closing lines, e.g. `  Total:     3`. */
function readCount(output: string, what: 'Total' | 'Passed' | 'Skipped'): number | null {
  const found = new RegExp(`^ {2}${what}: +(\\d+)$`, 'm').exec(output);
  return found === null ? null : Number(found[1]);
}

function endOf(text: string): string {
  return text.trimEnd().split('\n').slice(-40).join('\n');
}

/** Suites that the source makes but never runs: uvu would pass over them in silence. */
export function countForgottenSuites(source: string): number {
  const made = source.match(/^(export )?const \w+ = suite(<[^>]*>)?\(/gm)?.length ?? 0;
  const run = source.match(/^\w+\.run\(\)/gm)?.length ?? 0;
  return Math.max(0, made - run);
}

/** Reads the outcome from what a test file printed and how it ended. */
export function readResults(ending: Ending, source: string): Results {
  const { output, exitCode, signal, ranOutOf } = ending;
  const skips = [...output.matchAll(/^skipped: (.*)$/gm)].map((match) => match[1] ?? '');
  const total = readCount(output, 'Total');
  const passed = readCount(output, 'Passed') ?? 0;
  for (let i = readCount(output, 'Skipped') ?? 0; i > 0; i -= 1) skips.push('left out by the test file itself');

  const broken = (why: string): Results => ({
    passed,
    failed: Math.max(1, (total ?? 0) - passed),
    skips,
    failures: `${why}\n${endOf(output)}`,
  });
  if (ranOutOf !== null) return broken(`Ran out of its ${ranOutOf} s.`);
  if (signal !== null) return broken(`Ended by ${signal}.`);
  const forgotten = countForgottenSuites(source);
  if (forgotten > 0) return broken(`Makes ${forgotten} suite(s) that never .run().`);
  if (total === null) {
    if (exitCode === 0 && skips.length > 0) return { passed: 0, failed: 0, skips, failures: '' };
    return broken(exitCode === 0 ? 'Ended without a result.' : `Ended with exit code ${exitCode} and no result.`);
  }
  if (total === 0 && skips.length === 0) return broken('Holds no test.');
  if (total === passed && exitCode !== 0) return broken(`Every test passed, but the exit code is ${exitCode}.`);
  if (total === passed) return { passed, failed: 0, skips, failures: '' };
  const shown = /^ {3}FAIL [\s\S]*?(?=^ {2}Total:)/m.exec(output);
  if (shown === null) return broken('A hook of the suite failed (uvu does not say how).');
  return { passed, failed: total - passed, skips, failures: shown[0].trimEnd() };
}
