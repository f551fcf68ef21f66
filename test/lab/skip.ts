import { existsSync, statSync } from 'node:fs';
import { listMissingRights } from './obstacle.ts';

/** What a test may need of the machine: why it can't run here, or null when it can. */
const reasons = {
  root: () => {
    if (process.getuid?.() !== 0) return 'needs root';
    const missing = process.platform === 'linux' ? listMissingRights() : [];
    return missing.length === 0 ? null : `needs a root that has ${missing.join(', ')} (in a container: --privileged)`;
  },
  linux: () => (process.platform === 'linux' ? null : 'needs Linux'),
  tun: () => (existsSync('/dev/net/tun') ? null : 'needs /dev/net/tun'),
  btf: () => (existsSync('/sys/kernel/btf/vmlinux') ? null : 'needs a kernel with BTF'),
  /** A built thing, by its path from the repository's root. */
  file: (path: string) => (statSync(path, { throwIfNoEntry: false }) ? null : `needs ${path}: run npm run setup`),
};

export type Need = 'root' | 'linux' | 'tun' | 'btf' | `file:${string}`;

function findReason(need: Need): string | null {
  if (need.startsWith('file:')) return reasons.file(need.slice('file:'.length));
  return reasons[need as 'root' | 'linux' | 'tun' | 'btf']();
}

/**
 * For the head of a test file: ends its process as skipped, with the reason, when the machine lacks something. The
 * runner counts the line that this prints; with CI=true that fails the run.
 */
export function needs(...wanted: readonly Need[]): void {
  for (const need of wanted) {
    const reason = findReason(need);
    if (reason === null) continue;
    console.log(`skipped: ${reason}`);
    process.exit(0);
  }
}
