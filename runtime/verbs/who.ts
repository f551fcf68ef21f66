import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { findHolders, readAsked, renderHolder } from '../show/who.ts';
import { compileOrExplain } from '../sources/compile-file.ts';

/** `masqc who FILE ADDRESS[:PORT]`: who it is, by the file alone. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const [file = '', text = ''] = args;
  const asked = readAsked(text);
  if (asked === null) {
    io.err(`\`${text}\` is no address; write one like 203.0.113.7:4711, 192.168.1.20 or [2001:db8::7]:80\n`);
    return EXIT.errors;
  }
  const compiled = await compileOrExplain(file, io);
  if (compiled === null || compiled.model === null) return EXIT.errors;
  const holders = findHolders(compiled.model, asked);
  if (options.json) io.out(`${JSON.stringify({ schema: 'masqc/who@1', asked: text, holders }, null, 2)}\n`);
  else if (holders.length === 0) io.err(`no map and no \`share\` of ${file} says whose ${text} is\n`);
  else for (const holder of holders) io.out(renderHolder(holder));
  return holders.length > 0 ? EXIT.fine : EXIT.errors;
}
