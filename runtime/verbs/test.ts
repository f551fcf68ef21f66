import { runExpectations } from '../../compiler/simulate/expect.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { compileOrExplain } from '../sources/compile-file.ts';
import type { Tested } from './test-report.ts';

/** `masqc test FILE…`: asks each compiled policy about every packet that its `expect`s name. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const tested: Tested[] = [];
  for (const file of args) {
    const compiled = await compileOrExplain(file, io);
    tested.push({ file, results: compiled && runExpectations(compiled.model, compiled.diagram) });
  }
  const format = options.json ? 'json' : options.format;
  const { hold, renderExpectations, renderExpectationsJson } = await import('./test-report.ts');
  if (format === 'tap' || format === 'junit') {
    const { renderJunit, renderTap } = await import('./test-formats.ts');
    io.out(format === 'tap' ? renderTap(tested) : renderJunit(tested));
  } else if (format === 'json') {
    io.out(renderExpectationsJson(tested));
  } else if (tested.length > 1 || tested[0]?.results) {
    io.out(renderExpectations(tested, io.colours)); // of a single file with errors its errors say all
  }
  return tested.every(hold) ? EXIT.fine : EXIT.errors;
}
