import type { Manifest, ManifestRate, ManifestRule } from '../../compiler/artifact/manifest.ts';
import { readAddress } from '../../grammar/address.ts';
import type { BpfObject } from '../../native/lib/libbpf.ts';
import { readKeptManifest } from '../machine/state.ts';
import { artifactOf, pinPath, type Work } from './work.ts';

/** enum line_log of native/datapath/take.h */
const LOGS = { packets: 1, mappings: 2 } as const;
const NS = 1_000_000;
/** Of struct prefix_key: 128 bits of address, IPv4 as ::ffff:a.b.c.d. */
const KEY_SIZE = 20;

/** The switches of the miss programs: what no line asks for is not in them. */
export function lineConstants({ rules, account, masquerades }: Manifest): Readonly<Record<string, number>> {
  return {
    limits_used: rules.some(({ limits }) => limits.length > 0) ? 1 : 0,
    ports_limited: rules.some(({ ports }) => ports !== 0) ? 1 : 0,
    logs_used: rules.some(({ log }) => log !== null) ? 1 : 0,
    accounts_used: account.length > 0 ? 1 : 0,
    addresses_used: masquerades.some(({ addresses }) => addresses !== null) ? 1 : 0,
  };
}

/** Before the object is loaded. */
export function sizeLines(object: BpfObject, { rules, account }: Manifest): void {
  object.setMaxEntries('lines', rules.length + 1 + portLimits(rules).length);
  object.setMaxEntries('accounted', Math.max(1, account.length));
}

/** Tells a loaded policy, which decides nothing yet, what its lines limit, log and count. */
export async function fillLines(work: Work, object: BpfObject): Promise<void> {
  const { rules, account } = artifactOf(work).manifest;
  makeCounters(work, rules);
  const lines = object.map('lines');
  const { value: codec } = lines.codec();
  const own = rules.find(({ kind }) => kind === 'self-default');
  const limited = portLimits(rules);
  const values = [
    ...[own, ...rules].map((rule) => {
      if (rule === undefined) return {};
      return { ...describeLine(rule), ports: rule.ports === 0 ? 0 : rules.length + 1 + limited.indexOf(rule) };
    }),
    ...limited.map(({ ports, limits }) => {
      return { meter: ports, source_flows: limits.find(({ kind }) => kind === 'ports')?.count ?? 0 };
    }),
  ].map((line) => codec.encode(line));
  const keys = new Uint8Array(new Uint32Array(values.map((_, id) => id)).buffer);
  await lines.setPacked(keys, new Uint8Array(Buffer.concat(values)));
  const prefixes = new Uint8Array(Buffer.concat(account.map(packPrefix)));
  await object.map('accounted').setPacked(prefixes, new Uint8Array(account.length));
}

/** Those that limit ports: what says how many stands behind all lines (native/datapath/hold.h). */
function portLimits(rules: readonly ManifestRule[]): readonly ManifestRule[] {
  return rules.filter(({ ports }) => ports !== 0);
}

function describeLine({ kind, tally, meter, limits, log }: ManifestRule) {
  const rateOf = (perSource: boolean) => limits.find((one) => one.kind === 'rate' && one.perSource === perSource);
  const flowsOf = (perSource: boolean) => limits.find((one) => one.kind === 'flows' && one.perSource === perSource);
  const rate = (perSource: boolean) => {
    const found = rateOf(perSource);
    return found?.kind === 'rate' ? makeRate(found) : {};
  };
  return {
    tally,
    meter,
    rate: rate(false),
    source_rate: rate(true),
    flows: flowsOf(false)?.count ?? 0,
    source_flows: flowsOf(true)?.count ?? 0,
    logs: log === null ? 0 : kind === 'masquerade' ? LOGS.mappings : LOGS.packets,
  };
}

/** struct rate: nanoseconds a token, and how far it may be ahead. */
export function makeRate({ count, perMs, burst }: ManifestRate): { interval: number; tolerance: number } {
  const interval = Math.max(1, Math.round((perMs * NS) / count));
  return { interval, tolerance: (burst - 1) * interval };
}

/**
 * Counters and buckets of lines that are new begin empty, those that stay go on, and those of lines that neither this file
 * nor the one before it has are removed.
 */
function makeCounters(work: Work, rules: readonly ManifestRule[]): void {
  const { BpfMap, possibleCpus } = work.libbpf;
  using tallies = BpfMap.openPinned(pinPath(work, 'tallies'));
  using meters = BpfMap.openPinned(pinPath(work, 'meters'));
  using loggers = BpfMap.openPinned(pinPath(work, 'loggers'));
  using accounts = BpfMap.openPinned(pinPath(work, 'accounts'));
  const nothing = new Uint8Array(tallies.info().valueSize);
  const empty = Array.from({ length: possibleCpus() }, () => nothing);
  const before = rulesBefore(work);
  const kept = new Set([...before, ...rules].flatMap(({ tally, meter, ports }) => [tally, meter, ports]));
  for (const map of [tallies, meters, loggers]) {
    const stale: Uint8Array[] = [];
    for (let key = map.nextKey(null); key !== null; key = map.nextKey(key)) {
      if (!kept.has(new DataView(key.buffer, key.byteOffset).getUint32(0, true))) stale.push(key);
    }
    for (const key of stale) map.delete(key);
  }
  for (const { tally, meter, ports, log } of rules) {
    if (tallies.getPerCpu(tally) === null) tallies.setPerCpu(tally, empty);
    if (ports !== 0 && meters.get(ports) === null) meters.set(ports, meters.codec().value.encode({}));
    if (meter === 0) continue;
    if (meters.get(meter) === null) meters.set(meter, meters.codec().value.encode({}));
    if (log === null) continue;
    const rate = makeRate(log);
    const known = loggers.get(meter);
    const old = known === null ? null : (loggers.codec().value.decode(known) as { rate: Record<string, bigint> }).rate;
    if (old === null || Number(old.interval) !== rate.interval || Number(old.tolerance) !== rate.tolerance)
      loggers.set(meter, loggers.codec().value.encode({ rate }));
  }
  const others = new Uint8Array(16);
  if (accounts.get(others) === null) accounts.set(others, accounts.codec().value.encode({}));
}

/** Those that decide until the switch. */
function rulesBefore(work: Work): readonly ManifestRule[] {
  const text = readKeptManifest(work.state.gateway, work.netns, work.state.generation);
  return text === null ? [] : (JSON.parse(text) as Manifest).rules;
}

/** `192.168.1.0/24` → struct prefix_key. */
function packPrefix(prefix: string): Uint8Array {
  const [text = '', length = ''] = prefix.split('/');
  const bytes = new Uint8Array(KEY_SIZE);
  const view = new DataView(bytes.buffer);
  if (text.includes(':')) {
    view.setUint32(0, Number(length), true);
    const address = readAddress(text, 6) ?? 0n;
    view.setBigUint64(4, address >> 64n);
    view.setBigUint64(12, address & 0xffff_ffff_ffff_ffffn);
  } else {
    view.setUint32(0, 96 + Number(length), true);
    view.setUint16(14, 0xffff);
    view.setUint32(16, Number(readAddress(text, 4) ?? 0n));
  }
  return bytes;
}
