import { type Datapath, hashOf } from '../apply/datapath.ts';
import type { Artifact } from '../sources/artifact.ts';
import type { Wanted } from './types.ts';

/** What an artifact asks of a machine, together with the datapath that this package brings. */
export function readWanted({ manifest, policy }: Artifact, datapath: Datapath): Wanted {
  return {
    gateway: manifest.gateway,
    interfaces: manifest.interfaces.map(({ id, name, device, hides }) => ({ id, name, device, hides })),
    flows: manifest.flows,
    timeouts: { ...manifest.timeouts },
    hashes: {
      policy: hashOf([policy, JSON.stringify(manifest.rules)]),
      datapath: datapath.hash,
      layout: datapath.layout,
    },
    rules: manifest.rules.length,
    pools: manifest.masquerades.map(({ name, ports }) => ({ name, first: ports.first, last: ports.last })),
  };
}
