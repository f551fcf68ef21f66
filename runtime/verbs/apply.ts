import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { refuseInput } from '../cli/refusal.ts';
import { type Options, textOption } from '../cli/verb.ts';
import { loadArtifact } from '../sources/artifact.ts';

/** `masqc apply FILE|DIR`: does the steps that `masqc plan` prints. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const waitMs = readWait(options);
  const artifact = await loadArtifact(args[0] ?? '', io);
  if (artifact === null) return EXIT.errors;
  const { requireBpf } = await import('../machine/needs.ts');
  await requireBpf('apply');
  const { takeLock } = await import('../machine/lock.ts');
  const { lockPath, readNetns } = await import('../machine/paths.ts');
  const { removeEmptyRun } = await import('../machine/state.ts');
  const lock = await takeLock(lockPath(readNetns()), 'apply', waitMs);
  try {
    const { applyArtifact } = await import('../apply/verb.ts');
    return await applyArtifact(artifact, options.json === true, io);
  } finally {
    lock.release();
    removeEmptyRun();
  }
}

/** `--wait SECONDS` in milliseconds. */
export function readWait(options: Options): number {
  const text = textOption(options, 'wait', '10');
  if (!/^\d+(\.\d+)?$/.test(text)) throw refuseInput(`--wait takes seconds, and "${text}" is not a number of them.`);
  return Number(text) * 1000;
}
