import type { Manifest } from '../../compiler/artifact/manifest.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import type { State } from '../machine/types.ts';
import { type Artifact, checkLayout, loadArtifact, readArtifact } from '../sources/artifact.ts';

/** `masqc plan FILE|DIR`: prints what apply would do; changes nothing. */
export async function run(args: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const artifact = await loadArtifact(args[0] ?? '', io);
  if (artifact === null) return EXIT.errors;
  if (typeof options.against === 'string') return await planAgainst(artifact, options.against, options, io);
  const { readDatapath } = await import('../apply/datapath.ts');
  const { takeSnapshot } = await import('../machine/snapshot.ts');
  const { makePlan } = await import('../plan/plan.ts');
  const { readWanted } = await import('../plan/wanted.ts');
  const { renderPlan, renderPlanJson } = await import('../plan/render.ts');
  const datapath = readDatapath();
  checkLayout(artifact, datapath);
  const { compareDynamic, compareRules, compareSets } = await import('../plan/compare.ts');
  const snapshot = await takeSnapshot(artifact.manifest.gateway);
  const plan = makePlan(readWanted(artifact, datapath), snapshot);
  const active = snapshot.state === null ? null : await readActiveManifest(snapshot.state);
  const { dynamic, rules, sets } = artifact.manifest;
  const changed =
    active === null
      ? []
      : [
          ...compareRules(active.rules, rules),
          ...compareSets(active.sets ?? [], sets),
          ...compareDynamic(active.dynamic ?? [], dynamic),
        ];
  io.out(options.json ? renderPlanJson(plan, changed) : renderPlan(plan, io.colours, changed));
  if (plan.obstacles.length > 0) return EXIT.refused;
  return plan.steps.length > 0 ? EXIT.pending : EXIT.fine;
}

/** The manifest of the generation that runs; null when it was not kept. */
async function readActiveManifest({ gateway, netns, generation }: State): Promise<Manifest | null> {
  const { readKeptManifest } = await import('../machine/state.ts');
  const text = readKeptManifest(gateway, netns, generation);
  return text === null ? null : (JSON.parse(text) as Manifest);
}

/** Compares with a built directory: no machine is asked. */
async function planAgainst(artifact: Artifact, directory: string, options: Options, io: Io): Promise<ExitCode> {
  const { compareManifests } = await import('../plan/compare.ts');
  const before = await readArtifact(directory);
  const changes = compareManifests(before.manifest, artifact.manifest);
  const { gateway } = artifact.manifest;
  if (options.json) {
    io.out(`${JSON.stringify({ schema: 'masqc/plan-against@1', gateway, against: directory, changes }, null, 2)}\n`);
  } else {
    const c = io.colours;
    const colours = { '+': c.green, '~': c.yellow, '-': c.red };
    const lines = changes.map(({ sign, text }) => `  ${colours[sign](sign)} ${text}`);
    const title = changes.length === 0 ? 'nothing changes against' : `${changes.length} changes against`;
    io.out(`${[`${c.bold(gateway)}: ${title} ${directory}`, ...lines].join('\n')}\n`);
  }
  return changes.length > 0 ? EXIT.pending : EXIT.fine;
}
