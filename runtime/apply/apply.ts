import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Refusal } from '../cli/refusal.ts';
import { findPins } from '../machine/bpffs.ts';
import { explainBpf } from '../machine/needs.ts';
import { keepManifest, readKeptManifest } from '../machine/state.ts';
import type { Snapshot, State } from '../machine/types.ts';
import { isStale } from '../plan/plan.ts';
import { describeStep } from '../plan/render.ts';
import type { Plan, Step, Wanted } from '../plan/types.ts';
import type { Artifact } from '../sources/artifact.ts';
import type { Datapath } from './datapath.ts';
import { executeStep } from './execute.ts';
import { injectFault } from './faults.ts';
import { STAYS, type Undo, type Work } from './work.ts';

export interface ApplyInput {
  readonly wanted: Wanted;
  /** null: the plan loads nothing (`masqc attach`). */
  readonly artifact: Artifact | null;
  readonly datapath: Datapath | null;
  readonly snapshot: Snapshot;
  readonly plan: Plan;
}
export interface Watcher {
  readonly started: (step: Step, index: number) => void;
  readonly done: (step: Step, index: number) => void;
  readonly undone: (step: Step) => void;
}

/**
 * Does the steps of a plan, in order. If one fails, or a signal came in meanwhile, those that were done are taken back,
 * the last first; signals wait for the end of the step at work.
 * @throws Refusal that names the step
 */
export async function applyPlan(input: ApplyInput, watcher: Watcher): Promise<void> {
  const libbpf = await import('../../native/lib/libbpf.ts');
  const { wanted, artifact, datapath, snapshot, plan } = input;
  const state = isStale(snapshot) ? null : snapshot.state;
  const work: Work = {
    libbpf,
    wanted,
    artifact,
    datapath,
    netns: plan.netns,
    pins: findPins(wanted.gateway, plan.netns),
    guard: isStale(snapshot) ? null : snapshot.guard,
    state: state ?? makeState(wanted, plan.netns),
    table: {
      directory: '',
      flows: snapshot.table?.flows ?? wanted.flows,
      number: snapshot.table?.number ?? 0,
      old: null,
    },
  };
  using signals = deferSignals();
  const undos: { readonly step: Step; readonly undo: Undo }[] = [];
  for (const [index, step] of plan.steps.entries()) {
    watcher.started(step, index);
    try {
      injectFault(index);
      await nextTurn(); // a signal that came meanwhile is heard now
      const signal = signals.received();
      if (signal !== null) throw new Refusal(`Interrupted by ${signal}.`);
      undos.push({ step, undo: await executeStep(work, step, () => new Date()) });
    } catch (error) {
      throw await takeBack(undos, step, explainBpf(error, libbpf), watcher);
    }
    watcher.done(step, index);
  }
  if (artifact !== null && work.state.generation > 0) keepAsApplied(work.state, artifact.manifestText);
}

/** What `attach` goes by when a device comes later: also what no line of the policy shows, as another `mss`. */
function keepAsApplied({ gateway, netns, generation }: State, text: string): void {
  if (readKeptManifest(gateway, netns, generation) !== text) keepManifest(gateway, netns, generation, text);
}

/** Undoes, and says in one error what failed and whether all could be taken back. */
async function takeBack(
  undos: { readonly step: Step; readonly undo: Undo }[],
  failed: Step,
  error: unknown,
  watcher: Watcher,
): Promise<Refusal> {
  const stuck: string[] = [];
  let stays = false;
  for (const { step, undo } of undos.toReversed()) {
    if (undo === STAYS) {
      stays = true;
      break;
    }
    try {
      await undo();
      watcher.undone(step);
    } catch (problem) {
      stuck.push(`${describeStep(step).text}: ${problem instanceof Error ? problem.message : String(problem)}`);
    }
  }
  const { message, advice, detail } = readError(error);
  const outcome = stays
    ? 'What was done stays, and the gateway works with it: connections go on in both flow tables. Apply again.'
    : stuck.length === 0
      ? 'Nothing was changed: what had been done was taken back.'
      : 'Not all could be taken back; run `masqc down`, or apply again.';
  const lines = [detail, ...stuck].filter((line) => line !== null && line !== '');
  return new Refusal(
    `At the step "${describeStep(failed).text}": ${message}`,
    advice === null ? outcome : `${outcome}\n  ${advice}`,
    3,
    lines.length === 0 ? null : lines.join('\n'),
  );
}

function readError(error: unknown): { message: string; advice: string | null; detail: string | null } {
  if (error instanceof Refusal) return error;
  const message = error instanceof Error ? error.message : String(error);
  return {
    message,
    advice: null,
    detail: process.env.MASQC_DEBUG && error instanceof Error ? (error.stack ?? null) : null,
  };
}

function makeState(wanted: Wanted, netns: number): State {
  return {
    schema: 'masqc/state@1',
    gateway: wanted.gateway,
    netns,
    token: randomBytes(6).toString('hex'),
    generation: 0,
    active: -1,
    since: null,
    hashes: { policy: '', datapath: '', layout: '' },
    sets: [],
    live: [],
    flows: wanted.flows,
    timeouts: {},
    interfaces: [],
    ipForward: null,
    ipv6Forward: null,
    ipv6: false,
  };
}

/** While it lives, signals that would end the process are only noted. */
function deferSignals() {
  let received: NodeJS.Signals | null = null;
  const note = (signal: NodeJS.Signals) => {
    received ??= signal;
  };
  const all = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
  for (const signal of all) process.on(signal, note);
  return {
    received: () => received,
    [Symbol.dispose]: () => {
      for (const signal of all) process.off(signal, note);
    },
  };
}
