/** What a machine's (or a namespace's) network is set to, as text, so that before and after can be compared. */
import { readdirSync, statSync } from 'node:fs';
import { execa } from 'execa';

/** Named parts of a machine's settings, each a list of lines. */
export type Snapshot = Readonly<Record<string, readonly string[]>>;

/** Runs a command and returns its output. */
export type Ask = (...argv: string[]) => Promise<string>;

const here: Ask = async (file, ...args) => (await execa(file!, args)).stdout;

const lines = (text: string) => text.split('\n').filter((line) => line.trim() !== '');

/** Counters and clocks among the sysctls: they move by themselves. */
const MOVING = /_count\b|\.nf_conntrack_(count|buckets)|hostname|random|\.fs\.|gc_stat|tcp_.*_key|stats/;

/** Counters and life times in what `ip` and `nft` print. */
function still(text: string): string[] {
  return lines(text).map((line) =>
    line
      .replace(/counter packets \d+ bytes \d+/, 'counter')
      .replace(/\b(valid_lft|preferred_lft|expires) \d+s?e?c?/g, '$1 …')
      .trimEnd(),
  );
}

/**
 * Reads links, addresses, routes, rules, qdiscs, BPF programs on devices, nft rules and the net sysctls.
 *
 * @param ask how to run a command there; this process's own namespace when left out
 */
export async function takeSnapshot(ask: Ask = here): Promise<Snapshot> {
  const [links, addresses, routes, rules, qdiscs, filters, nft, sysctls, routes6] = await Promise.all([
    ask('ip', '-d', 'link'),
    ask('ip', 'address'),
    ask('ip', 'route', 'show', 'table', 'all'),
    ask('ip', 'rule'),
    ask('tc', 'qdisc'),
    ask('bpftool', 'net'),
    ask('nft', '-s', 'list', 'ruleset'),
    ask('sysctl', '-a', '--pattern', '^net\\.'),
    ask('ip', '-6', 'route', 'show', 'table', 'all'),
  ]);
  return {
    links: still(links),
    addresses: still(addresses),
    routes: still(`${routes}\n${routes6}`),
    rules: still(rules),
    qdiscs: still(qdiscs),
    'programs on devices': still(filters),
    'nft rules': still(nft),
    sysctls: lines(sysctls).filter((line) => !MOVING.test(line)),
  };
}

/** Names below a folder, the folder's own last; none when it is not there. For /run/masqc and bpffs. */
export function listFolder(path: string): string[] {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((name) => `${path}/${name}`);
  return [...names.sort(), path];
}

/**
 * @returns a line for each difference, e.g. `sysctls: - net.ipv4.ip_forward = 0`; sysctls that came with a kernel
 * module loaded in between are none
 */
export function compareSnapshots(before: Snapshot, after: Snapshot): string[] {
  return Object.keys(before).flatMap((part) => {
    const was = new Set(before[part]);
    const is = new Set(after[part]);
    const gone = [...was].filter((line) => !is.has(line)).map((line) => `${part}: - ${line.trim()}`);
    const known = new Set([...was].map((line) => line.split(' = ')[0]));
    const come = [...is].filter((line) => !was.has(line) && (part !== 'sysctls' || known.has(line.split(' = ')[0])));
    return [...gone, ...come.map((line) => `${part}: + ${line.trim()}`)];
  });
}
