import { exportDocuments } from '../../compiler/export.ts';
import { load } from '../../compiler/load.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { compileOrExplain } from '../sources/compile-file.ts';
import { readSource } from '../sources/read-source.ts';

/** `masqc export FILE`: the file, with what it includes, as JSON on standard output. */
export async function run(args: readonly string[], _options: Options, io: Io): Promise<ExitCode> {
  const file = args[0] ?? '';
  const compiled = await compileOrExplain(file, io);
  if (compiled === null) return EXIT.errors;
  const { documents, sources } = load(file, readSource);
  await io.out(exportDocuments(documents, sources));
  return EXIT.fine;
}
