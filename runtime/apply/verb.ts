import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import { takeSnapshot } from '../machine/snapshot.ts';
import { makePlan } from '../plan/plan.ts';
import { counted, describeStep, renderPlan } from '../plan/render.ts';
import type { Plan } from '../plan/types.ts';
import { readWanted } from '../plan/wanted.ts';
import { type Artifact, checkLayout } from '../sources/artifact.ts';
import { applyPlan } from './apply.ts';
import { readDatapath } from './datapath.ts';

/** Plans and applies, the lock being held, and reports step by step. */
export async function applyArtifact(artifact: Artifact, asJson: boolean, io: Io): Promise<ExitCode> {
  const datapath = readDatapath();
  checkLayout(artifact, datapath);
  const wanted = readWanted(artifact, datapath);
  const snapshot = await takeSnapshot(wanted.gateway, 'apply');
  const plan = makePlan(wanted, snapshot);
  if (plan.obstacles.length > 0) {
    (asJson ? io.out : io.err)(asJson ? renderOutcome(plan, false) : renderPlan(plan, io.errColours));
    return EXIT.refused;
  }
  const began = performance.now();
  const { out, colours: c } = io;
  const say = (text: string) => {
    if (!asJson) out(text);
  };
  await applyPlan(
    { wanted, artifact, datapath, snapshot, plan },
    {
      started: () => undefined,
      done: (step) => {
        const { sign, text, why } = describeStep(step);
        say(`  ${c.green('✓')} ${sign} ${text}${why === '' ? '' : `  ${c.dim(why)}`}\n`);
      },
      undone: (step) => say(`  ${c.yellow('↩')} ${describeStep(step).text}\n`),
    },
  );
  if (asJson) out(renderOutcome(plan, true));
  else if (plan.steps.length === 0) out(renderPlan(plan, c));
  else {
    for (const note of plan.notes.filter((one) => one.severity === 'warning'))
      say(`  ${c.yellow('warning:')} ${note.text}\n`);
    const seconds = ((performance.now() - began) / 1000).toFixed(2);
    say(`${c.bold(wanted.gateway)} is up: ${counted(plan.steps.length, 'step')} in ${seconds} s.\n`);
  }
  return EXIT.fine;
}

function renderOutcome(plan: Plan, applied: boolean): string {
  const steps = plan.steps.map((step) => ({ ...describeStep(step), ...step }));
  return `${JSON.stringify({ schema: 'masqc/apply@1', applied, ...plan, steps }, null, 2)}\n`;
}
