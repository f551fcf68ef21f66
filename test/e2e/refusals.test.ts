/** What can't be applied: one clear sentence, the right exit code, and nothing changed. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArticleNetwork } from '../lab/article-network.ts';
import { editExample, example, masqc, masqcCommand, pinsOf, root } from '../lab/masqc.ts';
import { asOrdinaryUser } from '../lab/ordinary-user.ts';
import { needs } from '../lab/skip.ts';
import { compareSnapshots, listFolder, takeSnapshot } from '../lab/snapshot.ts';

needs('root', 'linux', 'tun', 'btf');

const refusals = suite('refusals');
const network = await ArticleNetwork.open();
const { gateway } = network;
const folder = mkdtempSync(join(tmpdir(), 'masqc-bad-'));
chmodSync(folder, 0o755);

const look = () => takeSnapshot((...argv) => gateway.ask(...argv));
const before = await look();

async function assertNothingChanged(): Promise<void> {
  assert.equal(compareSnapshots(before, await look()), []);
  assert.equal(listFolder(pinsOf(gateway)), []);
}

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

const loop = write('loop.masq', 'include "loop.masq"\n');
const bad: readonly (readonly [what: string, path: string])[] = [
  ['an empty file', write('empty.masq', '')],
  ['a binary', write('binary.masq', randomBytes(5000))],
  ['a file of 50 MB', write('huge.masq', Buffer.alloc(50 * 1024 * 1024, 'host a = 1.2.3.4\n'))],
  ['a folder without an artifact', folder],
  ['a file that is not there', join(folder, 'none.masq')],
  ['an include loop', loop],
];

for (const [what, path] of bad) {
  refusals(`${what} is refused`, async () => {
    const { code, out, err, milliseconds } = await masqc(gateway, 'apply', path);
    assert.is(code, 1, `${out}${err}`);
    assert.ok(`${out}${err}`.trim().length > 0);
    assert.not.match(`${out}${err}`, /\bat .*\.ts:\d+/); // no stack of the program
    assert.ok(milliseconds < 20_000, `${milliseconds} ms`);
    await assertNothingChanged();
  });
}

refusals('an ordinary user is told to be root', async () => {
  const copy = write('readable.masq', editExample());
  const { code, out, err } = await gateway.run(asOrdinaryUser([...masqcCommand, 'apply', copy]));
  assert.is(code, 3, `${out}${err}`);
  assert.match(`${out}${err}`, /root/);
  assert.not.match(`${out}${err}`, /\bat .*\.ts:\d+/);
  await assertNothingChanged();
});

/** The command on a machine that is changed by a line of shell, for this command only. */
function onMachineWhere(line: string, ...argv: string[]): string[] {
  return ['unshare', '--mount', 'sh', '-c', `${line} && exec "$@"`, 'sh', ...argv];
}

refusals('a kernel without BTF is named', async () => {
  const argv = onMachineWhere('mount -t tmpfs none /sys/kernel/btf', ...masqcCommand, 'apply', example);
  const { code, out, err } = await gateway.run(argv);
  assert.is(code, 3, `${out}${err}`);
  assert.match(`${out}${err}`, 'BTF');
  assert.not.match(`${out}${err}`, /\bat .*\.ts:\d+/);
  await assertNothingChanged();
});

refusals('a machine that gives no bpffs is told what it lacks', async () => {
  const less = ['setpriv', '--bounding-set=-sys_admin,-sys_ptrace'];
  const argv = onMachineWhere('mount -t tmpfs none /run', ...less, ...masqcCommand, 'apply', example);
  const { code, out, err } = await gateway.run(argv);
  assert.is(code, 3, `${out}${err}`);
  assert.match(`${out}${err}`, /bpffs|BPF file system/);
  assert.not.match(`${out}${err}`, /\bat .*\.ts:\d+/);
  await assertNothingChanged();
});

/** The demo there says one thing and what to do, before it has made anything. */
async function assertDemoRefuses(argv: readonly string[], expected: RegExp): Promise<void> {
  const { code, out, err } = await gateway.run(argv);
  assert.is(code, 1, `${out}${err}`);
  assert.match(err, expected);
  assert.not.match(err, /\bat .*\.ts:\d+/);
  assert.ok(err.trim().split('\n').length <= 3, err);
  assert.is(out, '');
}

refusals('the demo names what it lacks', async () => {
  const demo = [process.execPath, join(root, 'test/lab/demo.ts')];
  await assertDemoRefuses(asOrdinaryUser(demo), /as root/);
  await assertDemoRefuses(onMachineWhere('mount -t tmpfs none /sys/kernel/btf', ...demo), /no BTF/);
  await assertDemoRefuses(onMachineWhere('mount -t tmpfs none /dev/net', ...demo), /\/dev\/net\/tun/);
  for (const lost of ['-all', '-sys_admin', '-net_admin'])
    await assertDemoRefuses(['setpriv', `--bounding-set=${lost}`, ...demo], /lacks CAP_/);
  await assertNothingChanged();
});

refusals('show and down say that nothing is applied', async () => {
  for (const what of ['connections', 'status', 'drops']) {
    const { code, out, err } = await masqc(gateway, 'show', what);
    assert.is(code, 3, `${out}${err}`);
  }
  assert.is((await masqc(gateway, 'down')).code, 0);
  assert.is((await masqc(gateway, 'check', example)).code, 0);
  await assertNothingChanged();
});

refusals.after(() => {
  network.close();
  rmSync(folder, { recursive: true, force: true });
});
refusals.run();
