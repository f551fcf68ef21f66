import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { findBpffs } from '../../runtime/machine/bpffs.ts';

/** Everything here is synchronous, so that it also runs while the process exits. */

function listPids(namespace: string): number[] {
  const asked = spawnSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.split('\n').filter(Boolean).map(Number) : [];
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** What masqc keeps for the gateway in this namespace and would keep after the namespace is gone. */
function removePins(namespace: string): void {
  const inode = statSync(`/run/netns/${namespace}`, { throwIfNoEntry: false })?.ino;
  if (inode === undefined) return;
  for (const folder of [findBpffs() ?? '/run/masqc/bpf', '/run/masqc']) {
    for (const name of listNames(folder)) {
      if (name.endsWith(`-${inode}`) || name.startsWith(`${inode}.lock`))
        rmSync(`${folder}/${name}`, { recursive: true, force: true });
    }
  }
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Ends what runs in the namespaces and removes them with their links, and with what masqc pinned for them. */
export function removeNamespaces(namespaces: readonly string[]): void {
  for (const namespace of namespaces) {
    for (const pid of listPids(namespace)) kill(pid);
    removePins(namespace);
  }
  if (namespaces.length === 0) return;
  const commands = namespaces.map((namespace) => `netns del ${namespace}\n`).join('');
  execFileSync('ip', ['-force', '-batch', '-'], { input: commands, stdio: ['pipe', 'ignore', 'ignore'] });
}

/** How many mounts of namespaces the machine has whose names begin so; for the tests of the laboratory itself. */
export function countMounts(prefix: string): number {
  return readFileSync('/proc/mounts', 'utf8').split(`/run/netns/${prefix}`).length - 1;
}
