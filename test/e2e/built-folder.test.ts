/** What `masqc build` writes: made by an ordinary user, applied as it is. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { example, masqc, masqcCommand, mustMasqc } from '../lab/masqc.ts';
import { asOrdinaryUser } from '../lab/ordinary-user.ts';
import { startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const folderTest = suite('built folder');
const folder = mkdtempSync(join(tmpdir(), 'masqc-built-'));
const built = join(folder, 'built');
chmodSync(folder, 0o777);

function nobody(...args: string[]) {
  const [file, ...rest] = asOrdinaryUser([...masqcCommand, ...args]);
  return execa(file!, rest, { reject: false });
}

folderTest('check, test and build need no root', async () => {
  for (const args of [
    ['check', example],
    ['test', example],
    ['build', example, '-o', built],
  ]) {
    const { exitCode, stdout, stderr } = await nobody(...args);
    assert.is(exitCode, 0, `masqc ${args.join(' ')}\n${stdout}${stderr}`);
  }
  for (const name of ['policy.o', 'maps.json', 'manifest.json', 'linked.o']) {
    assert.ok(existsSync(join(built, name)), `${name} of ${readdirSync(built)}`);
  }
});

folderTest('the same file gives the same bytes', async () => {
  const again = join(folder, 'again');
  assert.is((await nobody('build', example, '-o', again)).exitCode, 0);
  const { exitCode, stdout } = await execa('diff', ['-r', built, again], { reject: false });
  assert.is(exitCode, 0, stdout);
});

folderTest('a built folder is applied as it is', async () => {
  const network = await ArticleNetwork.open();
  const { gateway } = network;
  await startWebServer(network.at('internet'));
  await mustMasqc(gateway, 'apply', built);
  await network.at('han').ask('curl', '-sS', '-m', '3', `http://${addresses.internet}/`);
  assert.is((await masqc(gateway, 'plan', built)).code, 0);
  network.close();
});

folderTest.after(() => rmSync(folder, { recursive: true, force: true }));
folderTest.run();
