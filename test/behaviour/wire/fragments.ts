/** Datagrams cut into pieces and put together again, as RFC 791 and RFC 8200 section 4.5 say. */
import { familyOf } from './addresses.ts';
import { type Ip, ip, join } from './compose.ts';
import { type Packet, parse } from './parse.ts';

/** Cuts a packet into pieces of `size` bytes (a multiple of 8) after the IP header. */
export function cut(packet: Uint8Array, size: number, id: number): Uint8Array[] {
  const whole = parse(packet);
  if (whole === null) throw new Error('not an IP packet');
  const header = familyOf(whole.src) === 4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const body = packet.subarray(header);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    const mf = at + size < body.length;
    const fields: Ip = { src: whole.src, dst: whole.dst, ttl: whole.ttl };
    if (whole.family === 4) pieces.push(ip({ ...fields, id, mf, offset: at }, whole.protocol, part));
    else {
      const body = [0, at >> 8, (at & 0xf8) | (mf ? 1 : 0), id >>> 24, (id >> 16) & 255, (id >> 8) & 255, id & 255];
      pieces.push(ip({ ...fields, extensions: [[44, body]] }, whole.protocol, part));
    }
  }
  return pieces;
}

/**
 * What a receiver makes of the pieces, in the order of their arrival: whole packets. Pieces of one source, destination,
 * protocol and ID belong together, whoever sent them; where two overlap the datagram is spoilt (RFC 5722, RFC 8200).
 */
export function reassemble(packets: readonly Packet[]): Packet[] {
  const open = new Map<string, { parts: Packet[]; spoilt: boolean }>();
  const whole: Packet[] = [];
  for (const packet of packets) {
    if (!packet.piece) {
      whole.push(packet);
      continue;
    }
    const key = `${packet.src} ${packet.dst} ${packet.protocol} ${packet.id}`;
    const set = open.get(key) ?? { parts: [], spoilt: false };
    open.set(key, set);
    const [start, end] = spanOf(packet);
    set.spoilt ||= set.parts.some((part) => start < spanOf(part)[1] && spanOf(part)[0] < end);
    set.parts.push(packet);
    const done = set.spoilt ? null : putTogether(set.parts);
    if (done === null) continue;
    whole.push(done);
    open.delete(key);
  }
  return whole;
}

const bodyOf = (packet: Packet): Uint8Array => {
  const header = packet.family === 4 ? ((packet.bytes[0] ?? 0) & 15) * 4 : 48;
  return packet.bytes.subarray(header);
};
const spanOf = (packet: Packet): [number, number] => [packet.offset, packet.offset + bodyOf(packet).length];

function putTogether(parts: readonly Packet[]): Packet | null {
  const sorted = [...parts].sort((a, b) => a.offset - b.offset);
  const last = sorted.at(-1);
  let at = 0;
  for (const part of sorted) {
    if (part.offset !== at) return null;
    at = spanOf(part)[1];
  }
  if (last === undefined || last.mf) return null;
  const { src, dst, ttl, id, protocol } = last;
  return parse(ip({ src, dst, ttl, id }, protocol, join(...sorted.map(bodyOf))));
}
