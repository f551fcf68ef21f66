import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { compileFile } from '../sources/compile-file.ts';

/** `masqc check FILE`: prints every diagnostic, and one line when there is none. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const file = args[0] ?? '';
  const { diagnostics, sources, model } = compileFile(file);
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
