import { addon } from './addon.ts';
import { BpfError } from './bpf-error.ts';
import { checkIfindex, checkText } from './check.ts';

export type XdpMode = 'native' | 'generic' | 'offload';

/** Bits of enum netdev_xdp_act (Documentation/netlink/specs/netdev.yaml, Linux 6.3). */
export const XDP_FEATURES = {
  /** The driver runs XDP. */
  basic: 1n,
  /** XDP_REDIRECT from this device. */
  redirect: 2n,
  /** Takes frames that others redirect to it: it can transmit XDP frames now. */
  transmit: 4n,
  zeroCopy: 8n,
  offload: 16n,
  /** Frames of several buffers come in. */
  receiveFrags: 32n,
  /** Takes redirected frames of several buffers. */
  transmitFrags: 64n,
} as const;

/** Throws ENODEV where there is no interface of that name in this network namespace. */
export function ifindexOf(name: string): number {
  const ifindex = addon().nameToIndex(checkText(name, 'name'));
  if (ifindex === 0) throw new BpfError('ifindex', 19, name, '');
  return ifindex;
}

/** Null where there is none. */
export function interfaceName(ifindex: number): string | null {
  return addon().indexToName(checkIfindex(ifindex));
}

/** XDP_FEATURES bits of the driver; null where the kernel can't say (before 6.3). */
export function xdpFeatures(ifindex: number): bigint | null {
  return addon().xdpFeatures(checkIfindex(ifindex));
}

/** The XDP programs on the interface, at most one a mode. */
export function xdpQuery(ifindex: number): readonly { readonly mode: XdpMode; readonly programId: number }[] {
  const native = addon().xdpQuery(checkIfindex(ifindex));
  const all = [
    { mode: 'native', programId: native.nativeId },
    { mode: 'generic', programId: native.genericId },
    { mode: 'offload', programId: native.offloadId },
  ] as const;
  return all.filter((entry) => entry.programId !== 0);
}
