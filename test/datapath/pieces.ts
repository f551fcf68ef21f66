/** Datagrams in pieces: cut by hand, in any order, sent by a raw socket of a namespace and received by real sockets. */
import { createHash } from 'node:crypto';
import type { Namespace } from '../lab/namespace.ts';
import type { Program } from '../lab/program.ts';
import { type Layer3, sum16 } from './packets.ts';

const MORE = 0x2000;

/** A part of a packet's payload as a piece of its own; `offset` and `length` in bytes, `more`: it is not the last one. */
export function pieceOf(packet: Layer3, id: number, offset: number, length: number, more: boolean, flags = 0): Layer3 {
  const header = packet.bytes.slice(0, 20);
  const payload = packet.bytes.slice(20 + offset, 20 + offset + length);
  const word = (at: number, value: number): unknown => header.splice(at, 2, (value >> 8) & 255, value & 255);
  word(2, 20 + payload.length);
  word(4, id);
  word(6, flags | (more ? MORE : 0) | (offset / 8));
  word(10, 0);
  word(10, ~sum16(header) & 0xffff);
  return { bytes: [...header, ...payload] };
}

/** All of a packet (without IP options) in pieces of `size` bytes of payload, a multiple of 8. */
export function cutUp(packet: Layer3, id: number, size = 1480): Layer3[] {
  const pieces: Layer3[] = [];
  const total = packet.bytes.length - 20;
  for (let offset = 0; offset < total; offset += size) {
    pieces.push(pieceOf(packet, id, offset, Math.min(size, total - offset), offset + size < total));
  }
  return pieces;
}

/** An order that is neither up nor down, the same for the same seed. */
export function shuffle<T>(all: readonly T[], seed: number): T[] {
  let state = seed * 2654435761 + 1;
  const left = [...all];
  const out: T[] = [];
  while (left.length > 0) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    out.push(...left.splice((state >>> 8) % left.length, 1));
  }
  return out;
}

/** Bytes that repeat nowhere, so that a piece in the wrong place shows. */
export function fill(size: number, seed: number): number[] {
  const bytes: number[] = [];
  for (let block = 0; bytes.length < size; block++) {
    bytes.push(...createHash('sha256').update(`${seed} ${block}`).digest());
  }
  return bytes.slice(0, size);
}
export const digest = (bytes: readonly number[]): string =>
  createHash('sha1').update(Uint8Array.from(bytes)).digest('hex');

const SENDER = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
for line in sys.stdin:
  if line[0] == "#": print(line, end=""); continue
  p = bytes.fromhex(line)
  s.sendto(p, (socket.inet_ntoa(p[16:20]), 0))
`;
const senders = new WeakMap<Namespace, { readonly program: Program; sent: number }>();
/** Sends packets as they are, one after the other. The kernel routes them and writes nothing but the IP checksum. */
export async function send(from: Namespace, packets: readonly Layer3[]): Promise<void> {
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
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
s.bind((sys.argv[1], int(sys.argv[2]))); print("ready")
while True:
  try: d, a = s.recvfrom(65536)
  except OSError as e: print("error", e.errno); continue
  print(len(d), hashlib.sha1(d).hexdigest(), "from", *a)
  if len(sys.argv) > 3: s.sendto(d, a)
`;
/** A UDP socket that prints `length sha1 from address port` of each datagram; `echo`: and sends it back. */
export async function receive(at: Namespace, address: string, port: number, echo = false): Promise<Program> {
  const program = at.start('python3', '-uc', RECEIVER, address, String(port), ...(echo ? ['echo'] : []));
  await program.says(/ready/);
  return program;
}
