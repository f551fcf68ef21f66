/** Expectations for other programs: TAP 14 (https://testanything.org/tap-version-14-specification.html) and JUnit's XML. */
import type { ExpectationResult, StepResult } from '../../compiler/simulate/expect.ts';
import type { Tested } from './test-report.ts';

/** A test an expectation; a file with errors, and one without expectations (skipped), are a test, too. */
export function renderTap(tested: readonly Tested[]): string {
  const points = tested.flatMap(({ file, results }) => {
    if (results === null) return [{ passed: false, text: `${file} has errors`, more: [] as string[] }];
    if (results.length === 0) {
      return [{ passed: true, text: `${tapText(file)} # SKIP it has no \`expect\` block`, more: [] as string[] }];
    }
    return results.map((one) => ({
      passed: one.passed,
      text: tapText(`${file}: ${one.title}`),
      more: one.passed ? [] : renderYaml(one),
    }));
  });
  const lines = points.flatMap(({ passed, text, more }, i) => [
    `${passed ? 'ok' : 'not ok'} ${i + 1} - ${text}`,
    ...more.map((line) => `  ${line}`),
  ]);
  return `${['TAP version 14', `1..${points.length}`, ...lines].join('\n')}\n`;
}

/** `#` would begin a directive, a backslash an escape. */
function tapText(text: string): string {
  return text.replace(/[\\#]/g, '\\$&').replace(/[\r\n]+/g, ' ');
}

/** Texts in JSON's quotes are YAML's, too. */
function renderYaml({ steps }: ExpectationResult): string[] {
  const failed = steps.filter(({ passed }) => !passed);
  const texts = failed.flatMap(({ span, packet, expected, happened, why }) => [
    `  - at: ${JSON.stringify(`${span.file}:${span.line}`)}`,
    `    packet: ${JSON.stringify(packet)}`,
    `    expected: ${JSON.stringify(expected)}`,
    `    happened: ${JSON.stringify(happened)}`,
    `    why: ${JSON.stringify(why)}`,
  ]);
  return ['---', 'failed:', ...texts, '...'];
}

/** A suite a file, a case an expectation. */
export function renderJunit(tested: readonly Tested[]): string {
  const total = sum(tested.map(countCases));
  const suites = tested.map((one) => {
    const open = `  <testsuite name=${quote(one.file)} ${attributes(countCases(one))}>`;
    return [open, ...listCases(one), '  </testsuite>'].join('\n');
  });
  const head = '<?xml version="1.0" encoding="UTF-8"?>';
  return `${head}\n<testsuites name="masqc test" ${attributes(total)}>\n${suites.join('\n')}\n</testsuites>\n`;
}

interface Counts {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
}

function countCases({ results }: Tested): Counts {
  if (results === null) return { tests: 1, failures: 0, errors: 1 };
  return { tests: results.length, failures: results.filter(({ passed }) => !passed).length, errors: 0 };
}

function sum(counts: readonly Counts[]): Counts {
  const add = (key: keyof Counts) => counts.reduce((total, one) => total + one[key], 0);
  return { tests: add('tests'), failures: add('failures'), errors: add('errors') };
}

function attributes({ tests, failures, errors }: Counts): string {
  return `tests="${tests}" failures="${failures}" errors="${errors}" time="0"`;
}

function listCases({ file, results }: Tested): string[] {
  if (results === null) {
    const error = '<error message="the file has errors: `masqc check` says which"/>';
    return [`    <testcase classname=${quote(file)} name="it compiles" time="0">${error}</testcase>`];
  }
  return results.map(({ title, span, passed, steps }) => {
    const where = `classname=${quote(file)} name=${quote(title)} file=${quote(span.file)} line="${span.line}" time="0"`;
    if (passed) return `    <testcase ${where}/>`;
    const failures = steps.filter((step) => !step.passed).map(describeFailure);
    const message = quote(failures[0] ?? '');
    const body = `      <failure message=${message}>${escapeXml(failures.join('\n'))}</failure>`;
    return `    <testcase ${where}>\n${body}\n    </testcase>`;
  });
}

function describeFailure({ span, packet, expected, happened, why }: StepResult): string {
  return `${span.file}:${span.line}: ${packet} ${expected}, but ${happened}: ${why}`;
}

function quote(text: string): string {
  return `"${escapeXml(text)}"`;
}

/** What XML 1.0 can't hold at all (section 2.2) becomes a replacement character. */
function escapeXml(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  const plain = [...text].map((sign) => (isXml(sign.codePointAt(0) ?? 0) ? sign : '\ufffd')).join('');
  return plain
    .replace(/[&<>"]/g, (sign) => names[sign] ?? sign)
    .replace(/[\t\r\n]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function isXml(code: number): boolean {
  if (code < 0x20) return code === 0x9 || code === 0xa || code === 0xd;
  return (code < 0xd800 || code > 0xdfff) && code !== 0xfffe && code !== 0xffff;
}
