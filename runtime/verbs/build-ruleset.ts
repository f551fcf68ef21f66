import { statSync } from 'node:fs';
import { complain } from '../../compiler/nftables/complain.ts';
import { emitNftables } from '../../compiler/nftables/emit.ts';
import type { Diagnostic } from '../../grammar/diagnostic.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { Refusal } from '../cli/refusal.ts';
import { writeAtomically } from '../machine/atomic.ts';
import { compileFile } from '../sources/compile-file.ts';

/** `masqc build FILE --target nftables`: prints the ruleset, or writes it to `path` where one is given. */
export async function buildRuleset(file: string, path: string, io: Io): Promise<ExitCode> {
  const { model, sources, documents, ...compiled } = compileFile(file);
  const said = model === null ? [] : complain(model, documents);
  const diagnostics = [...compiled.diagnostics, ...said];
  if (diagnostics.length > 0) {
    const rank = new Map(sources.map((source, i) => [source.file, i]));
    const of = ({ span }: Diagnostic): number => rank.get(span.file) ?? -1;
    const inOrder = diagnostics.toSorted((a, b) => of(a) - of(b) || a.span.start - b.span.start);
    const { renderDiagnostics } = await import('../report/human.ts');
    io.err(renderDiagnostics(inOrder, sources, io.errColours));
  }
  if (model === null || said.some(({ severity }) => severity === 'error')) return EXIT.errors;
  const text = emitNftables(model);
  if (path === '') {
    await io.out(text);
    return EXIT.fine;
  }
  write(path, text);
  io.out(`${io.colours.bold(model.gateway.name)}: ${path} has a ruleset of ${text.split('\n').length - 1} lines\n`);
  return EXIT.fine;
}

function write(path: string, text: string): void {
  const advice = 'Choose another file with -o.';
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === false)
      throw new Refusal(`${path} cannot be written: it is no file.`, advice);
    writeAtomically(path, text, 0o644);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Refusal(`${path} cannot be written: ${message}.`, advice);
  }
}
