import { mkdirSync, rmSync } from 'node:fs';
import { type Datapath, readLister } from '../apply/datapath.ts';
import { lineConstants } from '../apply/lines.ts';
import { findBpffs } from '../machine/bpffs.ts';
import type { Artifact } from '../sources/artifact.ts';
import type { KernelFacts } from './facts.ts';

type Libbpf = typeof import('../../native/lib/libbpf.ts');

/** Enough for the verifier, little for the memory. */
const ENTRIES = 1024;

/**
 * Has the verifier judge all programs that apply would load, of both families, and throws them away again: the one sure way
 * to know whether a kernel has every helper, program type and map type. Their maps are pinned by name, so it needs a
 * bpffs for the while; without one: null.
 *
 * @param artifact whose policy decides about new flows
 */
export async function tryDatapath(
  libbpf: Libbpf,
  datapath: Datapath,
  artifact: Pick<Artifact, 'policy' | 'manifest'>,
  root: string | null = findBpffs(),
): Promise<KernelFacts['loads']> {
  if (root === null) return null;
  const place = `${root}/doctor${process.pid}`;
  let what = '';
  const load = async (name: string, bytes: Uint8Array, constants: Readonly<Record<string, number>> = {}) => {
    what = name;
    using object = libbpf.BpfObject.open(bytes, { name: 'doctor', pinRoot: place });
    for (const map of object.maps) if (map.maxEntries > ENTRIES) object.setMaxEntries(map.name, ENTRIES);
    if (Object.keys(constants).length > 0) object.setGlobal('.rodata', constants);
    await object.load();
  };
  try {
    mkdirSync(place, { mode: 0o700 });
    await load('known flows', datapath.datapath);
    await load('known flows of IPv6', datapath.datapath6);
    const constants = lineConstants(artifact.manifest);
    for (const [name, miss] of [
      ['new flows', datapath.miss],
      ['new flows of IPv6', datapath.miss6],
    ] as const) {
      what = name;
      await load(name, await libbpf.linkToBytes([artifact.policy, miss]), constants);
    }
    for (const family of [4, 6] as const) await load('show connections', readLister(family));
    return { ok: true, said: '' };
  } catch (error) {
    const said = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
    return { ok: false, said: `${what}: ${said}` };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
