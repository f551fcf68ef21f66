import type { ForeignTable, NetfilterFacts } from './facts.ts';

interface Nft {
  readonly table?: { readonly family: string; readonly name: string };
  readonly chain?: {
    readonly family: string;
    readonly table: string;
    readonly name: string;
    readonly hook?: string;
    readonly type?: string;
    readonly policy?: string;
  };
  readonly rule?: {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly expr: readonly object[];
  };
  readonly flowtable?: { readonly family: string; readonly table: string; readonly name: string };
}

/** Who makes chains and tables of these names. */
export const OWNERS: readonly (readonly [pattern: RegExp, owner: string])[] = [
  [/^DOCKER/, 'Docker'],
  [/^(LIBVIRT_|libvirt_)/, 'libvirt'],
  [/^firewalld/, 'firewalld'],
  [/^ufw6?-/, 'ufw'],
  [/^KUBE-/, 'Kubernetes'],
  [/^(CNI-|NETAVARK|netavark)/, 'Podman'],
  [/^(f2b-|fail2ban)/, 'fail2ban'],
  [/^(incus|lxd)/, 'Incus or LXD'],
  [/^ts-/, 'Tailscale'],
  [/^fw4$/, 'OpenWrt'],
];
/** Hooks that forwarded packets, or the gateway's answers about them, come by. */
const HOOKS = new Set(['prerouting', 'forward', 'postrouting', 'ingress', 'egress']);
const FAMILIES = new Set(['ip', 'ip6', 'inet', 'netdev']);
const NAT = ['masquerade', 'snat', 'dnat', 'redirect'];

/** `nft -j list ruleset` → tables of others. Pure. */
export function parseRuleset(json: string): NetfilterFacts {
  const all = (JSON.parse(json) as { nftables: readonly Nft[] }).nftables;
  const tables: ForeignTable[] = [];
  for (const { table } of all) {
    if (table === undefined || !FAMILIES.has(table.family)) continue;
    if (table.name === 'masqc' && table.family === 'inet') continue;
    const isHere = (one: { readonly family: string; readonly table: string } | undefined) =>
      one !== undefined && one.family === table.family && one.table === table.name;
    const chains = all.flatMap(({ chain }) => (chain !== undefined && isHere(chain) ? [chain] : []));
    const rules = all.flatMap(({ rule }) => (rule !== undefined && isHere(rule) ? [rule] : []));
    const bases = chains.filter((one) => one.hook !== undefined && HOOKS.has(one.hook));
    if (bases.length === 0) continue;
    const met = findReached(
      bases.map((one) => one.name),
      rules,
    );
    const lines = rules
      .filter((one) => met.has(one.chain))
      .flatMap((one) => one.expr.map((part) => Object.keys(part)[0] ?? ''));
    const names = [table.name, ...chains.map((one) => one.name)];
    tables.push({
      family: table.family,
      name: table.name,
      owner: OWNERS.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1] ?? null,
      drops: bases.some((one) => one.policy === 'drop') || lines.some((one) => one === 'drop' || one === 'reject'),
      translates: lines.some((one) => NAT.includes(one)),
      chains: bases.map((one) => `${one.name} (${one.hook}${one.policy === 'drop' ? ', policy drop' : ''})`),
    });
  }
  const flowtables = all.flatMap(({ flowtable }) =>
    flowtable === undefined ? [] : [`${flowtable.table}/${flowtable.name}`],
  );
  return { tables, flowtables, unread: [] };
}

/** Chains that packets come to from the base chains, by jump and goto (in verdict maps too). */
function findReached(bases: readonly string[], rules: readonly NonNullable<Nft['rule']>[]): Set<string> {
  const met = new Set(bases);
  const open = [...bases];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    for (const rule of rules.filter((one) => one.chain === name)) {
      for (const [, target = ''] of JSON.stringify(rule.expr).matchAll(/"(?:jump|goto)":\{"target":"([^"]+)"/g)) {
        if (!met.has(target)) open.push(target);
        met.add(target);
      }
    }
  }
  return met;
}
