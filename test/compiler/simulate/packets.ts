/** Packets for the simulator, in few words. */
import type { Machine } from '../../../compiler/model.ts';
import type { NewPacket } from '../../../compiler/simulate/packet.ts';
import { v4, v6 } from '../diagram/models.ts';

/** `192.168.1.20` or `2001:db8::1`; a number: the interface's own address. */
export function machine(place: string | number): Machine {
  if (typeof place === 'number') return { kind: 'own', interface: place };
  return place.includes(':')
    ? { kind: 'address', family: 6, address: v6(place).first }
    : { kind: 'address', family: 4, address: BigInt(v4(place).first) };
}

export function tcpPacket(
  on: number,
  from: string | number,
  to: string | number,
  dport: number,
  sport: number | null = null,
): NewPacket {
  const family = [from, to].some((place) => String(place).includes(':')) ? 6 : 4;
  return { family, protocol: 6, in: on, from: machine(from), sport, to: machine(to), dport };
}

export function icmpPacket(on: number, from: string, to: string | number, type: number): NewPacket {
  return { family: 4, protocol: 1, in: on, from: machine(from), sport: null, to: machine(to), dport: type << 8 };
}
