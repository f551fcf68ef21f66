import { existsSync } from 'node:fs';

import { addon, type FdHandle } from './addon.ts';
import { BpfError } from './bpf-error.ts';
import { checkText } from './check.ts';

/** The kernel's own BTF file, or null: what CO-RE relocations and kernel functions need. */
export function findKernelBtf(): string | null {
  const path = '/sys/kernel/btf/vmlinux';
  return existsSync(path) ? path : null;
}

export function hasKernelBtf(): boolean {
  return findKernelBtf() !== null;
}

/** Whether the kernel has TCX (6.6): asked of the loopback device. Throws EPERM without CAP_NET_ADMIN. */
export function hasTcx(): boolean {
  try {
    addon().tcxQuery(1, 46);
    return true;
  } catch (error) {
    if (error instanceof BpfError && error.code === 'EINVAL') return false;
    if (error instanceof BpfError && (error.code === 'ENOENT' || error.code === 'ENODEV')) return true;
    throw error;
  }
}

/** The addon and its libraries can be loaded: null, or the reason why not. */
export function whyNoAddon(): BpfError | null {
  try {
    addon();
    return null;
  } catch (error) {
    if (error instanceof BpfError) return error;
    throw error;
  }
}

/** As libbpf counts them: the number of values in an element of a per-CPU map. */
export function possibleCpus(): number {
  return addon().possibleCpus();
}

/** The ids of all objects of a kind in the kernel. */
export function* idsOf(kind: 'map' | 'prog' | 'link' | 'btf'): Generator<number> {
  for (let id = addon().nextId(kind, 0); id !== null; id = addon().nextId(kind, id)) yield id;
}

/** What is pinned at a path of a bpffs; null where there is nothing. */
export function kindOfPin(path: string): 'map' | 'prog' | 'link' | null {
  let fd: FdHandle;
  try {
    fd = addon().fdOpenPinned(checkText(path, 'path'), 0);
  } catch (error) {
    if (error instanceof BpfError && error.code === 'ENOENT') return null;
    throw error;
  }
  const kind = addon().fdKind(fd);
  addon().fdClose(fd);
  return kind === 'map' || kind === 'prog' || kind === 'link' ? kind : null;
}
