/** What the checker accepts has an object, up to the last line that a rule id can name. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import { readLayout } from '../../../compiler/ebpf/layout.ts';
import { makeLayout } from './fixtures.ts';

const MOST_LINES = 65_535;
/** The gateway's default, what it starts itself, the masquerade and the policy's default have ids, too. */
const OTHERS = 4;

const write = (lines: number): string =>
  [
    'gateway g {\n  default deny\n}\ninterface wan = ppp0\ninterface lan = eth0\nnetwork home = 10.0.0.0/8 on lan',
    'masquerade hide {\n  from home\n  interface wan\n}\npolicy p from lan to wan {',
    ...Array.from({ length: lines }, (_, i) =>
      i % 2 === 0
        ? `  allow tcp ${1 + (i % 65_000)} to 192.${i >> 8}.${i & 255}.1`
        : `  reject udp ${1 + (i % 65_000)}`,
    ),
    '  default deny\n}\n',
  ].join('\n');

const test = suite('limits');

test('65,535 lines that decide become an object', () => {
  const { model, diagram, sources, diagnostics } = compile('g.masq', () => ({ text: write(MOST_LINES - OTHERS) }));
  assert.ok(model && diagram, diagnostics.map(({ message }) => message).join('\n'));
  assert.is(model.rules.length, MOST_LINES);
  const object = emitPolicy(model, diagram, makeLayout(), sources);
  assert.equal(readLayout(object).members, makeLayout().members);
});

test('one more is an error', () => {
  const { model, diagnostics } = compile('g.masq', () => ({ text: write(MOST_LINES - OTHERS + 1) }));
  assert.is(model, null);
  const [error, ...others] = diagnostics.filter(({ severity }) => severity === 'error');
  assert.equal([error?.code, others.length], ['MQ217', 0]);
});

test.run();
