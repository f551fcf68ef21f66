/** The Debian part of set-up, with an apt-get and a dpkg-query that only tell what they were asked. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';

needs('linux', 'root');

const MODULE = join(import.meta.dirname, '../../setup/debian.mjs');
const SCRIPT = `
  const { installDebianPackages } = await import(${JSON.stringify(MODULE)});
  console.log(JSON.stringify(installDebianPackages({ kernels: false, say: () => {} })));`;

const test = suite('set-up of Debian packages');
let folder: string;
test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'masqc-setup-'));
});
test.after.each(() => rmSync(folder, { recursive: true, force: true }));

/** What set-up gives, and what apt-get was asked for. `apt` and `dpkg` are lines of shell. */
async function setUp(apt: string, dpkg: string) {
  for (const [name, lines] of [
    ['apt-get', `echo "$*" >> '${folder}/asked'\n${apt}`],
    ['dpkg-query', dpkg],
  ] as const) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${lines}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const argv = ['--input-type=module', '-e', SCRIPT];
  const { stdout, stderr, exitCode } = await execa(process.execPath, argv, { env, reject: false });
  const path = join(folder, 'asked');
  const asked = existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  return { stdout, stderr, exitCode, asked: asked.map((line) => line.replace(/^-o\S+ /, '').split(' ')[0]) };
}

/** Says that every package that it is asked for is installed, if the file is there. */
const installedIf = (file: string) => `[ -e ${file} ] && shift 2 && for name; do echo "$name installed"; done`;

test('asks apt-get for nothing when everything is there', async () => {
  const { stdout, asked } = await setUp('exit 1', installedIf('/'));
  assert.is(stdout, '[]');
  assert.equal(asked, []);
});

test('waits for another apt-get that holds the lists', async () => {
  const busy = `
    if [ "$2" = update ] && [ "$(wc -l < '${folder}/asked')" = 1 ]; then
      echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)' >&2; exit 100
    fi
    [ "$2" = update ] || touch '${folder}/installed'`;
  const { stdout, stderr, asked } = await setUp(busy, installedIf(`'${folder}/installed'`));
  assert.is(stdout, '[]', stderr);
  assert.equal(asked, ['update', 'update', 'install']);
});

test('any other failure of apt-get ends set-up with what it said', async () => {
  const { exitCode, stderr, asked } = await setUp('echo "E: no such mirror" >&2; exit 100', 'exit 1');
  assert.is(exitCode, 1);
  assert.match(stderr, 'E: no such mirror');
  assert.equal(asked, ['update']);
});

test.run();
