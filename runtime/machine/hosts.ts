import { type BigIntStats, readFileSync, readlinkSync, statSync } from 'node:fs';

/**
 * Processes whose mount namespace outlives this process and in which `directory` is the same one as here, the best
 * first: process 1, then the ancestors from the oldest on (where process 1 may not be looked into). The namespace of
 * `ip netns exec` ends with its process, but is a copy, so process 1 is a host; in a container or a chroot, process 1 of
 * the machine has another `directory`, and a mount there would be another machine's.
 */
export function listHosts(directory: string): number[] {
  const here = look(directory);
  return listElders().filter((pid) => {
    const there = look(`/proc/${pid}/root${directory}`);
    return here !== null && there !== null && here.dev === there.dev && here.ino === there.ino;
  });
}

/** Whether an ancestor, or process 1, is in this process's own mount namespace: what is mounted there then stays. */
export function isNamespaceKept(): boolean {
  const mine = readNamespace('self');
  return mine !== null && listElders().some((pid) => readNamespace(pid) === mine);
}

/** Process 1, then the ancestors from the oldest on; none from outside this process's pid namespace. */
function listElders(): number[] {
  const ancestors: number[] = [];
  for (let pid = process.ppid; pid > 1; pid = readParent(pid)) ancestors.unshift(pid);
  return process.pid === 1 ? [] : [1, ...ancestors];
}

/** Field 4 of /proc/PID/stat; 0: no such process. */
function readParent(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return 0;
  }
}

function look(path: string): BigIntStats | null {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return null;
  }
}

/** `mnt:[4026531832]`; null: may not be read. */
function readNamespace(pid: number | 'self'): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return null;
  }
}
