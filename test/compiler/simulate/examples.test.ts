/** Every file of examples/ is right, says so in the one form, and what it expects holds. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { runExpectations } from '../../../compiler/simulate/expect.ts';
import { format } from '../../../grammar/format/format.ts';

const folder = new URL('../../../examples/', import.meta.url);
const read = (path: string) => ({ text: readFileSync(new URL(path, folder), 'utf8') });
const names = readdirSync(folder).filter((one) => one.endsWith('.masq'));
const test = suite('examples');

for (const name of names) {
  test(`${name} is right, without a warning, and what it expects holds`, () => {
    const { model, diagram, diagnostics } = compile(name, read);
    assert.equal(
      diagnostics.map(({ code, message }) => `${code} ${message}`),
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

  test(`${name} is in the one form, and begins with what it is`, () => {
    const { text } = read(name);
    assert.is(format({ file: name, text }).text, text);
    assert.match(text, /^# ./);
  });
}

test('the index has a line for each file, and a file for each line', () => {
  const listed = [...read('README.md').text.matchAll(/^\| \[(.+?)\]\((.+?)\) \|/gm)].map(([, title, path]) => {
    assert.is(title, path);
    return path ?? '';
  });
  assert.equal([...listed].sort(), [...names].sort());
});

test('the three hundred redirects are what their script writes', () => {
  const written = execFileSync('sh', [new URL('boards/generate.sh', folder).pathname], { encoding: 'utf8' });
  assert.is(written, read('boards/redirects.masq').text);
  assert.is(written.match(/^ {2}listen /gm)?.length, 300);
});

test.run();
