/** Objects of the datapath over the flow table that apply works with. */
import { existsSync } from 'node:fs';
import { sizeTables } from '../../compiler/artifact/maps.ts';
import type { BpfObject } from '../../native/lib/libbpf.ts';
import { type Family, parseOldMap } from '../machine/pins.ts';
import { pinPath, pinsOf, type Work } from './work.ts';

/** The families that are carried. */
export function familiesOf({ state }: Work): readonly Family[] {
  return state.ipv6 ? [4, 6] : [4];
}

/** An object of the datapath over the flow table of `work`, to be loaded. */
export function openOver(work: Work, bytes: Uint8Array, name: string): BpfObject {
  const { libbpf, table } = work;
  const object = libbpf.BpfObject.open(bytes, { name, pinRoot: tablePath(work) });
  sizeMaps(object, table.flows);
  setConstants(object, { moving: table.old === null ? 0 : 1, table: table.number });
  for (const { name, pinPath: path } of object.maps) {
    if (path === null || !existsSync(path)) continue;
    using map = libbpf.BpfMap.openPinned(path); // has the size that it was made with
    object.setMaxEntries(name, map.maxEntries);
  }
  if (table.old === null) return object;
  for (const { name } of object.maps) {
    const old = parseOldMap(name);
    if (old === null) continue;
    using map = libbpf.BpfMap.openPinned(pinPath(work, old));
    object.setMaxEntries(name, map.maxEntries);
    object.reuseMap(name, map);
  }
  return object;
}

function tablePath(work: Work): string {
  const { directory } = work.table;
  return directory === '' ? pinsOf(work) : pinPath(work, directory);
}

/** Sizes that the loader sets (maps.h). */
function sizeMaps(object: BpfObject, flows: number): void {
  const sizes: Readonly<Record<string, number>> = sizeTables(flows);
  for (const map of object.maps) {
    const size = sizes[map.name];
    if (size !== undefined) object.setMaxEntries(map.name, size);
  }
}

/** Sets those constants that the object has. */
export function setConstants(object: BpfObject, constants: Readonly<Record<string, number>>): void {
  const names = (object.btf().variables('.rodata') ?? []).map((one) => one.name);
  const known = Object.entries(constants).filter(([name]) => names.includes(name));
  if (known.length > 0) object.setGlobal('.rodata', Object.fromEntries(known));
}
