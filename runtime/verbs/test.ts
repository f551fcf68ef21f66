import { runExpectations } from '../../compiler/simulate/expect.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { compileOrExplain } from '../sources/compile-file.ts';

/** `masqc test FILE`: asks the compiled policy about every packet that an `expect` names. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const compiled = await compileOrExplain(args[0] ?? '', io);
  if (compiled === null || compiled.model === null) return EXIT.errors;
  const results = runExpectations(compiled.model, compiled.diagram);
  const { renderExpectations, renderExpectationsJson } = await import('./test-report.ts');
  io.out(options.json ? renderExpectationsJson(results) : renderExpectations(results, io.colours));
  return results.every((result) => result.passed) ? EXIT.fine : EXIT.errors;
}
