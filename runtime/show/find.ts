import { Refusal } from '../cli/refusal.ts';
import { findPins, listPins } from '../machine/bpffs.ts';
import { requireBpf } from '../machine/needs.ts';
import { readNetns } from '../machine/paths.ts';
import { requiredPins } from '../machine/pins.ts';
import { findGateways, readState } from '../machine/state.ts';
import type { State } from '../machine/types.ts';

/** Names that should be pinned and are not. */
export function findMissingPins(pins: string, { ipv6 }: Pick<State, 'ipv6'>): string[] {
  const names = new Set(listPins(pins));
  return requiredPins(ipv6).filter((name) => !names.has(name));
}

/** The gateway of this network namespace. */
export interface Running {
  readonly libbpf: typeof import('../../native/lib/libbpf.ts');
  readonly state: State;
  readonly pins: string;
}

/**
 * @param whole refuse when pins are missing
 * @throws Refusal (exit 3) when none is applied here
 */
export async function findRunning(whole: boolean): Promise<Running> {
  const libbpf = await requireBpf('show');
  const netns = readNetns();
  const [gateway] = findGateways(netns);
  const state = gateway === undefined ? null : readState(gateway, netns);
  if (state === null) {
    throw new Refusal(
      'No gateway is applied in this network namespace.',
      'Apply one (masqc apply gateway.masq), or look where it is (ip netns exec NAME masqc show …).',
    );
  }
  const pins = findPins(state.gateway, netns);
  if (pins === null) {
    throw new Refusal(
      `Gateway "${state.gateway}" was applied here, but its tables are no longer pinned in /run/masqc/bpf.`,
      'Apply it again; `masqc down` cleans up.',
    );
  }
  const missing = findMissingPins(pins, state);
  if (whole && missing.length > 0) {
    throw new Refusal(
      `Pins of "${state.gateway}" are missing (${missing.join(', ')}), so its tables can't be read.`,
      'Run `masqc down`, then apply again.',
    );
  }
  return { libbpf, state, pins };
}
