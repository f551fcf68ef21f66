/** Datagrams of IPv6 in pieces: cut by hand, sent by a raw socket of a namespace and received by real sockets. */
import type { Namespace } from '../lab/namespace.ts';
import type { Program } from '../lab/program.ts';
import type { Layer3 } from './packets.ts';

const FRAGMENT = 44;
const u16 = (value: number) => [(value >> 8) & 255, value & 255];

/** A part of a packet's payload (which has no extension headers) as a piece; `offset` a multiple of 8, in bytes. */
export function pieceOf6({ bytes }: Layer3, id: number, offset: number, length: number, more: boolean): Layer3 {
  const payload = bytes.slice(40 + offset, 40 + offset + length);
  const header = [...bytes.slice(0, 4), ...u16(8 + payload.length), FRAGMENT, ...bytes.slice(7, 40)];
  const fragment = [bytes[6] ?? 0, 0, ...u16(offset | (more ? 1 : 0)), ...u16(id >>> 16), ...u16(id)];
  return { bytes: [...header, ...fragment, ...payload] };
}

/** All of a packet in pieces of `size` bytes of payload, a multiple of 8. */
export function cutUp6(packet: Layer3, id: number, size = 1232): Layer3[] {
  const total = packet.bytes.length - 40;
  return Array.from({ length: Math.ceil(total / size) }, (_, i) =>
    pieceOf6(packet, id, i * size, Math.min(size, total - i * size), (i + 1) * size < total),
  );
}

const SENDER = `
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
for line in sys.stdin:
  if line[0] == "#": print(line, end=""); continue
  p = bytes.fromhex(line)
  s.sendto(p, (socket.inet_ntop(socket.AF_INET6, p[24:40]), 0))
`;
const senders = new WeakMap<Namespace, { readonly program: Program; sent: number }>();
/** Sends packets as they are, one after the other. */
export async function send6(from: Namespace, packets: readonly Layer3[]): Promise<void> {
  let sender = senders.get(from);
  if (sender === undefined) {
    sender = { program: from.start('python3', '-uc', SENDER), sent: 0 };
    senders.set(from, sender);
  }
  sender.sent += 1;
  for (const { bytes } of packets) sender.program.write(Buffer.from(bytes).toString('hex'));
  sender.program.write(`# ${sender.sent} sent`);
  await sender.program.says(new RegExp(`# ${sender.sent} sent`));
}

const RECEIVER = `
import hashlib, socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind((sys.argv[1], int(sys.argv[2]))); print("ready")
while True:
  d, a = s.recvfrom(65536)
  print(len(d), hashlib.sha1(d).hexdigest(), "from", a[0], a[1])
`;
/** A UDP socket that prints `length sha1 from address port` of each datagram. */
export async function receive6(at: Namespace, address: string, port: number): Promise<Program> {
  const program = at.start('python3', '-uc', RECEIVER, address, String(port));
  await program.says(/ready/);
  return program;
}
