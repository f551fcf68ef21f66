/** IPv6 for the fuzzer. */
import { formatIpv6, icmp6, other6, parseIpv6, tcp6, udp6 } from '../packets6.ts';
import { ETH, get16, get32, set16, UDP } from './bytes.ts';
import type { Family, Rest } from './family.ts';
import type { Network } from './frame.ts';
import type { Random } from './random.ts';
import { mapAddress, NPTV6, WORLD6 } from './world.ts';

const [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION] = [0, 43, 44, 60];
const MOST_HEADERS = 8;
const MOST_BYTES = 256;

type Extension = NonNullable<Rest['extensions']>[number];

/** An address as text; there are few, and the text of one takes long. */
const texts = new Map<string, string>();
function textOf(bytes: Uint8Array, at: number): string {
  const key = Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.min(16, bytes.length - at)).toString('latin1');
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = formatIpv6(bytes.subarray(at, at + 16));
  if (texts.size < 4096) texts.set(key, text);
  return text;
}

const isMulticast = (address: string): boolean => address.startsWith('ff') && address.indexOf(':') === 4;
const isLinkLocal = (address: string): boolean => /^fe[89ab].:/.test(address);

export const family6: Family = {
  number: 6,
  etherType: 0x86dd,
  header: 40,
  width: 16,
  saddr: 8,
  daddr: 24,
  ttl: 7,
  icmp: 58,
  hasHeaderSum: false,
  echo: 128,
  echoReply: 129,
  errors: [1, 1, 2, 3, 4, 5],
  oddTypes: [0, 1, 2, 3, 4, 100, 127, 128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 139, 141, 143, 148, 151],
  oddProtocols: [0, 1, 2, 6, 17, 33, 41, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 136, 139, 140, 253, 255],
  oddAddresses: [
    '::', '::1', '::c000:201', '::ffff:c000:201', 'ff02::1', 'ff02::16', 'ff05::2', 'fe80::99', 'fec0::1', '2002::1',
    'fd00:3::3', 'fd00:1::', 'fd00:2::ffff:ffff:ffff:ffff', '2001:db8:22::', '100::1', '64:ff9b::c000:201',
  ], // biome-ignore format: a table
  quoteSizes: [40, 44, 47, 48, 48, 48, 56, 60, 68, 88, 200],
  world: WORLD6,

  readNetwork,
  addressAt: textOf,
  isRequest: (type) => type === 128,
  isReply: (type) => type === 129,
  isError: (type) => type >= 1 && type <= 4,
  isRefusal: (type, code) => type === 1 && code === 1,
  coversAddresses: () => true,
  isNoUnicast: (address) => isMulticast(address) || /^::(ffff:)?([0-9a-f]+:)?[0-9a-f]*$/.test(address),
  isOfLink: isLinkLocal,
  isInside: (address) => address.startsWith('fd00:'),
  isBeyondRules({ protocol, type, ttl, saddr, daddr, sport, dport }) {
    if (protocol === UDP) {
      if (sport === 547 && dport === 546 && isLinkLocal(daddr)) return true;
      if (dport !== 547) return false;
      return (isLinkLocal(saddr) && isMulticast(daddr)) || sport === 546 || sport === 547;
    }
    if (protocol !== 58) return false;
    if ([133, 134, 135, 136, 137, 141, 142, 148, 149].includes(type)) return ttl === 255;
    if ([130, 131, 132, 143].includes(type)) return ttl === 1 && (isLinkLocal(saddr) || saddr === '::');
    return [151, 152, 153].includes(type) && ttl === 1 && isLinkLocal(saddr);
  },
  blankWays: () => undefined,
  judgeTranslation(f, left) {
    const owns = Object.values(WORLD6.own);
    for (const [inside, outside] of [
      [f.saddr, left.saddr],
      [left.daddr, f.daddr],
    ] as const) {
      if (!inside.startsWith(NPTV6.inside) || inside === outside || owns.includes(outside)) continue;
      const expected = formatIpv6(mapAddress(parseIpv6(inside)));
      if (expected !== outside) return `${inside} is mapped to ${outside}, not to ${expected}`;
    }
    return null;
  },

  makeRest: (r, piece, id) => ({ extensions: makeExtensions(r, piece, id) }),
  tcp: tcp6,
  udp: udp6,
  makeIcmp: ({ id, ...o }) => icmp6({ ...o, word: id === undefined ? [0, 0, 0, 0] : [id >> 8, id & 255, 0, 1] }),
  other: other6,
  spoil(r, bytes) {
    const way = r.below(3);
    if (way === 0) set16(bytes, ETH + 4, r.pick([0, 1, 7, 8, 19, 20, 40, 0xffff, bytes.length, r.below(1600)]));
    else if (way === 1) bytes[ETH] = r.pick([0x60, 0x6f, 0x40, 0x70, r.below(256)]);
    else bytes[ETH + 6] = r.pick(family6.oddProtocols);
  },
};

/** RFC 8200 section 4; what the gateway takes of it: eight headers, 256 bytes, hop-by-hop options first. */
function readNetwork(bytes: Uint8Array, l3: number, quoted: boolean): Network | null {
  if (bytes.length < l3 + 40 || (bytes[l3] ?? 0) >> 4 !== 6) return null;
  let kind = bytes[l3 + 6] ?? 0;
  let at = l3 + 40;
  let [id, idAt, start, word] = [0, -1, at, 0];
  let problem: string | null = null;
  const isHeader = (): boolean => [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION].includes(kind);
  for (let n = 0; n < MOST_HEADERS && isHeader() && problem === null; n++) {
    if (at + 8 > bytes.length) problem = 'its headers are truncated';
    else if (kind === HOP_BY_HOP && n > 0 && !quoted) problem = 'hop-by-hop options do not come first';
    else if (kind === ROUTING && !quoted && (bytes[at + 2] === 0 || bytes[at + 3] !== 0))
      problem = 'it is source-routed';
    if (problem !== null) break;
    const fragment = kind === FRAGMENT;
    kind = bytes[at] ?? 0;
    if (!fragment) {
      at += ((bytes[at + 1] ?? 0) + 1) * 8;
      if (at > l3 + 40 + MOST_BYTES) problem = 'its headers are too many bytes';
      continue;
    }
    [id, idAt, word] = [get32(bytes, at + 4), at + 4, get16(bytes, at + 2)];
    at += 8;
    start = at;
    if (word >> 3 > 0) break;
  }
  const length = 40 + get16(bytes, l3 + 4);
  const tail = word >> 3 > 0;
  if (problem === null && !tail && (isHeader() || [139, 140].includes(kind) || kind >= 253))
    problem = quoted && !isHeader() ? null : 'nobody knows what follows its headers';
  if (problem === null && !quoted && l3 + length < at) problem = 'its headers are longer than it';
  return {
    l4: at,
    length,
    ttl: bytes[l3 + 7] ?? 0,
    protocol: kind,
    fragment: tail || (word & 1) !== 0,
    id,
    idAt,
    start,
    offset: word >> 3,
    more: (word & 1) !== 0,
    problem,
  };
}

const padding = (units: number): number[] => [0, units, 1, units * 8 + 4, ...new Array(units * 8 + 4).fill(0)];

function makeExtensions(r: Random, piece: number, id: number): Extension[] {
  const some: Extension[] = [];
  if (r.chance(0.12)) {
    for (let n = r.pick([1, 1, 1, 2, 3, 7, 9]); n > 0; n--) {
      const kind = r.pick([
        HOP_BY_HOP,
        DESTINATION,
        DESTINATION,
        ROUTING,
        r.chance(0.3) ? 139 : DESTINATION,
      ] as number[]);
      const bytes = padding(r.pick([0, 0, 0, 1, 2, 30]));
      if (kind === ROUTING) [bytes[2], bytes[3]] = [r.pick([0, 2, 3, 4]), r.pick([0, 0, 1])];
      if (r.chance(0.1)) bytes.splice(1, 7, ...r.bytes(7));
      some.push({ kind, bytes });
    }
    if (r.chance(0.7)) some.sort((a, b) => Number(b.kind === HOP_BY_HOP) - Number(a.kind === HOP_BY_HOP));
  }
  if (piece === 0 && !r.chance(0.02)) return some;
  const word = ((piece & 0x1fff) << 3) | (piece & 0x2000 ? 1 : 0) | (r.chance(0.02) ? r.below(8) : 0);
  const header = { kind: FRAGMENT as number, bytes: [0, 0, word >> 8, word & 255, 0, 0, 0, id] };
  some.splice(r.chance(0.8) ? some.length : r.below(some.length + 1), 0, header);
  return some;
}
