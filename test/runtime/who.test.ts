/** `masqc who`: whose an outside port is, by the file alone. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../compiler/compile.ts';
import { runExpectations } from '../../compiler/simulate/expect.ts';
import { findHolders, readAsked, renderHolder } from '../../runtime/show/who.ts';

const test = suite('who');
const compiled = (name: string) => {
  const path = new URL(`../../examples/${name}.masq`, import.meta.url);
  const { model, diagram, diagnostics } = compile(`${name}.masq`, () => ({ text: readFileSync(path, 'utf8') }));
  if (model === null) throw new Error(diagnostics.map(({ message }) => message).join());
  return { model, diagram };
};
const who = (name: string, text: string) => {
  const asked = readAsked(text);
  return asked === null ? null : findHolders(compiled(name).model, asked).map(renderHolder).join('');
};

test('a port leads to its customer, a customer to its ports', () => {
  const line = '100.64.0.67 is 203.0.113.17:4024-5023 beyond internet (cgn, line 28)\n';
  assert.is(who('carrier', '203.0.113.17:4711'), line);
  assert.is(who('carrier', '100.64.0.67'), line);
  assert.is(who('carrier', '203.0.113.17:1023'), '');
  assert.is(who('carrier', '203.0.113.17:65535'), '');
  assert.is(who('carrier', '198.51.100.1:4711'), '');
});

test('a map leads both ways', () => {
  const line = '192.168.1.20 is 10.1.0.20 beyond tunnel (to-other, line 34)\n';
  assert.is(who('two-sites', '10.1.0.20'), line);
  assert.is(who('two-sites', '192.168.1.20:80'), line);
  assert.match(who('nptv6', '[2001:db8:1:d550::1234]:80') ?? '', 'fd01:203:405:1::1234 is 2001:db8:1:d550::1234');
  assert.match(who('nptv6', 'fd01:203:405:1::1234') ?? '', 'is 2001:db8:1:d550::1234 beyond wan');
});

test('reads addresses as they are written, and nothing else', () => {
  for (const wrong of [
    '',
    'han',
    '203.0.113.300',
    '203.0.113.7:0',
    '203.0.113.7:65536',
    '[203.0.113.7]:80',
    '2001:db8::7:',
  ])
    assert.is(readAsked(wrong), null, wrong);
  assert.equal(readAsked('203.0.113.7:80'), { family: 4, address: 0xcb007107n, port: 80 });
});

for (const name of ['two-sites', 'carrier', 'nptv6']) {
  test(`examples/${name}.masq means what it says`, () => {
    const { model, diagram } = compiled(name);
    const steps = runExpectations(model, diagram).flatMap((one) => one.steps);
    assert.ok(steps.length > 0);
    for (const step of steps) assert.ok(step.passed, `${step.packet} ${step.happened}`);
  });
}

test.run();
