/** What `masqc test` writes for other programs. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../compiler/diagram/build.ts';
import { runExpectations } from '../../compiler/simulate/expect.ts';
import { renderJunit, renderTap } from '../../runtime/verbs/test-formats.ts';
import type { Tested } from '../../runtime/verbs/test-report.ts';
import { checkText, describe } from '../compiler/check/check-text.ts';

const test = suite('formats of masqc test');

function run(file: string, expectations: string): Tested {
  const { model, diagnostics } = checkText(`gateway g {
  default deny
}
interface wan = ppp0
interface lan = eth0
network home = 192.168.1.0/24 on lan
policy out from lan to wan {
  allow tcp 80
  default deny
}
${expectations}
`);
  assert.ok(model, describe(diagnostics));
  return { file, results: runExpectations(model, buildPolicyDiagram(model)) };
}
const step = (port: number) => `tcp from 192.168.1.1 on lan to 198.51.100.9:${port} is allowed`;
const TESTED = [
  run('a.masq', `expect "web # <1> & more" {\n  ${step(80)}\n}\nexpect "mail" {\n  ${step(25)}\n  ${step(26)}\n}`),
  { file: 'bad.masq', results: null },
  run('none.masq', ''),
];

test('TAP: a point an expectation, why one fails, a skip where there is none', () => {
  const lines = renderTap(TESTED).split('\n');
  assert.equal(lines.slice(0, 4), [
    'TAP version 14',
    '1..4',
    'ok 1 - a.masq: web \\# <1> & more',
    'not ok 2 - a.masq: mail',
  ]);
  assert.ok(lines.includes('      happened: "is denied by out"'));
  assert.is(lines.filter((line) => line.startsWith('    - at: ')).length, 2);
  assert.equal(lines.slice(-3), [
    'not ok 3 - bad.masq has errors',
    'ok 4 - none.masq # SKIP it has no `expect` block',
    '',
  ]);
});

test('JUnit: counts, cases and failures, escaped', () => {
  const xml = renderJunit(TESTED);
  assert.match(xml, '<testsuites name="masqc test" tests="3" failures="1" errors="1" time="0">');
  assert.match(xml, '<testsuite name="a.masq" tests="2" failures="1" errors="0" time="0">');
  assert.match(xml, 'name="web # &lt;1&gt; &amp; more"');
  assert.match(xml, /<failure message="[^"<]*:26[^"<]*|<failure message="[^"<]*:25 is allowed, but is denied by out/);
  assert.match(xml, '<error message=');
  const open = [...xml.matchAll(/<(test\w+)[^>]*[^/]>/g)].length;
  assert.is([...xml.matchAll(/<\/test\w+>/g)].length, open, xml);
});

test('JUnit holds only what XML may', () => {
  const [first] = TESTED;
  const odd = first!.results!.map((one) => ({ ...one, title: 'a\u0001"b' }));
  assert.match(renderJunit([{ file: 'x', results: odd }]), 'name="a\ufffd&quot;b"');
});

test.run();
