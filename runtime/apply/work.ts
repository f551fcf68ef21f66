import type { Guard, State } from '../machine/types.ts';
import type { Wanted } from '../plan/types.ts';
import type { Artifact } from '../sources/artifact.ts';
import type { Datapath } from './datapath.ts';

/** What the steps of one apply work on. */
export interface Work {
  readonly libbpf: typeof import('../../native/lib/libbpf.ts');
  readonly wanted: Wanted;
  readonly artifact: Artifact;
  readonly datapath: Datapath;
  readonly netns: number;
  /** The pin directory; null until it is made. */
  pins: string | null;
  /** The guard as it is now. */
  guard: Guard | null;
  /** What is so far; saved whenever it changes. */
  state: State;
}

/** Takes back what a step did. */
export type Undo = () => Promise<void> | void;

export function pinsOf(work: Work): string {
  if (work.pins === null) throw new Error('the pin directory is not there yet');
  return work.pins;
}
export function pinPath(work: Work, name: string): string {
  return `${pinsOf(work)}/${name}`;
}
