/** What differs between the families: the addresses of the network of network.ts, and how packets are written and read. */
import { ICMP } from '../../../compiler/simulate/packet.ts';
import { readAddress, writeAddress } from '../../../grammar/address.ts';
import { ethernet, icmp, type Layer3, parsePacket, quote, tcp, udp } from '../packets.ts';
import { icmp6, parsePacket6, tcp6, udp6 } from '../packets6.ts';

export type Family = 4 | 6;
export const DEVICES = { eth0: 1, wan0: 2 } as const;
export type Device = keyof typeof DEVICES;

export const PLACES = {
  4: {
    /** Of the gateway, by interface. */
    own: { eth0: '192.168.1.1', wan0: '203.0.113.1' },
    inside: ['192.168.1.10', '192.168.1.11', '192.168.1.20'],
    peers: ['192.0.2.80', '192.0.2.66', '198.51.100.9'],
    router: '203.0.113.2',
    lan: '192.168.1.0/24',
    /** As which a map lets the first and the last of `inside` appear. */
    mapped: ['198.18.0.10', '198.18.0.20'],
  },
  6: {
    own: { eth0: '2001:db8:1::1', wan0: '2001:db8:2::1' },
    inside: ['2001:db8:1::10', '2001:db8:1::11', '2001:db8:1::20'],
    peers: ['2001:db8:80::80', '2001:db8:80::66', '2001:db8:99::9'],
    router: '2001:db8:2::2',
    lan: '2001:db8:1::/64',
    mapped: [],
  },
} as const;

export const toNumber = (family: Family, text: string): bigint => {
  const address = readAddress(text, family);
  if (address === null) throw new RangeError(text);
  return address;
};
export const toText = (family: Family, address: bigint): string => writeAddress(address, family);

/** Echo request and echo reply. */
export const ECHO = { 4: [8, 0], 6: [128, 129] } as const;
/** Errors, as [type, code]: unreachable, time exceeded, parameter problem. */
export const ERRORS: Readonly<Record<Family, readonly (readonly [number, number])[]>> = {
  4: [
    [3, 1],
    [3, 3],
    [11, 0],
    [12, 0],
  ],
  6: [
    [1, 3],
    [1, 4],
    [3, 0],
    [4, 0],
  ],
};
export const protocolOf = (family: Family, name: 'tcp' | 'udp' | 'icmp'): number =>
  name === 'icmp' ? ICMP[family] : name === 'tcp' ? 6 : 17;

export interface Wire {
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly saddr: string;
  /** ICMP: the identifier. */
  readonly sport: number;
  readonly daddr: string;
  readonly dport: number;
  /** TCP: of SAFR. */
  readonly flags: string;
  /** ICMP. */
  readonly type: number;
}

export function write(one: Wire): Layer3 {
  const { family, protocol, saddr, daddr, sport, dport, flags, type } = one;
  const v6 = family === 6;
  if (protocol === 'udp') return (v6 ? udp6 : udp)({ saddr, daddr, sport, dport });
  if (protocol === 'icmp') {
    return v6
      ? icmp6({ saddr, daddr, type, word: [sport >> 8, sport & 255, 0, 1], payload: [1, 2, 3, 4, 5, 6, 7, 8] })
      : icmp({ saddr, daddr, type, id: sport });
  }
  // every number fits every other: windows are no matter here
  const numbers = { seq: flags.includes('S') ? 1000 : 1001, ack: flags === 'S' ? 0 : 1001 };
  return (v6 ? tcp6 : tcp)({ saddr, daddr, sport, dport, flags, ...numbers });
}

/** An error that `saddr` sends to the sender of what it quotes. */
export function writeError(saddr: string, [type, code]: readonly [number, number], about: Wire): Layer3 {
  const common = { saddr, daddr: about.saddr, type, code };
  return about.family === 6
    ? icmp6({ ...common, payload: quote(write(about), 56) })
    : icmp({ ...common, payload: quote(write(about), 28) });
}

export const toFrame = (family: Family, packet: Layer3, mac: string): Uint8Array =>
  ethernet(packet, mac, family === 6 ? 0x86dd : 0x0800);

export const read = (family: Family, frame: Uint8Array) => (family === 6 ? parsePacket6(frame) : parsePacket(frame));
export type Read = ReturnType<typeof read>;
