/** The kernel's nftables, as somebody sets it up who knows it well: what it can do, it is told to do. */
import type { Program } from '../../lab/program.ts';
import { until } from '../../lab/until.ts';
import { Failure } from '../failure.ts';
import { addresses, type BehaviourNetwork } from '../network.ts';
import type { Setting } from '../setting.ts';
import type { Gateway } from './gateway.ts';

const list = (values: readonly (string | number)[]): string => `{ ${values.join(', ')} }`;

/** A ruleset holds the prefix that there was when it was loaded. */
const outside6 = (ipv6: string): string => (ipv6 === 'npt-followed' ? '2001:db8:ffff::/64' : '2001:db8:fffe::/64');

function writeNat({ ports, outside, redirects = [], ipv6, choice }: Setting): string {
  const random = choice === 'random' ? ' random' : '';
  const range = ports === undefined ? '' : ` to :${ports.join('-')}`;
  const span = outside === undefined ? '' : outside.length === 1 ? outside[0] : `${outside[0]}-${outside.at(-1)}`;
  const each = (protocol: string) =>
    outside === undefined
      ? `masquerade${protocol === '' ? '' : range}${random}`
      : `snat to ${span}${protocol === '' || ports === undefined ? '' : `:${ports.join('-')}`}${random === '' ? '' : ' random,'} persistent`;
  return `
table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    ${redirects.map((r) => `ip daddr ${addresses.wan} ${r.protocol} dport ${r.port} dnat to ${r.to}:${r.toPort}`).join('\n    ')}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "wan0" ip saddr 192.168.0.0/16 ${ports === undefined ? each('') : `meta l4proto { tcp, udp } ${each('tcp')}`}
    oifname "wan0" ip saddr 192.168.0.0/16 ${each('')}
    iifname "eth0" oifname "eth0" ct status dnat snat to ${addresses.wan}
  }
}
${
  ipv6?.startsWith('npt')
    ? `table ip6 nat { chain postrouting { type nat hook postrouting priority srcnat; oifname "wan0" snat ip6 prefix to ip6 saddr map { 2001:db8:1::/64 : ${outside6(ipv6)} }; }; chain prerouting { type nat hook prerouting priority dstnat; iifname "wan0" dnat ip6 prefix to ip6 daddr map { ${outside6(ipv6)} : 2001:db8:1::/64 }; }; }`
    : ipv6 === 'masqueraded'
      ? 'table ip6 nat { chain postrouting { type nat hook postrouting priority srcnat; oifname "wan0" ip6 saddr 2001:db8:1::/64 masquerade; }; }'
      : ''
}`;
}

/** The ruleset that means the setting; what nftables has no word for is left out, and its rows fail. */
export function writeNft(setting: Setting): string {
  const { limit, blocked = [], open = [], clampMss } = setting;
  const perSource =
    limit === undefined || 'ports' in limit
      ? ''
      : 'flows' in limit
        ? `ct state new add @sources { ip saddr ct count over ${limit.flows} } counter name limited reject with icmp admin-prohibited`
        : `ct state new add @sources { ip saddr limit rate over ${limit.rate}/second burst ${limit.burst} packets } counter name limited drop`;
  return `
table inet filter {
  counter denied { }
  counter stray { }
  counter limited { }
  ${limit === undefined ? '' : `set sources { type ipv4_addr; size 65535; flags dynamic; }`}
  chain forward {
    type filter hook forward priority filter; policy drop;
    ${clampMss ? 'oifname "wan0" tcp flags syn tcp option maxseg size set rt mtu\n    iifname "wan0" tcp flags syn tcp option maxseg size set rt mtu' : ''}
    ${blocked.length ? `ip daddr ${list(blocked)} counter name denied drop\n    ip saddr ${list(blocked)} counter name denied drop` : ''}
    ${setting.rejected ? `ip6 daddr ${list(setting.rejected)} counter name denied reject with icmpv6 admin-prohibited` : ''}
    ct state invalid counter name stray drop
    ct state established,related accept
    ct status dnat accept
    iifname "eth0" oifname "wan0" ${perSource === '' ? 'accept' : perSource}
    iifname "eth0" oifname "wan0" accept
    ${setting.ipv6?.startsWith('npt') ? 'meta nfproto ipv6 icmpv6 type echo-request iifname "eth0" accept' : ''}
    counter name denied
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state invalid counter name stray drop
    ct state established,related accept
    iifname "lo" accept
    icmp type echo-request accept
    icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert, mld-listener-query } accept
    udp sport 67 udp dport 68 accept
    ip6 saddr fe80::/10 udp dport 546 accept
    ${open.length ? `tcp dport ${list(open)} accept` : ''}
    counter name denied
  }
}
${writeNat(setting)}`;
}

const TIMEOUTS = {
  udp: ['udp_timeout', 'udp_timeout_stream'],
  tcp: ['tcp_timeout_established'],
  'tcp-syn': ['tcp_timeout_syn_sent', 'tcp_timeout_syn_recv'],
  'tcp-fin': ['tcp_timeout_fin_wait', 'tcp_timeout_close_wait', 'tcp_timeout_last_ack', 'tcp_timeout_time_wait'],
  icmp: ['icmp_timeout'],
} as const;

const before = new WeakMap<object, Record<string, string>>();
/** The log of an admin who must say later whose an outside port was: events of conntrack. */
const logs = new WeakMap<object, Program>();

async function startLog(network: BehaviourNetwork): Promise<void> {
  const { gateway } = network;
  logs.set(network, gateway.start('stdbuf', '-oL', 'conntrack', '-E', '-e', 'NEW', '-o', 'timestamp'));
  // NETLINK_NETFILTER (12) with a group that it listens to
  const listens = /^\S+ +12 +\d+ +(?!00000000)/m;
  await until('conntrack listens', async () => listens.test(await gateway.ask('cat', '/proc/net/netlink')));
}

export const nftGateway: Gateway = {
  name: 'nftables',
  async setUp(network, setting) {
    const { gateway } = network;
    if (setting.share !== undefined) throw new Failure('nftables has no ports that belong to one host');
    if (setting.flows !== undefined) throw new Failure("the table is the machine's, not a namespace's: not tried");
    await gateway.set({ 'net.ipv4.ip_forward': 1, 'net.ipv4.conf.all.send_redirects': 0 });
    const { code, err } = await gateway.run(['nft', '-f', '-'], { input: writeNft(setting) });
    if (code !== 0) throw new Error(`nft: ${err}\n${writeNft(setting)}`);
    const were: Record<string, string> = {};
    for (const [name, value] of Object.entries(setting.timeouts ?? {})) {
      for (const part of TIMEOUTS[name as keyof typeof TIMEOUTS]) {
        const key = `net.netfilter.nf_conntrack_${part}`;
        were[key] = (await gateway.ask('sysctl', '-n', key)).trim();
        await gateway.set({ [key]: Math.ceil(value) });
      }
    }
    before.set(network, were);
    if (setting.log) await startLog(network);
  },
  async takeDown(network) {
    const { gateway } = network;
    await logs.get(network)?.stop('SIGKILL');
    logs.delete(network);
    await gateway.ask('nft', 'flush', 'ruleset');
    await gateway.run(['conntrack', '-F']);
    await gateway.run(['conntrack', '-F', '-f', 'ipv6']);
    await gateway.set({ ...before.get(network), 'net.ipv4.ip_forward': 0 });
  },
  async lifetime({ gateway }, { protocol, src, sport, dst }) {
    const { out } = await gateway.run(['conntrack', '-L', '-p', protocol, '-s', src, '-d', dst]);
    const line = out.split('\n').find((text) => protocol === 'icmp' || text.includes(` sport=${sport} `));
    const found = /^\w+ +\d+ (\d+) /.exec(line ?? '');
    return found === null ? null : Number(found[1]);
  },
  async drops({ gateway }) {
    const text = await gateway.ask('nft', '-j', 'list', 'counters');
    const { nftables } = JSON.parse(text) as { nftables: { counter?: { name: string; packets: number } }[] };
    return Object.fromEntries(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : [])));
  },
  async readLog(network) {
    const lines = (logs.get(network)?.output ?? '').split('\n');
    return lines.filter((line) => line.startsWith('['));
  },
};
