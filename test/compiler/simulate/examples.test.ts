/** Every file of examples/ is right, and what it expects holds. */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { runExpectations } from '../../../compiler/simulate/expect.ts';

const folder = new URL('../../../examples/', import.meta.url);
const test = suite('examples');

for (const name of readdirSync(folder).filter((one) => one.endsWith('.masq'))) {
  test(name, () => {
    const read = (path: string) => ({ text: readFileSync(new URL(path, folder), 'utf8') });
    const { model, diagram, diagnostics } = compile(name, read);
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    assert.equal(
      errors.map(({ message }) => message),
      [],
    );
    if (model === null) throw new Error('no model');
    const results = runExpectations(model, diagram);
    assert.ok(results.length > 0, 'it expects something');
    const failed = results.flatMap(({ steps }) => steps.filter(({ passed }) => !passed));
    assert.equal(
      failed.map(({ diagnostic }) => diagnostic?.message),
      [],
    );
  });
}

test.run();
