import type { Compiled } from '../../compiler/compile.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { refuseInput } from '../cli/refusal.ts';
import type { Options } from '../cli/verb.ts';
import { compileFile } from '../sources/compile-file.ts';

/** `masqc check FILE`: prints every diagnostic, and one line when there is none. With `--fix` after mending what is certain. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const file = args[0] ?? '';
  if (options.dryRun && !options.fix) throw refuseInput('`--dry-run` belongs to `--fix`.');
  const { diagnostics, sources, model } = options.fix ? await fix(file, options, io) : compileFile(file);
  const failed = diagnostics.some((one) => one.severity === 'error');
  if (options.format === 'json') {
    const { renderDiagnosticsJson } = await import('../report/json.ts');
    io.out(renderDiagnosticsJson(diagnostics));
  } else if (diagnostics.length > 0) {
    const { renderDiagnostics } = await import('../report/human.ts');
    io.out(renderDiagnostics(diagnostics, sources, io.colours));
    io.out(`${io.colours.dim(`More about it: masqc explain ${diagnostics[0]!.code}`)}\n`);
  }
  if (!failed && model !== null && options.format !== 'json') {
    const lines = model.rules.length;
    io.out(`${file}: ${io.colours.green('fine')}, gateway ${model.gateway.name}, ${lines} lines that decide\n`);
  }
  return failed ? EXIT.errors : EXIT.fine;
}

/** Mends, writes, and tells it: beside JSON on standard error. */
async function fix(file: string, options: Options, io: Io): Promise<Compiled> {
  const { mendAll } = await import('../../compiler/mend.ts');
  const { readSource } = await import('../sources/read-source.ts');
  const { compiled, mends, texts } = mendAll(file, readSource);
  if (!options.dryRun) {
    const { replaceSource } = await import('../sources/replace-source.ts');
    for (const [path, text] of texts) replaceSource(path, text);
  }
  if (mends.length === 0) return compiled;
  const { renderMends } = await import('../report/mends.ts');
  if (options.format === 'json') io.err(renderMends(mends, !options.dryRun, io.errColours));
  else await io.out(`${renderMends(mends, !options.dryRun, io.colours)}\n`);
  return compiled;
}
