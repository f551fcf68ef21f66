import type { Facts, Finding, ForeignTable } from './facts.ts';

const AREA = { area: 'netfilter' } as const;

export function* checkNetfilter({ netfilter, conntrack, snapshot }: Facts): Generator<Finding> {
  if (netfilter === null) return;
  for (const table of netfilter.tables) {
    const { family, name, owner, drops, translates, chains, legacy } = table;
    const kind = legacy ? `${family}tables-legacy table ${name}` : `nft table ${family} ${name}`;
    const whose = owner === null ? '' : ` of ${owner}`;
    const what = [...(drops ? ['drop'] : []), ...(translates ? ['translate'] : [])].join(' and ');
    if (what === '') continue;
    const why = [
      ...(drops
        ? [
            'Only the packets that masqc leaves to the stack meet it (TTL, too large, no neighbour yet), and get lost; what masqc forwards does not, so that its rules protect nothing there.',
          ]
        : []),
      ...(translates
        ? [
            'What the stack sends may be translated once more, the gateway’s own connections too; redirections in it never see what masqc forwards.',
          ]
        : []),
    ];
    yield {
      ...AREA,
      id: drops ? 'other-firewall' : 'other-nat',
      severity: 'warning',
      text: `${kind}${whose} may ${what}: ${chains.join(', ')}.`,
      why: why.join(' '),
      mend: adviseOwner(table),
    };
  }
  for (const { family, names } of netfilter.unread) {
    yield {
      ...AREA,
      id: 'legacy-iptables',
      severity: 'note',
      text: `Tables of the legacy ${family}tables are loaded (${names.join(', ')}), and what is in them can’t be read here.`,
      why: 'nft does not show them; the packets that masqc leaves to the stack meet them.',
      mend: `${family}tables-legacy-save   (of the package iptables: shows them)`,
    };
  }
  for (const name of netfilter.flowtables) {
    yield {
      ...AREA,
      id: 'flowtable',
      severity: 'warning',
      text: `The flowtable ${name} forwards by itself.`,
      why: 'Its packets pass masqc by.',
      mend: `take the flowtable out of its table (nft list flowtables)`,
    };
  }
  if (conntrack !== null && conntrack.max > 0) {
    const full = conntrack.count > conntrack.max * 0.9;
    yield {
      ...AREA,
      id: 'conntrack',
      severity: full ? 'warning' : 'fine',
      text: `nf_conntrack is there: ${conntrack.count} of ${conntrack.max} entries`,
      why: full ? 'When it is full, the stack drops what is new, the gateway’s own connections first.' : '',
      mend: full ? `sysctl -w net.netfilter.nf_conntrack_max=${conntrack.max * 2}` : null,
    };
  }
  if (snapshot?.guard === null && snapshot.state !== null && snapshot.state.generation > 0) {
    yield {
      ...AREA,
      id: 'guard-gone',
      severity: 'error',
      text: 'The guard (nft table inet masqc) is gone; `nft flush ruleset` takes it too.',
      why: 'A device that is made again would be open.',
      mend: 'masqc attach',
    };
  }
}

function adviseOwner({ owner, family, name, legacy, chains }: ForeignTable): string {
  switch (owner) {
    case 'firewalld':
      return 'systemctl disable --now firewalld';
    case 'ufw':
      return 'ufw disable';
    case 'Docker':
      return 'name docker0 in the file, or "iptables": false in /etc/docker/daemon.json';
    case 'libvirt':
      return 'an interface for virbr0 in the file, and a libvirt network with forward mode "open"';
    default:
      if (legacy) {
        const tool = `${family}tables-legacy -t ${name}`;
        const shut = chains.flatMap((chain) =>
          /policy drop/.test(chain) ? [`${tool} -P ${chain.split(' ')[0]} ACCEPT`] : [],
        );
        return `${[...shut, `${tool} -F`].join(' && ')}   (if nobody needs it)`;
      }
      return `nft delete table ${family} ${name}   (if nobody needs it)`;
  }
}
