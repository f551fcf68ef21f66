import { ICMP, ICMP6, type Icmp, icmp, ip, TCP, type Tcp, tcp, UDP, type Udp, udp } from './compose.ts';
import type { Packet } from './parse.ts';

export type Changes = Partial<Omit<Udp & Tcp & Icmp, 'sum'>> & { readonly sum?: 'good' | 'wrong' };

/** The same packet with some fields exchanged, and the checksums that it needs then. */
export function alter(packet: Packet, changes: Changes): Uint8Array {
  const { src, dst, ttl, id, df, mf, offset, sport, dport, flags, seq, ack, type, code, word, payload, protocol } =
    packet;
  const options = packet.family === 4 ? packet.options : [];
  const tcpOptions = [...packet.tcpOptions];
  const fields = {
    ...{
      src,
      dst,
      ttl,
      id,
      df,
      mf,
      offset,
      options,
      sport,
      dport,
      flags,
      seq,
      ack,
      tcpOptions,
      type,
      code,
      word,
      payload,
    },
    ...changes,
  };
  if (packet.piece) return ip(fields, protocol, packet.bytes.subarray(20 + options.length));
  if (protocol === UDP) return udp(fields);
  if (protocol === TCP) return tcp(fields);
  if (protocol === ICMP || protocol === ICMP6) return icmp(fields);
  return ip(fields, protocol, payload);
}
