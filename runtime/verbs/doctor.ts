import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { diagnose, isSick } from '../doctor/diagnose.ts';
import { readFacts } from '../doctor/read.ts';
import { renderFindings, renderFindingsJson } from '../doctor/render.ts';
import { requireRoot } from '../machine/needs.ts';
import { loadArtifact } from '../sources/artifact.ts';

/** `masqc doctor [FILE|DIR]`: what of this machine would keep the gateway from its work, and what mends it. Only reads. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const [path] = args;
  const artifact = path === undefined ? null : await loadArtifact(path, io);
  if (path !== undefined && artifact === null) return EXIT.errors;
  requireRoot('doctor');
  const findings = diagnose(await readFacts(artifact));
  io.out(options.json === true ? renderFindingsJson(findings) : renderFindings(findings, io.colours));
  return isSick(findings) ? EXIT.pending : EXIT.fine;
}
