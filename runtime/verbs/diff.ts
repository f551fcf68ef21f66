import { compare } from '../../compiler/diff/diff.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { type Options, textOption } from '../cli/verb.ts';
import { renderGithub, renderJson, renderSarif } from '../diff/machine.ts';
import { open, openHead } from '../diff/open.ts';
import { renderHuman, renderMarkdown } from '../diff/render.ts';
import { makeReport, type Report } from '../diff/report.ts';
import { compileOrExplain } from '../sources/compile-file.ts';

/** `masqc diff BEFORE AFTER`, `masqc diff FILE`: what becomes of which packets otherwise. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const [one = '', other] = args;
  const before = other === undefined ? openHead(one) : open(one);
  const after = open(other ?? one);
  const a = await compileOrExplain(before.entry, io, before.read);
  const b = await compileOrExplain(after.entry, io, after.read);
  if (a === null || b === null) return EXIT.errors;
  const report = makeReport(compare(a, b), [a, b], { before: before.name, after: after.name }, before.revision);
  io.out(render(report, options.json === true ? 'json' : textOption(options, 'format', 'human'), io));
  return report.same ? EXIT.fine : EXIT.pending;
}

function render(report: Report, format: string, io: Io): string {
  switch (format) {
    case 'json':
      return renderJson(report);
    case 'markdown':
      return renderMarkdown(report);
    case 'sarif':
      return renderSarif(report);
    case 'github':
      return renderGithub(report);
    default:
      return renderHuman(report, io.colours);
  }
}
