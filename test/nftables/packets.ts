/** Generated first packets, as bytes and as the simulator is asked about them. */

import { NOWHERE } from '../../compiler/diagram/fields.ts';
import type { Machine } from '../../compiler/model.ts';
import type { NewPacket } from '../../compiler/simulate/packet.ts';
import { readAddress } from '../../grammar/address.ts';
import { icmp, ip, tcp, udp } from '../behaviour/wire/compose.ts';
import type { Random } from '../datapath/fuzz/random.ts';
import { type End, OWN } from './laboratory.ts';

export const ID: Readonly<Record<string, number>> = { wan: 1, lan: 2, dmz: 3, other: NOWHERE };

const ADDRESSES = {
  4: {
    wan: ['192.0.2.7', '192.0.2.66', '198.18.0.9', '198.18.3.1', '203.0.113.99'],
    lan: ['192.168.1.10', '192.168.1.20', '192.168.1.77', '192.168.50.5', '100.64.0.5'],
    dmz: ['10.0.0.10', '10.0.0.20', '10.0.0.99', '10.9.0.9'],
    other: ['172.30.0.9', '198.51.99.9'],
    to: ['203.0.113.50', '203.0.113.40', '203.0.114.10', '203.0.114.20', '203.0.113.7', '203.0.113.7'],
  },
  6: {
    wan: ['2001:db8:5::7', '2001:db8:5::66', '2001:db8:9::9'],
    lan: ['2001:db8:1::10', '2001:db8:1:0:8000::1', 'fd00:9::9'],
    dmz: ['2001:db8:2::10', '2001:db8:2::99'],
    other: ['2001:db8:3::9'],
    to: ['2001:db8:ffff::7', '2001:db8:ffff::50', '2001:db8:ffff::7'],
  },
} as const;

export interface Case {
  readonly index: number;
  readonly end: Exclude<End, 'self'>;
  readonly packet: NewPacket;
  readonly bytes: Uint8Array;
  readonly src: string;
  readonly dst: string;
  readonly sport: number;
  /** For messages. */
  readonly text: string;
}

/** Four bytes by which a packet is known wherever it appears. */
const tokenOf = (index: number): number[] => [0x4d, 0x51, 0xa0 | (index >> 8), index & 255];

/** The case whose token is in a packet; null: none. */
export function findToken(bytes: Uint8Array): number | null {
  for (let i = 0; i + 3 < bytes.length; i++) {
    const third = bytes[i + 2] ?? 0;
    if (bytes[i] === 0x4d && bytes[i + 1] === 0x51 && third >> 4 === 0xa)
      return ((third & 15) << 8) | (bytes[i + 3] ?? 0);
  }
  return null;
}

export const toNumber = (text: string): bigint => readAddress(text, text.includes(':') ? 6 : 4)!;

export function machineOf(text: string): Machine {
  for (const [end, { v4, v6 }] of Object.entries(OWN))
    if (text === v4 || text === v6) return { kind: 'own', interface: ID[end]! };
  return { kind: 'address', family: text.includes(':') ? 6 : 4, address: toNumber(text) };
}

/** `index` below 4096, another one for each packet of a gateway. */
export function makeCase(random: Random, index: number): Case {
  const family = random.chance(0.6) ? 4 : 6;
  const pool = ADDRESSES[family];
  // Much of what is drawn blindly is denied: the ways that gateways let through are drawn more often.
  const usual = random.pick(['out', 'in', 'any', 'any'] as const);
  const end = usual === 'out' ? 'lan' : random.pick(['wan', 'wan', 'lan', 'lan', 'dmz', 'other'] as const);
  const src = random.chance(0.85)
    ? random.pick(pool[end])
    : random.pick([...pool.lan, ...pool.dmz, ...pool.wan, OWN.lan[`v${family}`]]);
  const aims = ['wan', 'lan', 'dmz', 'other', 'to', 'to', 'self'] as const;
  const way = { out: 'wan' as const, in: 'to' as const, any: random.pick(aims) }[usual];
  const dst = way === 'self' ? random.pick(Object.values(OWN))[`v${family}`] : random.pick(pool[way]);
  const sport = random.pick([2000, 30_000, 50_000]) + (index % 900);
  const dport =
    usual === 'in'
      ? random.pick([80, 25, 5001])
      : random.pick([22, 25, 53, 80, 443, 500, 5000, 5002, 7000, 8005, 8080]);
  const kind = random.pick(['tcp', 'tcp', 'tcp', 'udp', 'udp', 'icmp', 'icmp', 'gre', 'esp', 'stray'] as const);
  const common = { family, in: ID[end]!, from: machineOf(src), to: machineOf(dst), sport } as const;
  const payload = tokenOf(index);
  const text = `${kind} ${src}:${sport} on ${end} to ${dst}:${dport}`;
  const make = (bytes: Uint8Array, packet: NewPacket): Case => ({ index, end, packet, bytes, src, dst, sport, text });
  switch (kind) {
    case 'tcp':
      return make(tcp({ src, dst, sport, dport, flags: 'S', payload }), { ...common, protocol: 6, dport });
    case 'stray': {
      const flags = random.pick(['A', 'SA', 'FA', 'R']);
      const bits = { A: 16, SA: 18, FA: 17, R: 4 }[flags]!;
      return make(tcp({ src, dst, sport, dport, flags, payload }), { ...common, protocol: 6, dport, flags: bits });
    }
    case 'udp':
      return make(udp({ src, dst, sport, dport, payload }), { ...common, protocol: 17, dport });
    case 'icmp': {
      const type = random.pick(family === 4 ? [8, 8, 13, 0, 3] : [128, 128, 129, 1]);
      const bytes = icmp({ src, dst, type, word: (sport << 16) | 1, payload: [...payload, ...payload] });
      return make(bytes, { ...common, protocol: family === 4 ? 1 : 58, dport: type << 8 });
    }
    case 'gre':
      return make(ip({ src, dst }, 47, [0, 0, 8, 0, ...payload]), { ...common, protocol: 47, dport: 0, sport: null });
    case 'esp':
      return make(ip({ src, dst }, 50, [0, 0, 1, 0, 0, 0, 0, 1, ...payload]), {
        ...common,
        protocol: 50,
        dport: 0,
        sport: null,
      });
  }
}
