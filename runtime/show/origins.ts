import type { Manifest } from '../../compiler/artifact/manifest.ts';
import { readKeptManifest } from '../machine/state.ts';
import type { State } from '../machine/types.ts';
import type { Origin } from './connection.ts';

export interface Origins {
  /** The line of a generation's file; null for rule 0, and for a generation that is no longer kept. */
  readonly find: (generation: number, rule: number) => Origin | null;
}

/** Turns rule ids into lines by the manifests that apply keeps beside the state, each read once. */
export function makeOrigins(state: State): Origins {
  const known = new Map<number, readonly Origin[]>();
  const read = (generation: number): readonly Origin[] => {
    const text = readKeptManifest(state.gateway, state.netns, generation);
    if (text === null) return [];
    return (JSON.parse(text) as Manifest).rules.map(({ file, line, owner, tally, text: sentence }) => ({
      file,
      line,
      owner,
      text: sentence,
      tally,
    }));
  };
  return {
    find: (generation, rule) => {
      if (rule === 0) return null;
      let rules = known.get(generation);
      if (rules === undefined) {
        rules = read(generation);
        known.set(generation, rules);
      }
      return rules[rule - 1] ?? null;
    },
  };
}
