/**
 * The names of a laboratory's namespaces: `mq<pid>-<start>-<place>`. Process id and start time of the owner say whether
 * it is still alive, so that what a killed run has left behind can be found and removed, and nothing else.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const NETNS = '/run/netns';
const PATTERN = /^mq(\d+)-([0-9a-z]+)-[a-z0-9]+$/;

let labs = 0;

/** Start time of a process in clock ticks since boot (proc(5), field 22 of stat), or null when there is none. */
function readStart(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return null;
  }
}

/** A prefix that no other laboratory has, in this process or another. */
export function makePrefix(): string {
  labs += 1;
  const start = readStart(process.pid);
  if (start === null) throw new Error('/proc is not there');
  return `mq${process.pid}-${start.toString(36)}${labs === 1 ? '' : `z${labs}`}`;
}

/** Namespaces of laboratories whose owner has ended. */
export function findOrphans(): string[] {
  if (!existsSync(NETNS)) return [];
  return readdirSync(NETNS).filter((name) => {
    const found = PATTERN.exec(name);
    if (found === null) return false;
    const start = readStart(Number(found[1]));
    // After the start time a further laboratory of the same process adds z and a number.
    return start === null || (found[2] !== start.toString(36) && !found[2]?.startsWith(`${start.toString(36)}z`));
  });
}
