import type { KernelFacts } from './facts.ts';

/** More than any machine has: how version 1 writes that there is no limit. */
const NO_LIMIT = 2 ** 60;

interface Names {
  readonly root: string;
  readonly limit: string;
  readonly usage: string;
  /** What of the usage goes when it is needed, in memory.stat. */
  readonly spare: RegExp;
}
const VERSION_1: Names = {
  root: '/sys/fs/cgroup/memory',
  limit: 'memory.limit_in_bytes',
  usage: 'memory.usage_in_bytes',
  spare: /^total_inactive_file (\d+)$/m,
};
const VERSION_2: Names = {
  root: '/sys/fs/cgroup',
  limit: 'memory.max',
  usage: 'memory.current',
  spare: /^inactive_file (\d+)$/m,
};

/**
 * The memory cgroup of this process, or one above it, that leaves the least room: the kernel counts maps and programs to the
 * cgroup of the process that makes them (from 5.11 on; RLIMIT_MEMLOCK means nothing since then).
 *
 * @param read the text of a file; null: it can't be read
 */
export function readMemoryGroup(read: (path: string) => string | null): KernelFacts['memoryGroup'] {
  const lines = (read('/proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'));
  const first = lines.find(([, controllers]) => controllers?.split(',').includes('memory'));
  const own = first ?? lines.find(([, controllers]) => controllers === '');
  const names = first === undefined ? VERSION_2 : VERSION_1;
  const steps = (own?.slice(2).join(':') ?? '').split('/').filter((step) => step !== '' && step !== '..');
  let least: KernelFacts['memoryGroup'] = null;
  for (let depth = steps.length; depth >= 0; depth -= 1) {
    const path = `/${steps.slice(0, depth).join('/')}`;
    const folder = `${names.root}${path === '/' ? '' : path}`;
    const limit = Number(read(`${folder}/${names.limit}`)?.trim() || Number.NaN); // `max` is no number either
    const usage = Number(read(`${folder}/${names.usage}`)?.trim() || Number.NaN);
    if (!(limit < NO_LIMIT) || Number.isNaN(usage)) continue;
    const spare = Number(names.spare.exec(read(`${folder}/memory.stat`) ?? '')?.[1] ?? 0);
    const room = Math.max(0, limit - usage + spare);
    if (least === null || room < least.room) least = { path, room };
  }
  return least;
}
