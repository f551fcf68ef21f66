/** What `masqc build` writes: made by an ordinary user, read by the usual tools, applied as it is. */
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork, addresses } from '../lab/article-network.ts';
import { example, masqc, masqcCommand, mustMasqc, pinsOf } from '../lab/masqc.ts';
import { asOrdinaryUser } from '../lab/ordinary-user.ts';
import { startWebServer } from '../lab/servers.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'tun', 'btf');

const artifact = suite('artifact');
const folder = mkdtempSync(join(tmpdir(), 'masqc-built-'));
const built = join(folder, 'built');
chmodSync(folder, 0o777);

function nobody(...args: string[]) {
  const [file, ...rest] = asOrdinaryUser([...masqcCommand, ...args]);
  return execa(file!, rest, { reject: false });
}

artifact('check, test and build need no root', async () => {
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

artifact('llvm-objdump and bpftool read the policy', async () => {
  for (const name of ['policy.o', 'linked.o']) {
    const { stdout } = await execa('llvm-objdump', ['-d', join(built, name)]);
    assert.match(stdout, 'masqc_policy_ingress');
    assert.match(stdout, 'masqc_policy_forward');
    assert.match(stdout, /\bexit$/m);
    const btf = await execa('bpftool', ['btf', 'dump', 'file', join(built, name)]);
    assert.match(btf.stdout, "STRUCT 'masqc_packet'");
  }
});

artifact('the same file gives the same bytes', async () => {
  const again = join(folder, 'again');
  assert.is((await nobody('build', example, '-o', again)).exitCode, 0);
  const { exitCode, stdout } = await execa('diff', ['-r', built, again], { reject: false });
  assert.is(exitCode, 0, stdout);
});

artifact('a built folder is applied as it is, and the kernel shows the lines of the file', async () => {
  const network = await ArticleNetwork.open();
  const { gateway } = network;
  await startWebServer(network.at('internet'));
  await mustMasqc(gateway, 'apply', built);
  await network.at('han').ask('curl', '-sS', '-m', '3', `http://${addresses.internet}/`);
  assert.is((await masqc(gateway, 'plan', built)).code, 0);

  const programs = await execa('bpftool', ['-j', 'prog', 'show']);
  const ids = (JSON.parse(programs.stdout) as { id: number; map_ids?: number[] }[]).filter(({ map_ids }) => map_ids);
  const { stdout } = await execa('bpftool', ['-j', 'map', 'show', 'pinned', `${pinsOf(gateway)}/flows4`]);
  const flows = (JSON.parse(stdout) as { id: number }).id;
  const mine = ids.filter(({ map_ids }) => map_ids?.includes(flows));
  const dumps = await Promise.all(
    mine.map(({ id }) => execa('bpftool', ['prog', 'dump', 'xlated', 'id', String(id), 'linum'], { reject: false })),
  );
  const text = dumps.map((dump) => dump.stdout).join('\n');
  assert.match(text, /deathstar\.masq/);
  assert.match(text, /deny tcp 25/);
  assert.match(text, /allow tcp 22 from partners to yoda/);
  network.close();
});

artifact.after(() => rmSync(folder, { recursive: true, force: true }));
artifact.run();
