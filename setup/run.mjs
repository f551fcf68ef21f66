import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The folder of package.json, without a slash at its end. */
export const root = fileURLToPath(new URL('..', import.meta.url)).replace(/[\\/]$/, '');

/** Something that set-up can't mend; the message is for the admin. */
export class SetupError extends Error {}

/**
 * Runs a program to its end and keeps what it prints for the case that it fails.
 *
 * @param {string} program
 * @param {string[]} args
 * @param {import('node:child_process').SpawnSyncOptions} [options]
 * @throws {SetupError} with the last lines of its output
 */
export function runQuietly(program, args, options) {
  const done = spawnSync(program, args, {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (done.status === 0) return;
  const command = [program, ...args].join(' ');
  if (done.error !== undefined) throw new SetupError(`Could not run ${command}: ${done.error.message}`);
  const last = `${done.stdout}${done.stderr}`.trimEnd().split('\n').slice(-30).join('\n');
  throw new SetupError(`${last}\n\n${command} failed (${done.signal ?? `exit code ${done.status}`}).`);
}

/** @param {number} milliseconds during which nothing else happens */
export function sleep(milliseconds) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
