/** What the tables of the active generation hold, kept beside the state: by the hash of their packed keys. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { writeAtomically } from './atomic.ts';
import { stateDirectory } from './paths.ts';

export function keepSet(gateway: string, netns: number, hash: string, keys: Uint8Array): void {
  const directory = stateDirectory(gateway, netns);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeAtomically(`${directory}/set-${hash}.bin`, keys);
}

/** null: not kept. */
export function readKeptSet(gateway: string, netns: number, hash: string): Uint8Array | null {
  try {
    return readFileSync(`${stateDirectory(gateway, netns)}/set-${hash}.bin`);
  } catch {
    return null;
  }
}

export function forgetSets(gateway: string, netns: number, kept: readonly string[]): void {
  const directory = stateDirectory(gateway, netns);
  for (const name of readdirSync(directory)) {
    const hash = /^set-(\w+)\.bin$/.exec(name)?.[1];
    if (hash !== undefined && !kept.includes(hash)) rmSync(`${directory}/${name}`, { force: true });
  }
}
