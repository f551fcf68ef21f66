import type { Guard, State } from '../machine/types.ts';
import type { Wanted } from '../plan/types.ts';
import type { Artifact } from '../sources/artifact.ts';
import type { Datapath } from './datapath.ts';

/** What the steps of one apply work on. */
export interface Work {
  readonly libbpf: typeof import('../../native/lib/libbpf.ts');
  readonly wanted: Wanted;
  /** null: no policy is loaded (`masqc attach`). */
  readonly artifact: Artifact | null;
  readonly datapath: Datapath | null;
  readonly netns: number;
  /** The pin directory; null until it is made. */
  pins: string | null;
  /** The flow table that programs are loaded over. */
  table: TableView;
  /** The guard as it is now. */
  guard: Guard | null;
  /** What is so far; saved whenever it changes. */
  state: State;
}

/** A flow table as programs are to see it (native/datapath/table.h). */
export interface TableView {
  /** Directory below the pins where its maps are; empty: the pins themselves. */
  readonly directory: string;
  readonly flows: number;
  readonly number: number;
  /** The size of the one that its flows come from, whose maps are at the pins themselves; null: there is none. */
  readonly old: number | null;
}

/** Takes back what a step did. */
export type Undo = (() => Promise<void> | void) | typeof STAYS;
/** Of a step from which there is no way back, but only one on, by the next apply. */
export const STAYS = 'stays';

export function pinsOf(work: Work): string {
  if (work.pins === null) throw new Error('the pin directory is not there yet');
  return work.pins;
}
export function artifactOf({ artifact }: Work): Artifact {
  if (artifact === null) throw new Error('there is no file to take a policy from');
  return artifact;
}
export function datapathOf({ datapath }: Work): Datapath {
  if (datapath === null) throw new Error('there are no objects to load');
  return datapath;
}
export function pinPath(work: Work, name: string): string {
  return `${pinsOf(work)}/${name}`;
}
