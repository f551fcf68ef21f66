import { existsSync, mkdirSync, readdirSync, rmdirSync, statfsSync } from 'node:fs';
import { Refusal } from '../cli/refusal.ts';
import { isNamespaceKept, listHosts } from './hosts.ts';
import { takeLock } from './lock.ts';
import { gatewayKey, RUN } from './paths.ts';
import { runTool } from './tool.ts';

/** linux/magic.h BPF_FS_MAGIC */
const BPF_FS_MAGIC = 0xcafe4a11;
const MOUNT = `${RUN}/bpf`;
const MOUNT_LOCK = `${RUN}/mount.lock`;
const MOUNT_WAIT_MS = 10_000;

/**
 * The mounted bpffs of masqc, by a path that works for this process; null: not mounted. `ip netns exec` has a mount
 * namespace of its own, where it may not be seen: then the way leads through process 1, or an ancestor.
 */
export function findBpffs(): string | null {
  return [MOUNT, ...listHosts(RUN).map((pid) => `/proc/${pid}/root${MOUNT}`)].find(isBpffs) ?? null;
}

function isBpffs(path: string): boolean {
  try {
    return statfsSync(path).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

/**
 * Mounts the bpffs where it outlives this process, if it is not there, and makes the gateway's pin directory in it.
 * @returns the pin directory
 */
export async function preparePins(gateway: string, netns: number): Promise<string> {
  const lock = await takeLock(MOUNT_LOCK, 'mount', MOUNT_WAIT_MS);
  try {
    const root = findBpffs() ?? (await mountBpffs());
    const path = `${root}/${gatewayKey(gateway, netns)}`;
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  } finally {
    lock.release();
  }
}

async function mountBpffs(): Promise<string> {
  const said: string[] = [];
  const ways = enterHosts();
  if (isNamespaceKept()) ways.push([]);
  else said.push('What is mounted in the mount namespace of this command ends with the command.');
  for (const enter of ways) {
    const made = await run(enter, ['mkdir', '-p', '-m', '0700', MOUNT]);
    const done = made.ok
      ? await run(enter, ['mount', '-t', 'bpf', '-o', 'nosuid,nodev,mode=0700', 'bpf', MOUNT])
      : made;
    const root = findBpffs();
    if (root !== null) return root;
    said.push(done.stderr.trim());
  }
  removeEmpty(MOUNT);
  throw new Refusal(
    `No BPF file system can be mounted at ${MOUNT}, and without one nothing outlives this process.`,
    'In a container it must be given: mount one there from the host (mount -t bpf bpf /run/masqc/bpf), or run masqc on the host.',
    3,
    [...new Set(said)].filter((line) => line !== '').join('\n'),
  );
}

/** Ways into the mount namespaces where it may be mounted, and to the root directory that we have there. */
function enterHosts(): string[][] {
  return listHosts(RUN).map((pid) => ['-t', String(pid), '-m', '-r', '--']);
}

function run(enter: readonly string[], command: readonly string[]) {
  const [tool = '', ...args] = enter.length > 0 ? ['nsenter', ...enter, ...command] : command;
  return runTool(tool, args);
}

/** The gateway's pin directory; null: there is none. */
export function findPins(gateway: string, netns: number): string | null {
  const root = findBpffs();
  const path = `${root}/${gatewayKey(gateway, netns)}`;
  return root !== null && existsSync(path) ? path : null;
}

/** Names of what is pinned in a directory. */
export function listPins(directory: string | null): string[] {
  return directory === null ? [] : readdirSync(directory).sort();
}

/** Unmounts the bpffs when no gateway, of any namespace, has pins left in it. @returns whether it is gone */
export async function releaseBpffs(): Promise<boolean> {
  const lock = await takeLock(MOUNT_LOCK, 'umount', MOUNT_WAIT_MS);
  try {
    const root = findBpffs();
    if (root === null) return true;
    if (isInUse(root)) return false;
    for (const enter of [...enterHosts(), []]) {
      await run(enter, ['umount', MOUNT]);
      if (findBpffs() === null) break;
    }
    if (findBpffs() !== null) return false;
    removeEmpty(MOUNT);
    return true;
  } finally {
    lock.release();
    removeEmpty(RUN);
  }
}

/**
 * Whether there is a gateway in it, or something that another program has pinned. Where no other bpffs is mounted,
 * iproute2 makes itself empty directories and links in this one; maps.debug and progs.debug are the kernel's.
 */
function isInUse(root: string): boolean {
  return readdirSync(root, { withFileTypes: true, recursive: true }).some((entry) =>
    entry.isDirectory() ? /-\d+$/.test(entry.name) : entry.isFile() && !entry.name.endsWith('.debug'),
  );
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Somebody else's files are in it, or it is gone: both are fine.
  }
}
