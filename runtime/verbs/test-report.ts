import type { ExpectationResult } from '../../compiler/simulate/expect.ts';
import type { Colours } from '../cli/io.ts';

/** A line an expectation; under one that fails, each step that does, with what happens instead and why. */
export function renderExpectations(results: readonly ExpectationResult[], c: Colours): string {
  const lines: string[] = [];
  for (const { title, passed, steps } of results) {
    lines.push(`${passed ? c.green('✓') : c.red('✗')} ${title}`);
    for (const step of steps.filter((one) => !one.passed)) {
      lines.push(
        `    ${c.dim(`${step.span.file}:${step.span.line}`)}  ${step.packet}`,
        `      expected  ${c.green(step.expected)}`,
        `      but       ${c.red(step.happened)}: ${step.why}`,
      );
    }
  }
  lines.push(summarize(results, c));
  return `${lines.join('\n')}\n`;
}

function summarize(results: readonly ExpectationResult[], c: Colours): string {
  const count = (number: number) => `${number} expectation${number === 1 ? '' : 's'}`;
  const failed = results.filter((one) => !one.passed).length;
  const steps = results.reduce((sum, one) => sum + one.steps.length, 0);
  if (results.length === 0) return c.yellow('the file has no `expect` block: nothing was tested');
  const hold = results.length === 1 ? 'holds' : 'hold';
  if (failed === 0) return c.green(`${count(results.length)} ${hold}, ${steps} packet${steps === 1 ? '' : 's'} asked`);
  return c.red(`${failed} of ${count(results.length)} ${failed === 1 ? 'fails' : 'fail'}`);
}

export function renderExpectationsJson(results: readonly ExpectationResult[]): string {
  const expectations = results.map(({ title, span, passed, steps }) => ({
    title,
    file: span.file,
    line: span.line,
    passed,
    steps: steps.map((step) => ({
      line: step.span.line,
      passed: step.passed,
      packet: step.packet,
      expected: step.expected,
      happened: step.happened,
      why: step.why,
    })),
  }));
  const passed = results.every((one) => one.passed);
  return `${JSON.stringify({ schema: 'masqc/test@1', passed, expectations }, null, 2)}\n`;
}
