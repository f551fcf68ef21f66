/** IPv4 for the fuzzer. */
import { icmp, other, tcp, udp } from '../packets.ts';
import { ETH, get16, set16, UDP } from './bytes.ts';
import type { Family } from './family.ts';
import type { Frame, Network } from './frame.ts';
import { WORLD4 } from './world.ts';

const OPTIONS = [
  [1, 1, 1, 0], [131, 7, 4, 1, 2, 3, 4, 0], [7, 11, 8, 192, 168, 1, 10, 0, 0, 0, 0, 0], [148, 4, 0, 0],
  [1, 68, 12, 13, 1, 192, 168, 1, 10, 1, 2, 3, 4, 1, 1, 1],
] as const; // biome-ignore format: a table

export const family4: Family = {
  number: 4,
  etherType: 0x0800,
  header: 20,
  width: 4,
  saddr: 12,
  daddr: 16,
  ttl: 8,
  icmp: 1,
  hasHeaderSum: true,
  echo: 8,
  echoReply: 0,
  errors: [3, 3, 4, 11, 12],
  oddTypes: [0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, 17],
  oddProtocols: [1, 2, 6, 17, 33, 41, 47, 50, 132, 136, 255],
  oddAddresses: [
    '0.0.0.0', '255.255.255.255', '127.0.0.1', '224.0.0.1', '224.0.0.251', '240.0.0.1', '169.254.1.1', '10.0.0.1',
    '192.168.1.255', '192.168.2.255', '203.0.113.255', '192.168.1.0', '100.64.0.1', '192.168.3.3',
  ], // biome-ignore format: a table
  quoteSizes: [20, 24, 27, 28, 28, 28, 36, 40, 48, 200],
  world: WORLD4,

  readNetwork(bytes, l3, quoted): Network | null {
    if (bytes.length < l3 + 20 || (bytes[l3] ?? 0) >> 4 !== 4) return null;
    const size = ((bytes[l3] ?? 0) & 15) * 4;
    if (size < 20) return null;
    const word = get16(bytes, l3 + 6);
    const fragment = (word & 0x3fff) !== 0;
    return {
      l4: l3 + size,
      length: get16(bytes, l3 + 2),
      ttl: bytes[l3 + 8] ?? 0,
      protocol: bytes[l3 + 9] ?? 0,
      fragment,
      id: get16(bytes, l3 + 4),
      idAt: fragment ? l3 + 4 : -1,
      start: l3 + size,
      offset: word & 0x1fff,
      more: (word & 0x2000) !== 0,
      problem: quoted ? null : readOptions(bytes.subarray(l3 + 20, l3 + size)),
    };
  },
  addressAt: (bytes, at) => bytes.subarray(at, at + 4).join('.'),
  isRequest: (type) => type === 8 || type === 13,
  isReply: (type) => type === 0 || type === 14,
  isError: (type) => type === 3 || type === 11 || type === 12,
  isRefusal: (type, code) => type === 3 && code === 13,
  coversAddresses: (protocol) => protocol !== 1,
  isNoUnicast(address) {
    const first = Number(address.split('.')[0]);
    return first === 0 || first === 127 || first >= 224;
  },
  isOfLink: () => false,
  isInside: (address) => address.startsWith('192.168.'),
  isBeyondRules({ protocol, sport, dport, daddr }) {
    if (protocol !== UDP || ![67, 68].includes(dport)) return false;
    return daddr === '255.255.255.255' || [67, 68].includes(sport);
  },
  blankWays,
  judgeTranslation: () => null,

  makeRest: (r, piece, datagram) => ({
    fragment: piece || (r.chance(0.02) ? r.below(65536) : r.pick([0, 0x4000])),
    datagram,
    options: r.chance(0.06) ? r.pick([...OPTIONS, r.bytes(4 * r.below(11))]) : [],
  }),
  tcp,
  udp,
  makeIcmp: icmp,
  other: ({ sport, dport, payload, ...o }) => other({ ...o, payload }),
  spoil(r, bytes) {
    const way = r.below(3);
    if (way === 0) set16(bytes, ETH + 2, r.pick([0, 19, 20, 27, 28, 40, 0xffff, bytes.length, r.below(1600)]));
    else if (way === 1) bytes[ETH] = 0x40 | r.below(16);
    else bytes[ETH + 9] = r.pick(family4.oddProtocols);
  },
};

/** Record route and timestamp options become no-operations. */
function blankWays(expected: Uint8Array, { bytes, l3, l4 }: Frame): void {
  for (let at = l3 + 20; at < l4; ) {
    const kind = bytes[at] ?? 0;
    if (kind === 0) return;
    const size = kind === 1 ? 1 : (bytes[at + 1] ?? 0);
    if (kind === 7 || kind === 68) expected.fill(1, at, Math.min(at + Math.max(size, 1), l4));
    at += Math.max(size, 1);
  }
}

/** Of an IP header: source routes are refused, and what is no list of options. */
function readOptions(bytes: Uint8Array): string | null {
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at] ?? 0;
    if (kind === 0) return null;
    if (kind === 131 || kind === 137) return 'it is source-routed';
    const size = kind === 1 ? 1 : (bytes[at + 1] ?? 0);
    if (size < 1 || (kind !== 1 && size < 2) || at + size > bytes.length) return 'its IP options are broken';
    at += size;
  }
  return null;
}
