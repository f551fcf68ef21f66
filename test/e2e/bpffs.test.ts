/** Where the bpffs is mounted: where it outlives the command, and never on a machine whose /run is another. */
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findBpffs, releaseBpffs } from '../../runtime/machine/bpffs.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux');

const bpffs = suite('bpffs');
const name = `mq${process.pid}`;
const probe = `'${process.execPath}' '${fileURLToPath(new URL('../lab/programs/mount-bpffs.ts', import.meta.url))}' ${name}`;
const MOUNT = '/run/masqc/bpf';
const OWN_RUN = 'mount -t tmpfs none /run';
const TYPE = `stat -f -c %t ${MOUNT}`;
const BPF = 'cafe4a11';

/** Runs lines of shell in a mount namespace of their own. */
async function inNamespace(...lines: string[]) {
  const { stdout, exitCode } = await execa('unshare', ['--mount', 'sh', '-c', lines.join('\n')], { reject: false });
  return { said: stdout.split('\n'), exitCode };
}

/** Nothing of ours in a bpffs that this process, on the machine itself, can see. */
function assertNothingOutside(): void {
  assert.not.ok(existsSync(`${findBpffs() ?? MOUNT}/${name}-1`));
}

bpffs('it is mounted beyond the namespace of the command, which ends with it', async () => {
  const { said, exitCode } = await inNamespace(`exec ${probe} keep`);
  assert.is(exitCode, 0, said.join('\n'));
  const pins = `${findBpffs()}/${name}-1`;
  assert.ok(existsSync(pins));
  rmdirSync(pins);
  await releaseBpffs(); // stays if another gateway of the machine is in it
});

bpffs('in a container it is mounted in the container', async () => {
  const { said } = await inNamespace(OWN_RUN, `${probe} keep`, TYPE, 'true');
  assert.equal(said, [`${MOUNT}/${name}-1`, BPF]);
  assertNothingOutside();
});

bpffs('in a container it is unmounted again, and its directory goes', async () => {
  const { said } = await inNamespace(OWN_RUN, probe, 'ls -d /run/masqc 2>/dev/null');
  assert.equal(said, [`${MOUNT}/${name}-1`, 'true']);
  assertNothingOutside();
});

bpffs('it goes when others have only made directories in it, and stays when they have pinned something', async () => {
  const pin = `${MOUNT}/tc/globals/kept`;
  const { said } = await inNamespace(
    ...[OWN_RUN, `${probe} keep`, `rmdir ${MOUNT}/${name}-1`],
    ...[`mkdir -p ${MOUNT}/tc/globals`, `ln -s ${MOUNT}/tc ${MOUNT}/xdp`],
    ...[`bpftool map create ${pin} type array key 4 value 4 entries 1 name kept`, probe],
    ...[`rm ${pin}`, probe],
  );
  const path = `${MOUNT}/${name}-1`;
  assert.equal(said, [path, path, 'false', path, 'true']);
});

bpffs('in a chroot it is mounted below the root directory of the chroot', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'masqc-root-'));
  const { said } = await inNamespace(
    `mount --rbind / '${folder}' && mount -t tmpfs none '${folder}/run'`,
    // The inner shell holds a namespace of its own, as the shell of `ip netns exec` does, so that masqc has to leave it.
    `chroot '${folder}' sh -c "unshare --mount ${probe} keep; true"`,
    `stat -f -c %t '${folder}${MOUNT}'`,
    `ls -A /run/masqc/bpf/${name}-1 2>&1 | grep -c 'No such'`,
  );
  rmdirSync(folder);
  assert.match(said[0] ?? '', new RegExp(`${MOUNT}/${name}-1$`));
  assert.equal(said.slice(1), [BPF, '1']);
  assertNothingOutside();
});

bpffs('where everything ends with the command, it says so and mounts nothing', async () => {
  const { said, exitCode } = await inNamespace(OWN_RUN, `exec ${probe}`);
  assert.is(exitCode, 3);
  assert.match(said.join('\n'), 'No BPF file system');
  assertNothingOutside();
});

bpffs.run();
