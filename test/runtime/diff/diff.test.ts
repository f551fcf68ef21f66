import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('masqc diff');
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'masqc-diff-'));
test.after(() => rmSync(directory, { recursive: true, force: true }));
const old = readFileSync(here('../../../examples/deathstar.masq'), 'utf8');
const edited = old
  .replace('tcp 25, 143 to leia', 'tcp 25, 143, 993 to leia')
  .replace('to han:6000', 'to han:6002')
  .replace('  flows    65536', '  flows    131072')
  .replace('allow tcp 22 from partners to yoda', 'allow tcp 2222 from partners to yoda');
writeFileSync(join(directory, 'old.masq'), old);
writeFileSync(join(directory, 'new.masq'), edited);
cpSync(join(directory, 'old.masq'), join(directory, 'gateway.masq'));

async function diff(...args: string[]) {
  const env = { NO_COLOR: '1' };
  const command = [here('../../../runtime/cli/masqc.ts'), 'diff', ...args];
  const { exitCode, stdout, stderr } = await execa(process.execPath, command, { cwd: directory, reject: false, env });
  return { code: exitCode, out: `${stdout}\n`, err: stderr };
}

for (const format of ['human', 'markdown', 'sarif', 'github', 'json']) {
  test(`prints ${format} as it should look`, async () => {
    const { code, out } = await diff('old.masq', 'new.masq', '--format', format);
    assert.is(code, 2);
    const golden = here(`golden/${format}.txt`);
    if (process.env.MASQC_GOLDEN === 'write') writeFileSync(golden, out);
    assert.fixture(out, readFileSync(golden, 'utf8'));
  });
}

test('its JSON is by its schema', async () => {
  const { out } = await diff('old.masq', 'new.masq', '--json');
  const schema = JSON.parse(readFileSync(here('../../../docs/diff.schema.json'), 'utf8'));
  const ajv = new Ajv2020({ allowUnionTypes: true });
  assert.ok(ajv.validate(schema, JSON.parse(out)), ajv.errorsText());
});

test('says nothing of other words, and 1 of errors', async () => {
  writeFileSync(
    join(directory, 'words.masq'),
    old.replaceAll('partners', 'friends').replace('tcp 80, 443', 'tcp 443, 80'),
  );
  const same = await diff('old.masq', 'words.masq');
  assert.is(same.code, 0, same.out);
  assert.match(same.out, 'same meaning');
  writeFileSync(join(directory, 'wrong.masq'), 'gateway {');
  assert.is((await diff('old.masq', 'wrong.masq')).code, 1);
  assert.is((await diff('old.masq', 'absent.masq')).code, 1);
});

test('reads revisions of git, with what they include', async () => {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...args], {
      cwd: directory,
      stdio: 'pipe',
    });
  const sets = (text: string) => writeFileSync(join(directory, 'sets.masq'), text);
  const lines = old.replace('set partners = 198.51.100.0/24', 'include "sets.masq"');
  writeFileSync(join(directory, 'gateway.masq'), lines);
  sets('set partners = 198.51.100.0/24\n');
  git('init', '-q');
  git('add', 'gateway.masq', 'sets.masq');
  git('commit', '-qm', 'one');
  assert.is((await diff('gateway.masq')).code, 0);
  sets('set partners = 198.51.100.0/25\n');
  const { code, out } = await diff('gateway.masq');
  assert.is(code, 2);
  assert.match(out, 'newly denied');
  assert.is((await diff('HEAD:gateway.masq', 'gateway.masq')).code, 2);
  const unknown = await diff('nowhere:gateway.masq', 'gateway.masq');
  assert.is(unknown.code, 1);
  assert.match(unknown.err, 'revision nowhere');
});

test.run();
