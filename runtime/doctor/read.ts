import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Manifest } from '../../compiler/artifact/manifest.ts';
import { hasDatapath, readDatapath } from '../apply/datapath.ts';
import { recallApplied, recallWanted } from '../attach/recall.ts';
import { Refusal } from '../cli/refusal.ts';
import { readFeatures } from '../machine/devices.ts';
import { PROGRAMS } from '../machine/pins.ts';
import { takeSnapshot } from '../machine/snapshot.ts';
import { runTool } from '../machine/tool.ts';
import type { Snapshot } from '../machine/types.ts';
import { makePlan } from '../plan/plan.ts';
import { readWanted } from '../plan/wanted.ts';
import { makeStatus } from '../show/status.ts';
import type { Artifact } from '../sources/artifact.ts';
import type { DeviceFacts, DeviceSettings, Facts, KernelFacts, NetfilterFacts } from './facts.ts';
import { parseLegacy } from './legacy-tables.ts';
import { readMemoryGroup } from './memory-group.ts';
import { parseRuleset } from './netfilter.ts';
import { parseIpsec, parseRoutes, parseSockets } from './parse.ts';
import { makeProbe } from './probe-policy.ts';
import { tryDatapath } from './try-datapath.ts';

type Libbpf = typeof import('../../native/lib/libbpf.ts');

/** Looks at everything; changes nothing. What can't be read is null. `artifact` null: what is applied here. */
export async function readFacts(artifact: Artifact | null): Promise<Facts> {
  const applied = tolerate(recallApplied);
  const wanted =
    artifact !== null ? readWanted(artifact, readDatapath()) : applied === null ? null : recallWanted(applied);
  const manifest: Manifest | null = artifact?.manifest ?? applied?.manifest ?? null;
  const { snapshot, obstacle } = await readSnapshot(wanted?.gateway ?? '');
  const libbpf = await import('../../native/lib/libbpf.ts');
  const devices = snapshot === null ? [] : await readDeviceFacts(snapshot, libbpf);
  const [ipsec, routes, netfilter, loads] = await Promise.all([
    ask('ip', ['xfrm', 'policy', 'list']),
    ask('ip', ['-j', '-4', 'route', 'show', 'table', 'main']),
    readNetfilter(),
    obstacle === null && hasDatapath() ? tryAll(libbpf, artifact) : null,
  ]);
  const plan = wanted === null || snapshot === null ? null : makePlan(wanted, snapshot);
  const state = snapshot?.state ?? null;
  return {
    kernel: { ...readKernel(snapshot, libbpf), loads },
    snapshot,
    obstacle,
    wanted,
    manifest,
    plan,
    devices,
    all: readSettings('all'),
    netfilter,
    ipsec: parseIpsec(ipsec ?? ''),
    routes: parseRoutes(routes ?? ''),
    sockets: (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((table) =>
      parseSockets(table.startsWith('tcp') ? 'tcp' : 'udp', readText(`/proc/net/${table}`) ?? ''),
    ),
    conntrack: readConntrack(),
    status:
      state === null || snapshot === null || state.generation === 0
        ? []
        : makeStatus(state, snapshot, { ipv4: 0, ipv6: 0 }, applied?.manifest.interfaces).warnings,
    since: state?.since ?? null,
  };
}

/** With the policy of the file, or with one of our own. */
async function tryAll(libbpf: Libbpf, artifact: Artifact | null): Promise<KernelFacts['loads']> {
  const datapath = readDatapath();
  return await tryDatapath(libbpf, datapath, artifact ?? makeProbe(datapath));
}

async function readSnapshot(gateway: string): Promise<Pick<Facts, 'snapshot' | 'obstacle'>> {
  try {
    return { snapshot: await takeSnapshot(gateway, 'doctor'), obstacle: null };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { message, advice, detail } = error;
    return { snapshot: null, obstacle: { text: detail === null ? message : `${message} ${detail}`, advice } };
  }
}

function readKernel(snapshot: Snapshot | null, libbpf: Libbpf): Omit<KernelFacts, 'loads'> {
  const available = /^MemAvailable:\s+(\d+) kB/m.exec(readText('/proc/meminfo') ?? '')?.[1];
  const group = readMemoryGroup(readText);
  const memory = available === undefined ? null : Number(available) * 1024;
  return {
    release: release(),
    btf: libbpf.hasKernelBtf(),
    jit: readNumber('/proc/sys/net/core/bpf_jit_enable'),
    unprivilegedBpf: readNumber('/proc/sys/kernel/unprivileged_bpf_disabled'),
    lockdown: /\[(\w+)\]/.exec(readText('/sys/kernel/security/lockdown') ?? '')?.[1] ?? null,
    tcx: snapshot === null ? null : tolerate(libbpf.hasTcx),
    memory,
    memoryGroup: group,
  };
}

async function readDeviceFacts(snapshot: Snapshot, libbpf: Libbpf): Promise<DeviceFacts[]> {
  const links = JSON.parse((await ask('ip', ['-j', '-d', 'link', 'show'])) || '[]') as {
    ifname?: string;
    gso_ipv4_max_size?: number;
    gro_ipv4_max_size?: number;
  }[];
  return await Promise.all(
    snapshot.devices.map(async ({ name, ifindex }) => {
      const link = links.find((one) => one.ifname === name);
      return {
        name,
        ...readSettings(name),
        features: name === 'lo' ? null : await readFeatures(name),
        gsoIpv4Max: link?.gso_ipv4_max_size ?? null,
        groIpv4Max: link?.gro_ipv4_max_size ?? null,
        programs: tolerate(() => readPrograms(ifindex, snapshot, libbpf)) ?? [],
      };
    }),
  );
}

/** Programs on a device's hooks that are not ours: ours are known by their names and that we are attached there. */
function readPrograms(ifindex: number, snapshot: Snapshot, libbpf: Libbpf): DeviceFacts['programs'] {
  const nameOf = (id: number) =>
    tolerate(() => {
      using program = libbpf.BpfProgram.byId(id);
      return program.info().name;
    }) ?? '';
  const found: { hook: string; id: number; name: string }[] = [];
  const foreign = snapshot.devices.find((one) => one.ifindex === ifindex)?.foreignXdp ?? null;
  if (foreign !== null) found.push({ hook: 'xdp', id: foreign, name: nameOf(foreign) });
  for (const direction of ['ingress', 'egress'] as const) {
    const ours = PROGRAMS[`tc-${direction}`];
    const isOurs = (name: string) =>
      name === ours.slice(0, 15) && snapshot.attachments.some((one) => one.ifindex === ifindex);
    const tcx = snapshot.tcx ? libbpf.tcxQuery(ifindex, direction) : [];
    found.push(...tcx.map(({ programId: id }) => ({ hook: `TCX ${direction}`, id, name: nameOf(id) })));
    const clsact = libbpf.clsactQuery(ifindex, direction);
    found.push(
      ...clsact.map(({ programId: id, name }) => ({ hook: `clsact ${direction}`, id, name: nameOf(id) || name })),
    );
    for (let at = found.length - 1; at >= 0; at -= 1) if (isOurs(found[at]?.name ?? '')) found.splice(at, 1);
  }
  return found;
}

function readSettings(device: string): DeviceSettings {
  return {
    rpFilter: readNumber(`/proc/sys/net/ipv4/conf/${device}/rp_filter`),
    forwarding: readNumber(`/proc/sys/net/ipv4/conf/${device}/forwarding`),
    forwarding6: readNumber(`/proc/sys/net/ipv6/conf/${device}/forwarding`),
    acceptRa: readNumber(`/proc/sys/net/ipv6/conf/${device}/accept_ra`),
  };
}

async function readNetfilter(): Promise<NetfilterFacts | null> {
  const json = await ask('nft', ['-j', 'list', 'ruleset']);
  const found = json === null ? null : tolerate(() => parseRuleset(json));
  const legacy = await Promise.all(
    (['ip', 'ip6'] as const).map(async (family) => {
      const names = (readText(`/proc/net/${family}_tables_names`) ?? '').split('\n').filter((name) => name !== '');
      if (names.length === 0) return { tables: [], unread: [] };
      const text = await ask(`${family}tables-legacy-save`, []);
      return text === null
        ? { tables: [], unread: [{ family, names }] }
        : { tables: parseLegacy(family, text), unread: [] };
    }),
  );
  const [tables, unread] = [legacy.flatMap((one) => one.tables), legacy.flatMap((one) => one.unread)];
  if (found === null) return tables.length + unread.length === 0 ? null : { tables, flowtables: [], unread };
  return { ...found, tables: [...found.tables, ...tables], unread };
}

function readConntrack(): Facts['conntrack'] {
  const count = readNumber('/proc/sys/net/netfilter/nf_conntrack_count');
  const max = readNumber('/proc/sys/net/netfilter/nf_conntrack_max');
  return count === null || max === null ? null : { count, max };
}

async function ask(tool: string, args: readonly string[]): Promise<string | null> {
  try {
    const { ok, stdout } = await runTool(tool, args);
    return ok ? stdout : null;
  } catch {
    return null;
  }
}

function readText(path: string): string | null {
  return tolerate(() => readFileSync(path, 'utf8'));
}
function readNumber(path: string): number | null {
  const text = readText(path)?.trim();
  return text === undefined || !/^-?\d+$/.test(text) ? null : Number(text);
}
function tolerate<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
