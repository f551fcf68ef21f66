import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';

/** `masqc plan FILE|DIR`: prints what apply would do; changes nothing. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const { loadArtifact } = await import('../sources/artifact.ts');
  const artifact = await loadArtifact(args[0] ?? '', io);
  if (artifact === null) return EXIT.errors;
  if (typeof options.against === 'string') {
    const { compareArtifacts } = await import('../plan/compare.ts');
    return compareArtifacts(artifact, await loadArtifact(options.against, io), options, io);
  }
  const { takeSnapshot } = await import('../machine/snapshot.ts');
  const { makePlan } = await import('../plan/plan.ts');
  const { readWanted } = await import('../plan/wanted.ts');
  const { renderPlan, renderPlanJson } = await import('../plan/render.ts');
  const plan = makePlan(readWanted(artifact), await takeSnapshot(artifact.manifest.gateway));
  io.out(options.json ? renderPlanJson(plan) : renderPlan(plan, io.colours));
  if (plan.obstacles.length > 0) return EXIT.refused;
  return plan.steps.length > 0 ? EXIT.pending : EXIT.fine;
}
