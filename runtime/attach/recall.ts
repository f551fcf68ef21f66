import type { Manifest } from '../../compiler/artifact/manifest.ts';
import { readNetns } from '../machine/paths.ts';
import { findGateways, readKeptManifest, readState } from '../machine/state.ts';
import type { State } from '../machine/types.ts';
import { listOutsides } from '../plan/outsides.ts';
import type { Wanted } from '../plan/types.ts';

/** What was applied here, as apply has kept it. */
export interface Applied {
  readonly state: State;
  readonly manifest: Manifest;
}

/** The gateway of this network namespace; null: none, or its first apply did not end. @throws Refusal for a broken state */
export function recallApplied(): Applied | null {
  const netns = readNetns();
  const [gateway] = findGateways(netns);
  const state = gateway === undefined ? null : readState(gateway, netns);
  if (state === null || state.generation === 0) return null;
  const text = readKeptManifest(state.gateway, netns, state.generation);
  return text === null ? null : { state, manifest: JSON.parse(text) as Manifest };
}

/** What that file asks of this machine, with everything but its devices as it is: nothing is loaded, no rule changes. Pure. */
export function recallWanted({ manifest, state }: Applied): Wanted {
  return {
    gateway: state.gateway,
    interfaces: manifest.interfaces.map(({ id, name, device, hides, hides6, mss, xdp }) => {
      return { id, name, device, hides, hides6: hides6 ?? false, mss: mss ?? null, xdp: xdp ?? true };
    }),
    flows: state.flows,
    timeouts: state.timeouts,
    established: manifest.established,
    ipv6: state.ipv6,
    hashes: state.hashes,
    sets: state.sets.map(({ name, hash }, id) => {
      const follows = manifest.sets[id]?.follows ?? null;
      return { id, name, hash, editable: false, keys: new Uint8Array(0), follows };
    }),
    values: manifest.values ?? [],
    dynamic: manifest.dynamic ?? [],
    rules: manifest.rules.length,
    pools: manifest.masquerades.map(({ name, interfaces, ports }) => {
      return { name, interfaces, first: ports.first, last: ports.last };
    }),
    outsides: listOutsides(manifest),
  };
}
