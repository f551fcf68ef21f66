import { tellStories } from '../../compiler/simulate/story.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { askAbout } from '../sources/sentences.ts';

/** `masqc trace FILE SENTENCE…`: tells what becomes of packets, one after the other. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const [file = '', ...sentences] = args;
  const asked = askAbout(file, sentences);
  if ('diagnostics' in asked) {
    const { renderDiagnostics } = await import('../report/human.ts');
    io.err(renderDiagnostics(asked.diagnostics, asked.sources, io.errColours));
    return EXIT.errors;
  }
  if (asked.steps.length === 0) {
    io.err("no packet is named: write a sentence of `expect`, e.g. 'tcp from han:1025 on lan to 192.0.2.80:80'\n");
    return EXIT.errors;
  }
  const { model, diagram } = asked.compiled;
  const told = tellStories(model, diagram, asked.steps).map((stories, i) => ({ step: asked.steps[i]!, stories }));
  const { renderStories, renderStoriesJson } = await import('./trace-report.ts');
  io.out(options.json ? renderStoriesJson(model, told) : renderStories(model, told, io.colours));
  return EXIT.fine;
}
