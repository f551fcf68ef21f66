import { type Datapath, hashOf } from '../apply/datapath.ts';
import type { Artifact } from '../sources/artifact.ts';
import { listOutsides } from './outsides.ts';
import type { Wanted } from './types.ts';

/** What an artifact asks of a machine, together with the datapath that this package brings. */
export function readWanted({ manifest, policy, sets }: Artifact, datapath: Datapath): Wanted {
  return {
    gateway: manifest.gateway,
    interfaces: manifest.interfaces.map(({ id, name, device, hides, hides6, mss, xdp }) => {
      return { id, name, device, hides, hides6, mss, xdp };
    }),
    flows: manifest.flows,
    timeouts: { ...manifest.timeouts },
    established: manifest.established,
    ipv6: manifest.ipv6,
    hashes: {
      policy: hashOf([policy, JSON.stringify([manifest.rules, manifest.account, manifest.values])]),
      datapath: datapath.hash,
      layout: datapath.layout,
    },
    sets: manifest.sets.map(({ name, sha256, editable, follows }, id) => {
      return { id, name, hash: sha256, editable, keys: sets[id] ?? new Uint8Array(0), follows };
    }),
    values: manifest.values,
    dynamic: manifest.dynamic,
    rules: manifest.rules.length,
    pools: manifest.masquerades.map(({ name, interfaces, ports }) => {
      return { name, interfaces, first: ports.first, last: ports.last };
    }),
    outsides: listOutsides(manifest),
  };
}
