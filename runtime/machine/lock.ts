import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Refusal } from '../cli/refusal.ts';

/** Who holds a lock. `started`: clock ticks after boot (proc(5) stat, field 22), so that a reused pid is seen through. */
export interface Holder {
  readonly pid: number;
  readonly started: string;
  readonly verb: string;
}

export interface Lock {
  readonly release: () => void;
}

/** How long the note "I am removing a dead lock" may stand before it counts as a leftover itself. */
const BREAK_MS = 5000;

/**
 * Takes the lock file `path` for `verb`, waiting up to `waitMs`. A lock whose process is dead is taken over.
 * @throws Refusal with the holder's pid when somebody alive keeps it for longer.
 */
export async function takeLock(path: string, verb: string, waitMs: number): Promise<Lock> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const mine: Holder = { pid: process.pid, started: readStartTime(process.pid) ?? '', verb };
  const until = Date.now() + waitMs;
  for (;;) {
    if (tryLock(path, mine)) return { release: () => releaseLock(path, mine) };
    const holder = readHolder(path);
    if (holder !== null && !isAlive(holder)) {
      breakLock(path, holder);
      continue;
    }
    if (Date.now() >= until) throw refuse(holder, path, waitMs);
    await sleep(50);
  }
}

/** Creates the file together with its content: a hard link to a finished file fails with EEXIST if there is one. */
function tryLock(path: string, mine: Holder): boolean {
  const draft = `${path}.${mine.pid}`;
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the lock of a dead process. Only one at a time may: two that both saw it dead would remove a new one. */
function breakLock(path: string, dead: Holder): void {
  const breaking = `${path}.breaking`;
  try {
    mkdirSync(breaking);
  } catch {
    const age = Date.now() - (statSync(breaking, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > BREAK_MS) rmSync(breaking, { recursive: true, force: true });
    return;
  }
  try {
    const now = readHolder(path);
    if (now !== null && now.pid === dead.pid && now.started === dead.started) rmSync(path, { force: true });
  } finally {
    rmSync(breaking, { recursive: true, force: true });
  }
}

function releaseLock(path: string, mine: Holder): void {
  const now = readHolder(path);
  if (now?.pid === mine.pid && now.started === mine.started) rmSync(path, { force: true });
}

function readHolder(path: string): Holder | null {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    return { pid: Number(found.pid), started: String(found.started), verb: String(found.verb) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    // Not a lock that masqc wrote: nobody holds it.
    return { pid: 0, started: '', verb: 'unknown' };
  }
}

function isAlive({ pid, started }: Holder): boolean {
  return Number.isInteger(pid) && pid > 0 && readStartTime(pid) === started;
}

/** Field 22 of /proc/PID/stat; the second field, the name, may hold blanks and brackets. null: no such process. */
export function readStartTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function refuse(holder: Holder | null, path: string, waitMs: number): Refusal {
  const who = holder === null ? 'Another masqc' : `masqc ${holder.verb}, process ${holder.pid},`;
  const waited = waitMs > 0 ? ` after ${Math.round(waitMs / 100) / 10} s of waiting` : '';
  return new Refusal(`${who} is at work here and holds ${path}${waited}.`, 'Wait for its end, or give --wait SECONDS.');
}
