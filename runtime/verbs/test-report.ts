import type { ExpectationResult } from '../../compiler/simulate/expect.ts';
import type { Colours } from '../cli/io.ts';

/** A file, and how its expectations fare; null: it has errors, and nothing could be asked. */
export interface Tested {
  readonly file: string;
  readonly results: readonly ExpectationResult[] | null;
}

export function hold({ results }: Tested): boolean {
  return results?.every(({ passed }) => passed) ?? false;
}

/** A line an expectation; under one that fails, each step that does, with what happens instead and why. */
export function renderExpectations(tested: readonly Tested[], c: Colours): string {
  const lines = tested.flatMap((one) => {
    const below = renderFile(one, c);
    return tested.length === 1 ? below : [c.bold(one.file), ...below.map((line) => `  ${line}`), ''];
  });
  lines.push(...summarize(tested, c));
  return `${lines.join('\n')}\n`;
}

function renderFile({ results }: Tested, c: Colours): string[] {
  if (results === null) return [`${c.red('✗')} it has errors: nothing was tested`];
  if (results.length === 0) return [c.yellow('the file has no `expect` block: nothing was tested')];
  return results.flatMap(({ title, passed, steps }) => [
    `${passed ? c.green('✓') : c.red('✗')} ${title}`,
    ...steps
      .filter((one) => !one.passed)
      .flatMap((step) => [
        `    ${c.dim(`${step.span.file}:${step.span.line}`)}  ${step.packet}`,
        `      expected  ${c.green(step.expected)}`,
        `      but       ${c.red(step.happened)}: ${step.why}`,
      ]),
  ]);
}

function summarize(tested: readonly Tested[], c: Colours): string[] {
  const results = tested.flatMap((one) => one.results ?? []);
  const bad = tested.filter((one) => one.results === null).length;
  const failed = results.filter((one) => !one.passed).length;
  const steps = results.reduce((sum, one) => sum + one.steps.length, 0);
  const lines: string[] = [];
  if (failed > 0) {
    lines.push(c.red(`${failed} of ${count(results.length, 'expectation')} ${failed === 1 ? 'fails' : 'fail'}`));
  } else if (results.length > 0) {
    const verb = results.length === 1 ? 'holds' : 'hold';
    lines.push(c.green(`${count(results.length, 'expectation')} ${verb}, ${count(steps, 'packet')} asked`));
  }
  if (bad > 0) lines.push(c.red(`${bad} of ${count(tested.length, 'file')} ${bad === 1 ? 'has' : 'have'} errors`));
  return lines;
}

function count(number: number, name: string): string {
  return `${number} ${name}${number === 1 ? '' : 's'}`;
}

export function renderExpectationsJson(tested: readonly Tested[]): string {
  const expectations = tested.flatMap(({ results }) =>
    (results ?? []).map(({ title, span, passed, steps }) => ({
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
    })),
  );
  const files = tested.map((one) => ({ file: one.file, compiled: one.results !== null, passed: hold(one) }));
  const report = { schema: 'masqc/test@1', passed: tested.every(hold), files, expectations };
  return `${JSON.stringify(report, null, 2)}\n`;
}
