import { mkdirSync, rmSync } from 'node:fs';
import { sizeTables } from '../../compiler/artifact/maps.ts';
import type { Datapath } from '../apply/datapath.ts';
import { findBpffs } from '../machine/bpffs.ts';
import type { KernelFacts } from './facts.ts';

type Libbpf = typeof import('../../native/lib/libbpf.ts');

/** Enough for the verifier, nothing for the memory. */
const FLOWS = 64;

/**
 * Has the verifier judge the datapath, and throws it away again: the one sure way to know whether a kernel has every
 * helper, program type and map type. Its maps are pinned by name, so it needs a bpffs for the while; without one: null.
 */
export async function tryDatapath(libbpf: Libbpf, datapath: Datapath): Promise<KernelFacts['loads']> {
  const root = findBpffs();
  if (root === null) return null;
  const place = `${root}/doctor${process.pid}`;
  try {
    mkdirSync(place, { mode: 0o700 });
    using object = libbpf.BpfObject.open(datapath.datapath, { name: 'doctor', pinRoot: place });
    const sizes: Readonly<Record<string, number>> = sizeTables(FLOWS);
    for (const map of object.maps) {
      const size = sizes[map.name];
      if (size !== undefined) object.setMaxEntries(map.name, size);
    }
    await object.load();
    return { ok: true, said: '' };
  } catch (error) {
    return { ok: false, said: (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '' };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
