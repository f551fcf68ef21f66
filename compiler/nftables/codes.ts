/**
 * What the nftables target says of a file (MQ6xx): errors where the file has a word for what nft can't do, notes where only a
 * default is meant. docs/codes.md has a section for each.
 */
import { define, type Template, type Text } from '../check/codes.ts';

const error = <P = void>(code: number, message: Text<P>, expected: Text<P>): Template<P> =>
  define('error', code, message, expected);
const warning = <P = void>(code: number, message: Text<P>, expected: Text<P>): Template<P> =>
  define('warning', code, message, expected);
const note = <P = void>(code: number, message: Text<P>, expected: Text<P>): Template<P> =>
  define('note', code, message, expected);

const OR_EBPF = 'or the eBPF datapath';

export const NFT_CODES = {
  dynamicPrefix: error(
    601,
    "nftables can't follow the prefixes of an interface: this ruleset would know none of them",
    `prefixes that are written down, ${OR_EBPF}`,
  ),
  mappingWord: error<{ property: string; word: string }>(
    602,
    (p) => `nftables knows no \`${p.property} ${p.word}\`: it maps and filters by address and port`,
    (p) => `\`${p.property} address-and-port-dependent\`, ${OR_EBPF}`,
  ),
  mappingDefault: note<{ name: string }>(
    603,
    (p) =>
      `nftables maps by address and port: a socket behind \`${p.name}\` may appear with another port to each destination, and only who was asked may answer`,
    `\`mapping address-and-port-dependent\`, which says so in the file, ${OR_EBPF}`,
  ),
  refreshOutbound: error(
    604,
    'nftables keeps a connection alive by the packets of both sides, whoever goes on sending',
    `\`refresh both\`, ${OR_EBPF}`,
  ),
  portLimit: error(605, "nftables can't count the ports of a source", `\`limit NUM flows per source\`, ${OR_EBPF}`),
  prefixTranslation: error<{ inside: string; outside: string }>(
    606,
    (p) =>
      `nftables changes the prefix ${p.inside} to ${p.outside} and nothing else of an address, so that outside addresses are not those of NPTv6 (RFC 6296)`,
    `prefixes with the same sum of 16-bit words, ${OR_EBPF}`,
  ),
  flowsWord: warning<{ count: number }>(
    607,
    (p) => `the table of connections is the kernel's: the ruleset can't make it as large as ${p.count}`,
    (p) => `\`sysctl -w net.netfilter.nf_conntrack_max=${p.count}\` beside the ruleset`,
  ),
  timeoutWord: error<{ word: string }>(
    608,
    (p) => `nftables has timeouts for TCP and UDP, none for \`${p.word}\``,
    (p) => `no \`${p.word}\` here and a sysctl of net.netfilter, ${OR_EBPF}`,
  ),
  timeoutDefault: note(
    609,
    'idle ICMP queries and other protocols end when the kernel says: after 30 seconds and 10 minutes if nobody changed that, here 60 seconds and 5 minutes are meant',
    '`sysctl -w net.netfilter.nf_conntrack_icmp_timeout=60 net.netfilter.nf_conntrack_icmpv6_timeout=60 net.netfilter.nf_conntrack_generic_timeout=300`',
  ),
  establishedWord: error<{ word: string }>(
    610,
    (p) => `a ruleset can't \`${p.word}\` live connections: they go on as they were decided`,
    `\`established keep\`, ${OR_EBPF}`,
  ),
  establishedDefault: note(
    611,
    'live connections go on as they were decided when another ruleset comes',
    `\`established keep\`, which says so in the file; \`conntrack -F\` ends them`,
  ),
  allocationLog: error(
    612,
    "nftables can't write when an outside port was given out and taken back",
    `\`log\` at the lines of the policy, ${OR_EBPF}`,
  ),
  alikeInterfaces: warning<{ name: string; others: string }>(
    613,
    (p) =>
      `what comes in elsewhere for the own address of ${p.name} can't be told from what is for that of ${p.others}, where no network is declared`,
    `\`address\` with the address written down, or a \`network … on\` for each interface`,
  ),
  pairing: note<{ name: string }>(
    614,
    (p) => `each source behind \`${p.name}\` keeps one outside address; which one, the kernel chooses`,
    `one address, or \`share\`, where it must be known`,
  ),
  untrackedIcmp: error<{ type: string }>(
    615,
    (p) => `nftables takes an IPv4 \`icmp ${p.type}\` for a packet that belongs to no connection, which is dropped`,
    'no such line: router discovery needs none',
  ),
  portsKeep: warning(
    616,
    "nftables keeps the source's port where that is free, but does not keep its parity where it is not",
    `nothing, if that will do; else the eBPF datapath`,
  ),
} as const;
