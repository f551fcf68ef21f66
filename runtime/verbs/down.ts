import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { takeLock } from '../machine/lock.ts';
import { requireRoot } from '../machine/needs.ts';
import { lockPath, readNetns } from '../machine/paths.ts';
import { removeEmptyRun } from '../machine/state.ts';
import { readWait } from './apply.ts';

/** `masqc down`: takes everything of masqc out of this network namespace. */
export async function run(_args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const waitMs = readWait(options);
  requireRoot('down');
  const lock = await takeLock(lockPath(readNetns()), 'down', waitMs);
  try {
    const libbpf = await import('../../native/lib/libbpf.ts');
    const { takeDown } = await import('../apply/down.ts');
    const { done, failed } = await takeDown(libbpf.whyNoAddon() === null ? libbpf : null);
    const c = io.colours;
    for (const text of done) io.out(`  ${c.red('-')} ${text}\n`);
    for (const text of failed) io.err(`  ${io.errColours.red('!')} ${text}\n`);
    if (failed.length > 0) {
      io.err('Not everything could be removed. Run `masqc down` again when the cause is mended.\n');
      return EXIT.refused;
    }
    io.out(done.length === 0 ? 'Nothing of masqc is here.\n' : 'Nothing of masqc is left here.\n');
    return EXIT.fine;
  } finally {
    lock.release();
    removeEmptyRun();
  }
}
