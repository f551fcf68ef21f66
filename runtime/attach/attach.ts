import { applyPlan } from '../apply/apply.ts';
import { Refusal } from '../cli/refusal.ts';
import { takeLock } from '../machine/lock.ts';
import { lockPath } from '../machine/paths.ts';
import { takeSnapshot } from '../machine/snapshot.ts';
import { makePlan } from '../plan/plan.ts';
import { describeStep } from '../plan/render.ts';
import type { Plan, Step } from '../plan/types.ts';
import { recallApplied, recallWanted } from './recall.ts';

/** Steps that concern devices alone. Whatever else a machine lacks is for apply, which has the file. */
const OURS: ReadonlySet<Step['kind']> = new Set([
  'interface',
  'ids',
  'prefixes',
  'guard',
  'attach',
  'detach',
  'drop-interface',
  'forward',
]);

export interface Attached {
  readonly gateway: string;
  readonly netns: number;
  readonly steps: readonly Step[];
  /** Devices of the file that are not here. */
  readonly waiting: readonly { readonly name: string; readonly device: string }[];
}

/**
 * Puts the pinned programs on devices that have come, and forgets those that are gone, so that they are as apply would
 * leave them. Does nothing when all are; needs no file.
 * @returns null: nothing is applied here
 * @throws Refusal when more than that is to be done, and when another masqc keeps the lock
 */
export async function attachDevices(deed: string, waitMs: number): Promise<Attached | null> {
  const first = recallApplied();
  if (first === null) return null;
  const lock = await takeLock(lockPath(first.state.netns), deed, waitMs);
  try {
    const applied = recallApplied(); // as it is now that nobody else is at work
    if (applied === null) return null;
    const { gateway, netns } = applied.state;
    const wanted = recallWanted(applied);
    const snapshot = await takeSnapshot(gateway, deed);
    const plan = makePlan(wanted, snapshot);
    refuseMore(plan);
    const silent = { started: () => undefined, done: () => undefined, undone: () => undefined };
    await applyPlan({ wanted, artifact: null, datapath: null, snapshot, plan }, silent);
    const waiting = wanted.interfaces.filter(({ device }) => !snapshot.devices.some((live) => live.name === device));
    return { gateway, netns, steps: plan.steps, waiting: waiting.map(({ name, device }) => ({ name, device })) };
  } finally {
    lock.release();
  }
}

function refuseMore(plan: Plan): void {
  const [obstacle] = plan.obstacles;
  if (obstacle !== undefined) throw new Refusal(obstacle.text, obstacle.advice);
  const more = plan.steps.filter((step) => !OURS.has(step.kind)).map((step) => describeStep(step).text);
  if (more.length === 0) return;
  throw new Refusal(
    `More than attaching devices is to be done for "${plan.gateway}": ${more.join('; ')}.`,
    'Run `masqc apply` with its file.',
  );
}
