import { existsSync, readdirSync, rmSync } from 'node:fs';
import { findBpffs, findPins, releaseBpffs } from '../machine/bpffs.ts';
import { readGuard, removeGuard } from '../machine/guard.ts';
import { gatewayKey, readNetns } from '../machine/paths.ts';
import { CLSACT, linkPin, PROGRAMS, parseLinkPin } from '../machine/pins.ts';
import { findGateways, readState, removeState } from '../machine/state.ts';
import { readIpForward, readIpv6Forward, writeIpForward, writeIpv6Forward } from '../machine/sysctl.ts';
import { runTool, runToolOrRefuse } from '../machine/tool.ts';
import type { State } from '../machine/types.ts';

import { removeOrphans } from './orphans.ts';

type Libbpf = typeof import('../../native/lib/libbpf.ts');

export interface DownReport {
  /** What was removed, in sentences without an end. */
  readonly done: readonly string[];
  /** What could not be. */
  readonly failed: readonly string[];
}

/**
 * Removes every trace of masqc from this network namespace, whatever is left of it: programs, qdiscs that we made,
 * pins, ip_forward as it was, and the guard last, so that nothing is open in between. Goes on after a failure.
 * @param libbpf null where there is no addon: links then end with their pins
 */
export async function takeDown(libbpf: Libbpf | null): Promise<DownReport> {
  const netns = readNetns();
  const done: string[] = [];
  const failed: string[] = [];
  const attempt = async (name: string, act: () => Promise<string | null> | string | null) => {
    try {
      const said = await act();
      if (said !== null) done.push(said);
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  const gateways = new Set([...findGateways(netns), ...findPinnedGateways(netns)]);
  const states = [...gateways].flatMap((gateway) => tolerate(() => readState(gateway, netns)) ?? []);
  for (const gateway of gateways) {
    const pins = findPins(gateway, netns);
    if (pins !== null) await attempt('links', () => removeLinks(pins, libbpf));
  }
  await attempt('filters', () => removeFilters(states));
  for (const gateway of gateways) {
    const pins = findPins(gateway, netns);
    if (pins !== null) await attempt('pins', () => removePins(pins));
  }
  for (const state of states) await attempt('ip_forward', () => restoreForwarding(state));
  for (const state of states) await attempt('IPv6 forwarding', () => restoreForwarding6(state));
  const forgotten = gateways.size > states.length && readIpForward() === '1';
  await attempt('guard', async () => {
    if ((await readGuard([])) === null) return null;
    await removeGuard();
    return 'guard (table inet masqc) removed';
  });
  if (failed.length === 0) {
    for (const gateway of gateways) {
      await attempt('state', () => {
        removeState(gateway, netns);
        return null;
      });
    }
  }
  await attempt('leftovers', () => {
    const removed = libbpf === null ? [] : removeOrphans(libbpf);
    return removed.length === 0 ? null : `leftovers of namespaces that are no more removed: ${removed.join(', ')}`;
  });
  await attempt('bpffs', async () => {
    const mounted = findBpffs() !== null;
    return mounted && (await releaseBpffs()) ? 'bpffs at /run/masqc/bpf unmounted' : null;
  });
  if (forgotten) done.push('the state is unreadable: net.ipv4.ip_forward stays 1, for what it was before is not known');
  return { done, failed };
}

function tolerate<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

function findPinnedGateways(netns: number): string[] {
  const root = findBpffs();
  const suffix = gatewayKey('', netns);
  if (root === null) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.endsWith(suffix))
    .map((entry) => entry.name.slice(0, -suffix.length));
}

/** Detaches, whoever else holds the link, and unpins. A link whose device is gone has only its pin. */
async function removeLinks(pins: string, libbpf: Libbpf | null): Promise<string | null> {
  let count = 0;
  for (const name of readdirSync(pins)) {
    const place = parseLinkPin(name);
    if (place === null) continue;
    const path = `${pins}/${linkPin(place.hook, place.ifindex)}`;
    if (libbpf !== null) {
      using link = libbpf.BpfLink.openPinned(path);
      rmSync(path, { force: true });
      await link.detach().catch(() => undefined);
    } else {
      rmSync(path, { force: true });
    }
    count += 1;
  }
  return count === 0 ? null : `${count} programs detached`;
}

/** Our filters on clsact qdiscs, and the qdiscs that we made and that nobody else uses now. */
async function removeFilters(states: readonly State[]): Promise<string | null> {
  const { stdout } = await runTool('tc', ['qdisc', 'show']);
  const devices = [...stdout.matchAll(/^qdisc clsact \S+ dev (\S+)/gm)].map((match) => match[1] ?? '');
  let count = 0;
  for (const device of devices) {
    for (const [direction, program] of [
      ['ingress', PROGRAMS['tc-ingress']],
      ['egress', PROGRAMS['tc-egress']],
    ] as const) {
      const shown = await runTool('tc', ['filter', 'show', 'dev', device, direction]);
      const handle = `0x${CLSACT.handle.toString(16)}`;
      const ours = new RegExp(`pref ${CLSACT.priority} bpf .*handle ${handle} .*${program.slice(0, 15)}`);
      if (!ours.test(shown.stdout)) continue;
      const what = [
        'dev',
        device,
        direction,
        'protocol',
        'all',
        'pref',
        String(CLSACT.priority),
        'handle',
        handle,
        'bpf',
      ];
      await runToolOrRefuse('tc', ['filter', 'del', ...what]);
      count += 1;
    }
    const made = states.some((state) => state.interfaces.some((one) => one.device === device && one.ownsQdisc));
    if (made && !(await hasFilters(device))) await runToolOrRefuse('tc', ['qdisc', 'del', 'dev', device, 'clsact']);
  }
  return count === 0 ? null : `${count} TC filters removed`;
}

async function hasFilters(device: string): Promise<boolean> {
  for (const direction of ['ingress', 'egress']) {
    const { stdout } = await runTool('tc', ['filter', 'show', 'dev', device, direction]);
    if (stdout.trim() !== '') return true;
  }
  return false;
}

function removePins(pins: string): string | null {
  const count = readdirSync(pins).length;
  rmSync(pins, { recursive: true, force: true });
  if (existsSync(pins)) throw new Error(`${pins} could not be removed`);
  return `${count} pins removed, with them the tables and the connections in them`;
}

/** Only what apply turned on, and only if nobody has changed it since. */
function restoreForwarding(state: State): string | null {
  if (state.ipForward === null || readIpForward() === state.ipForward) return null;
  writeIpForward(state.ipForward);
  return `net.ipv4.ip_forward put back to ${state.ipForward}`;
}

function restoreForwarding6(state: State): string | null {
  const before = state.ipv6Forward ?? null; // older states do not have it
  if (before === null || readIpv6Forward() === before) return null;
  writeIpv6Forward(before);
  return `net.ipv6.conf.all.forwarding put back to ${before}`;
}
