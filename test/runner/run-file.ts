import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { type Results, readResults } from './read-results.ts';

/** Time between the request to end and the end by force: enough to take a laboratory down. */
const GRACE = 15_000; // ms

/** What Node has compiled, for the hundreds of processes that the tests start; it knows a source by its content. */
const cache = fileURLToPath(new URL('../../build/compiled', import.meta.url));

const running = new Set<() => void>();

/** Asks every test file that is running to end; each takes down what it has put up. */
export function stopAll(): void {
  for (const stop of running) stop();
}

/** Runs one test file in a process (and process group) of its own; `limit` in seconds. */
export function runFile(path: string, limit: number): Promise<Results> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [path], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1', NODE_COMPILE_CACHE: cache },
    });
    let output = '';
    let ranOutOf: number | null = null;
    let force: NodeJS.Timeout | null = null;
    const stop = () => {
      child.kill('SIGTERM');
      force ??= setTimeout(() => endGroup(child.pid), GRACE);
    };
    const alarm = setTimeout(() => {
      ranOutOf = limit;
      stop();
    }, limit * 1000);
    running.add(stop);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.on('exit', () => endGroup(child.pid)); // a process left behind would keep the pipes open
    child.on('close', (exitCode, signal) => {
      clearTimeout(alarm);
      if (force !== null) clearTimeout(force);
      running.delete(stop);
      const ending = { output: stripVTControlCharacters(output), exitCode, signal, ranOutOf };
      resolve(readResults(ending, readFileSync(path, 'utf8')));
    });
  });
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}
