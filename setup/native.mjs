import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runQuietly, SetupError, sleep } from './run.mjs';

/** One build at a time: a second set-up waits for the first. Holds the pid of the builder. */
const lock = join(root, 'build/setup.lock');
const patience = 300_000; // ms

/** @param {() => void} work */
function withLock(work) {
  mkdirSync(join(root, 'build'), { recursive: true });
  const until = Date.now() + patience;
  while (!takeLock()) {
    if (Date.now() > until) throw new SetupError(`Another set-up holds ${lock}; remove it if none is running.`);
    sleep(100);
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    try {
      process.kill(Number(readFileSync(lock, 'utf8')) || -1, 0);
    } catch (error) {
      if (error.code === 'ESRCH') rmSync(lock, { force: true });
    }
    return false;
  }
}

/**
 * Builds the addon and the datapath objects where they are older than their sources.
 *
 * @param {{ missing: string[], say: (line: string) => void }} options missing: Debian packages that could not be installed
 * @throws {SetupError} when the build fails though everything for it is there
 */
export function buildNative(options) {
  if (!existsSync(join(root, 'native/Makefile'))) return;
  const make = (args) => spawnSync('make', ['-C', 'native', ...args], { cwd: root, stdio: 'ignore' });
  const question = make(['-q']);
  if (question.status === 0) return;
  if (question.error !== undefined || options.missing.length > 0) {
    options.say(
      'The addon and the datapath stay unbuilt: packages are missing. check, test and build work without them.',
    );
    return;
  }
  options.say('Addon and datapath: building');
  withLock(() => runQuietly('make', ['-C', 'native', '--no-print-directory', '-s', '-j2']));
}
