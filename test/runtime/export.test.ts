import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { call } from './call.ts';

const test = suite('export, and JSON for every verb');
const example = fileURLToPath(new URL('../../examples/deathstar.masq', import.meta.url));
let directory = '';
test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'masqc-json-'));
});
test.after(() => rmSync(directory, { recursive: true, force: true }));

function make(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

test('what is exported is checked, tested and traced as the file itself', async () => {
  const { code, out, err } = await call('export', example);
  assert.equal([code, err], [0, '']);
  const json = make('gateway.json', out);
  assert.match((await call('check', json)).out, /fine, gateway deathstar, 24 lines that decide/);
  const tested = await call('test', json);
  assert.is(tested.code, 0, tested.out);
  assert.is(tested.out.replaceAll(json, example), (await call('test', example)).out);
  assert.is((await call('export', json)).out, out);
});

test('a mistake is shown with its line and its path, for people and for programs', async () => {
  const json = make('bad.json', (await call('export', example)).out.replace('"from": ["lan"]', '"from": ["lann"]'));
  const { code, out } = await call('check', json);
  assert.is(code, 1);
  const line =
    readFileSync(json, 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('lann')) + 1;
  assert.match(out, new RegExp(`bad.json:${line}:\\d+ declarations\\[\\d+\\]\\.policy\\.from\\[0\\]`));
  const { diagnostics } = JSON.parse((await call('check', json, '--format', 'json')).out);
  assert.match(diagnostics[0].path, /^declarations\[\d+\]\.policy\.from\[0\]$/);
  assert.equal(diagnostics[0].fixes, []);
});

test('a file with errors is not exported; JSON is not formatted, nor mended', async () => {
  const bad = await call('export', make('bad.masq', 'zone a = b\n'));
  assert.equal([bad.code, bad.out], [1, '']);
  const text = '{ "masqc": 1, "declarations": [{ "zone": { "name": "a", "members": ["b"] } }] }';
  const json = make('zone.json', text);
  const formatted = await call('fmt', json);
  assert.is(formatted.code, 1);
  assert.match(formatted.err, /zone\.json is JSON/);
  assert.is((await call('check', '--fix', json)).code, 1);
  assert.is(readFileSync(json, 'utf8'), text);
});

test('a text can hold no sentence of its own', async () => {
  const rule = { action: 'deny', from: ['any\n  allow from any'] };
  const json = {
    masqc: 1,
    declarations: [{ policy: { name: 'p', from: ['a'], to: ['b'], rules: [rule], default: 'deny' } }],
  };
  const { code, out } = await call('check', make('evil.json', JSON.stringify(json)));
  assert.is(code, 1);
  assert.match(out, /MQ024.*declarations\[0\]\.policy\.rules\[0\]\.from\[0\]/);
});

test.run();
