import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { Refusal } from '../cli/refusal.ts';
import { writeAtomically } from './atomic.ts';
import { RUN, stateDirectory } from './paths.ts';
import type { State } from './types.ts';

/** How many generations' rule tables are kept, for connections that older files let in. */
const KEPT_GENERATIONS = 32;

/** @returns null when there is none; a state that is not readable counts as one without anything attached. */
export function readState(gateway: string, netns: number): State | null {
  const path = `${stateDirectory(gateway, netns)}/state.json`;
  if (!existsSync(path)) return null;
  let state: State;
  try {
    state = JSON.parse(readFileSync(path, 'utf8')) as State;
  } catch {
    throw new Refusal(`${path} is not what masqc wrote there.`, 'Run `masqc down`: it cleans up without it.');
  }
  if (state.schema !== 'masqc/state@1') {
    throw new Refusal(
      `${path} is of another version of masqc (${state.schema}).`,
      'Run that version, or `masqc down`.',
    );
  }
  return { ...state, sets: state.sets ?? [], live: state.live ?? [] };
}

export function writeState(state: State): void {
  const directory = stateDirectory(state.gateway, state.netns);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeAtomically(`${directory}/state.json`, `${JSON.stringify(state, null, 1)}\n`);
}

export function removeState(gateway: string, netns: number): void {
  rmSync(stateDirectory(gateway, netns), { recursive: true, force: true });
}

/** Removes the directory in /run, unless other gateways or another masqc have something in it. */
export function removeEmptyRun(): void {
  try {
    rmdirSync(RUN);
  } catch {
    // In use, or gone.
  }
}

/** Names of the gateways that have state for this network namespace. */
export function findGateways(netns: number): string[] {
  if (!existsSync(RUN)) return [];
  const suffix = `-${netns}`;
  return readdirSync(RUN, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.endsWith(suffix))
    .map((entry) => entry.name.slice(0, -suffix.length))
    .sort();
}

/** Keeps the manifest of a generation, for `show` to turn rule ids into lines, and forgets the oldest. */
export function keepManifest(gateway: string, netns: number, generation: number, text: string): void {
  const directory = stateDirectory(gateway, netns);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeAtomically(manifestPath(directory, generation), text);
  const old = generation - KEPT_GENERATIONS;
  if (old > 0) rmSync(manifestPath(directory, old), { force: true });
}

/** The manifest's text of a generation; null: no longer kept. */
export function readKeptManifest(gateway: string, netns: number, generation: number): string | null {
  try {
    return readFileSync(manifestPath(stateDirectory(gateway, netns), generation), 'utf8');
  } catch {
    return null;
  }
}

function manifestPath(directory: string, generation: number): string {
  return `${directory}/manifest-${generation}.json`;
}
