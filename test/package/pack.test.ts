import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const ROOT = join(import.meta.dirname, '../..');
const EXAMPLE = join(ROOT, 'examples/deathstar.masq');

interface Context {
  folder: string;
  path: string;
}

/** The tarball of `npm pack`, installed in an empty folder, seen by a PATH that holds nothing but node. */
const packed = suite<Context>('the package');

packed.before(async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'masqc-package-'));
  const { stdout } = await execa('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT });
  const tarball = stdout.trim().split('\n').at(-1)!;
  await execa('npm', ['init', '-y'], { cwd: folder });
  await execa('npm', ['install', '--prefer-offline', '--ignore-scripts', join(folder, tarball)], { cwd: folder });
  const path = join(folder, 'path');
  mkdirSync(path);
  symlinkSync(process.execPath, join(path, 'node'));
  Object.assign(context, { folder, path });
});
packed.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const masqc = ({ folder, path }: Context, ...args: string[]) =>
  execa(join(path, 'node'), [join(folder, 'node_modules/masqc/bin/masqc.mjs'), ...args], {
    reject: false,
    extendEnv: false,
    env: { PATH: path },
  });

packed('explains a code', async (context) => {
  const { exitCode, stdout } = await masqc(context, 'explain', 'MQ304');
  assert.is(exitCode, 0);
  assert.match(stdout, 'default deny');
});

packed('checks a file', async (context) => {
  const { exitCode, stderr } = await masqc(context, 'check', EXAMPLE);
  assert.is(exitCode, 0, stderr);
});

packed('links the policy with the datapath, without any compiler', async (context) => {
  const out = join(context.folder, 'out');
  const { exitCode, stdout, stderr } = await masqc(context, 'build', EXAMPLE, '-o', out);
  assert.is(exitCode, 0, stderr);
  assert.match(stdout, 'linked.o');
});

packed('brings no TypeScript and no sources of tests', async ({ folder }) => {
  const { stdout } = await execa('find', [
    join(folder, 'node_modules/masqc'),
    '-name',
    '*.ts',
    '-not',
    '-name',
    '*.d.ts',
  ]);
  assert.is(stdout, '');
});

packed.run();
