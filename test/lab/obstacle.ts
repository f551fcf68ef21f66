import { closeSync, openSync, readFileSync } from 'node:fs';
import { Refusal } from '../../runtime/cli/refusal.ts';
import { requireBpf } from '../../runtime/machine/needs.ts';

/** Bits of CapEff, include/uapi/linux/capability.h. */
const NEEDED = { CAP_NET_ADMIN: 12, CAP_NET_RAW: 13, CAP_SYS_ADMIN: 21 } as const;

/** What root lacks here, as in a container: names of capabilities. */
export function listMissingRights(): string[] {
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const effective = BigInt(`0x${hex}`);
  return Object.entries(NEEDED).flatMap(([name, bit]) => ((effective >> BigInt(bit)) & 1n ? [] : [name]));
}

/** Why no laboratory with masqc in it can be set up here, in one sentence and with what to do; null: it can. */
export async function findObstacle(options: { readonly tun: boolean }): Promise<string | null> {
  if (process.platform !== 'linux') return 'The demo needs Linux. `masqc check`, `test` and `build` work here.';
  if (process.getuid?.() !== 0)
    return 'The demo makes network namespaces and loads BPF: run it as root (sudo npm run demo).';
  const missing = listMissingRights();
  if (missing.length > 0)
    return `The demo makes network namespaces, and this root may not: it lacks ${missing.join(', ')} (in a container: run it with --privileged).`;
  try {
    await requireBpf('apply');
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return [error.message, error.detail, error.advice].filter((line) => line !== null).join('\n  ');
  }
  if (options.tun && !hasTun())
    return 'The demo makes a device without Ethernet header, and /dev/net/tun is not to be had: modprobe tun, or npm run demo -- --wan ethernet.';
  return null;
}

function hasTun(): boolean {
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
    return true;
  } catch {
    return false;
  }
}
