import { statSync } from 'node:fs';

/** Everything that masqc keeps on a machine is below here; nothing of it outlives a reboot. */
export const RUN = '/run/masqc';

/** Inode of the network namespace that this process is in. */
export function readNetns(): number {
  return statSync('/proc/self/ns/net').ino;
}

/** `deathstar-4026531840`: the name of a gateway's directories, here and in bpffs. No dots: bpffs takes none. */
export function gatewayKey(gateway: string, netns: number): string {
  return `${gateway}-${netns}`;
}
export function stateDirectory(gateway: string, netns: number): string {
  return `${RUN}/${gatewayKey(gateway, netns)}`;
}
/** One lock a namespace: a namespace has one gateway. */
export function lockPath(netns: number): string {
  return `${RUN}/${netns}.lock`;
}
