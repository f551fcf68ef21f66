/**
 * `npm run kernels`: gateways on Debian 12's stock kernel, in an emulated machine. The kernel package is fetched
 * and unpacked (never installed); the guest sees this machine's files read-only with a layer of memory over them.
 *
 *   node test/kernels/kernels.ts [COMMAND]      default: test/kernels/run.sh
 */
import { cpSync, existsSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { CARDS } from './cards-list.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const STORE = join(ROOT, 'build/kernels');
const TIME_LIMIT_S = 1200;
/** What the emulator, the firmware and the powering down write. */
const CONSOLE_NOISE = /hub \d+ is not connected to host network|SeaBIOS|Booting from ROM|^\[ *\d+\.\d+\] reboot:|^\s*$/;
/** What the guest needs before it can see the host's files, in the order of their dependencies. */
const BOOT_MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_modern_dev',
  'virtio_pci_legacy_dev',
  'virtio_pci',
  'netfs',
  'fscache',
  '9pnet',
  '9pnet_virtio',
  '9p',
  'overlay',
];

interface Kernel {
  readonly release: string;
  readonly image: string;
  readonly modules: string;
}

/** Fetches the stock kernel into build/kernels unless it is there. */
async function fetchKernel(): Promise<Kernel> {
  mkdirSync(STORE, { recursive: true });
  if (!existsSync(join(STORE, 'root'))) {
    const { stdout } = await execa('apt-cache', ['depends', 'linux-image-amd64']);
    const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
    if (name === undefined) throw new Error('apt-cache names no stock kernel: run `apt-get update` first');
    await execa('apt-get', ['download', name], { cwd: STORE });
    const archive = readdirSync(STORE).find((file) => file.startsWith(name) && file.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get download left no ${name}`);
    await execa('dpkg-deb', ['-x', join(STORE, archive), join(STORE, 'unpacked')]);
    await execa('mv', [join(STORE, 'unpacked'), join(STORE, 'root')]);
    rmSync(join(STORE, archive));
  }
  const image = globSync(join(STORE, 'root/boot/vmlinuz-*'))[0];
  if (image === undefined)
    throw new Error(`no kernel image under ${STORE}/root/boot: remove that folder and try again`);
  const release = basename(image).slice('vmlinuz-'.length);
  const modules = [join(STORE, 'root/lib/modules', release), join(STORE, 'root/usr/lib/modules', release)].find((d) =>
    existsSync(d),
  );
  if (modules === undefined) throw new Error(`no modules for ${release}`);
  await execa('busybox', ['depmod', '-b', resolve(modules, '../../..'), release], { reject: false });
  return { release, image, modules };
}

/** A first file system with busybox, the boot modules and the command. */
async function makeInitramfs(kernel: Kernel, command: string): Promise<string> {
  const dir = join(STORE, 'initramfs');
  rmSync(dir, { recursive: true, force: true });
  for (const sub of ['bin', 'proc', 'dev', 'sys', 'modules']) mkdirSync(join(dir, sub), { recursive: true });
  cpSync('/usr/bin/busybox', join(dir, 'bin/busybox'), { dereference: true });
  const order: string[] = [];
  for (const name of BOOT_MODULES) {
    const found = globSync(join(kernel.modules, `kernel/**/${name}.ko`))[0];
    if (found === undefined) continue; // built in
    cpSync(found, join(dir, 'modules', `${name}.ko`));
    order.push(`/modules/${name}.ko`);
  }
  writeFileSync(join(dir, 'modules.order'), order.join('\n'));
  writeFileSync(join(dir, 'modules.dir'), kernel.modules);
  writeFileSync(join(dir, 'command'), command);
  writeFileSync(join(dir, 'init'), readFileSync(join(import.meta.dirname, 'init.sh')), { mode: 0o755 });
  const archive = join(STORE, 'initramfs.cpio');
  await execa(`find . | busybox cpio -o -H newc > ${archive} 2>/dev/null`, { cwd: dir, shell: true });
  return archive;
}

/** Cards on cables, without what saves a host work: frames are as on a wire. */
const cards = CARDS.flatMap(({ mac, cable }, index) => [
  ...['-netdev', `hubport,id=end${index},hubid=${cable}`],
  ...['-device', `virtio-net-pci,netdev=end${index},mac=${mac},romfile=`],
]);

/** Boots the guest, passes its console on, and returns the command's exit status (124: no answer in time). */
async function runGuest(kernel: Kernel, archive: string): Promise<number> {
  let status = 124;
  const guest = execa(
    'qemu-system-x86_64',
    [
      ...['-cpu', 'max', '-accel', 'tcg,thread=multi'],
      ...['-m', '3072', '-smp', '2', '-nographic', '-no-reboot', '-nodefaults', '-serial', 'stdio'],
      ...['-kernel', kernel.image, '-initrd', archive],
      ...['-append', 'console=ttyS0 no_timer_check quiet panic=-1 loglevel=3'],
      ...cards,
      ...['-virtfs', 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap'],
    ],
    { timeout: TIME_LIMIT_S * 1000, reject: false, stdin: 'ignore', all: true, buffer: false },
  );
  for await (const line of guest.iterable({ from: 'all' })) {
    const end = /^guest-exit: (\d+)/.exec(line);
    if (end) status = Number(end[1]);
    else if (!CONSOLE_NOISE.test(line)) process.stdout.write(`  ${line}\n`);
  }
  await guest;
  return status;
}

const command = process.argv[2] ?? join(dirname(import.meta.filename), 'run.sh');
const kernel = await fetchKernel();
console.log(`kernel ${kernel.release}, emulated`);
const status = await runGuest(kernel, await makeInitramfs(kernel, command));
console.log(
  status === 0 ? '1 passed, 0 failed, 0 skipped' : `guest ended with ${status}\n0 passed, 1 failed, 0 skipped`,
);
process.exitCode = status === 0 ? 0 : 1;
