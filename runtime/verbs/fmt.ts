import { format } from '../../grammar/format/format.ts';
import { isJson } from '../../grammar/json/read.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { readSource, readStandardInput } from '../sources/read-source.ts';
import { replaceSource } from '../sources/replace-source.ts';

interface Text {
  readonly file: string;
  readonly before: string;
  readonly after: string;
}

/** `masqc fmt FILE… | -`: brings files into their form, or says which are not. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  let exit: ExitCode = EXIT.fine;
  let same = 0;
  for (const file of args) {
    const text = await readAndFormat(file, io);
    if (text === null) exit = EXIT.errors;
    else if (file === '-' && !options.check && !options.diff) await io.out(text.after);
    else if (text.before === text.after) same++;
    else {
      if (options.check || options.diff) exit = EXIT.errors;
      await show(text, options, io);
    }
  }
  const quiet = options.check || options.diff || args.includes('-') || same < args.length;
  if (!quiet) io.out(`${same === 1 ? `${args[0]} is` : `${same} files are`} in form already\n`);
  return exit;
}

async function show({ file, before, after }: Text, { check, diff }: Options, io: Io): Promise<void> {
  if (diff) {
    const { renderDiff } = await import('../report/line-diff.ts');
    await io.out(renderDiff(file, before, after, io.colours) || `${file}: only line ends differ\n`);
  } else if (check) await io.out(`${file}\n`);
  else {
    replaceSource(file, after);
    await io.out(`${file}: ${io.colours.green('formatted')}\n`);
  }
}

/** null: it can't be read, or has syntax errors; which is said. */
async function readAndFormat(path: string, io: Io): Promise<Text | null> {
  const file = path === '-' ? '<stdin>' : path;
  if (isJson(path)) {
    io.err(`${io.errColours.red('masqc:')} ${file} is JSON, and \`masqc fmt\` is for files in the language\n`);
    return null;
  }
  const read = path === '-' ? await readStandardInput() : readSource(path);
  if ('problem' in read) {
    io.err(`${io.errColours.red('masqc:')} ${file} ${read.problem}\n`);
    return null;
  }
  const source = { file, text: read.text };
  const { text, diagnostics } = format(source);
  if (text !== null) return { file, before: read.text, after: text };
  const { renderDiagnostics } = await import('../report/human.ts');
  io.err(renderDiagnostics(diagnostics, [source], io.errColours));
  if (diagnostics.length > 0) io.err(`${file}: not formatted, for where its sentences end is not sure\n`);
  return null;
}
