import { type Compiled, compile } from '../../compiler/compile.ts';
import type { ReadSource } from '../../compiler/load.ts';
import type { Io } from '../cli/io.ts';
import { readSource } from './read-source.ts';

/** A file without errors. */
export type Sound = Extract<Compiled, { readonly model: object }>;

/** Reads, checks and compiles a gateway file. What is wrong with it is in `diagnostics`; never throws for a bad file. */
export function compileFile(path: string): Compiled {
  return compile(path, readSource);
}

/** The compiled file if it has no errors. Otherwise its diagnostics are written to standard error, and null is returned. */
export async function compileOrExplain(path: string, io: Io, read: ReadSource = readSource): Promise<Sound | null> {
  const compiled = compile(path, read);
  if (compiled.diagnostics.length > 0) {
    const { renderDiagnostics } = await import('../report/human.ts');
    io.err(renderDiagnostics(compiled.diagnostics, compiled.sources, io.errColours));
  }
  return compiled.model === null ? null : compiled;
}
