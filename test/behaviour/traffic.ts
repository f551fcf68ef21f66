/** What checks say again and again: datagrams and connections through the gateway, and answers to what was seen outside. */
import { Failure, must } from './failure.ts';
import type { Host } from './host.ts';
import { echo, fill, tcp, udp } from './wire/compose.ts';
import type { Packet } from './wire/parse.ts';

let payloads = 0;
/** Bytes that no other packet carries. */
export function mark(size = 12): Uint8Array {
  payloads += 1;
  return fill(size, payloads + 7);
}
export const carries =
  (payload: Uint8Array) =>
  (packet: Packet): boolean =>
    Buffer.from(packet.payload).equals(Buffer.from(payload));

/** A datagram from inside to a server; returns it as the server sees it. */
export async function sendUdp(from: Host, sport: number, to: Host, dport: number, payload = mark()): Promise<Packet> {
  from.send(udp({ src: from.address, dst: to.address, sport, dport, payload }));
  const seen = await to.hears(`the datagram of ${from.address}:${sport}`, carries(payload));
  must(
    !from.network.isInsideAddress(seen.src) || from.family === 6,
    `a datagram leaves with the inside address ${seen.src}`,
  );
  must(seen.dport === dport, `the destination port ${dport} has become ${seen.dport}`);
  return seen;
}

/** From a server to a mapping, as seen there; `sport` where it is not the port that was written to. */
export function answer(from: Host, seen: Packet, sport = seen.dport, payload = mark()): Uint8Array {
  from.send(udp({ src: from.address, dst: seen.src, sport, dport: seen.sport, payload }));
  return payload;
}

/** The same, and it must come to the inside socket. */
export async function answerUdp(from: Host, seen: Packet, to: Host, port: number, sport = seen.dport): Promise<Packet> {
  const payload = answer(from, seen, sport);
  const got = await to.hears(`the answer of ${from.address}:${sport}`, carries(payload));
  must(
    got.dport === port && got.dst === to.address,
    `the answer comes to ${got.dst}:${got.dport}, not to ${to.address}:${port}`,
  );
  must(got.src === from.address && got.sport === sport, `the answer seems to come from ${got.src}:${got.sport}`);
  return got;
}

/** A connection, by hand: sequence numbers are ours. */
export interface Connection {
  readonly client: Host;
  readonly server: Host;
  readonly sport: number;
  readonly dport: number;
  /** The SYN as the server saw it. */
  readonly seen: Packet;
}
export const CLIENT_SEQ = 1000;
export const SERVER_SEQ = 50_000;

export async function sendSyn(
  client: Host,
  sport: number,
  server: Host,
  dport: number,
  seq = CLIENT_SEQ,
): Promise<Packet> {
  client.send(tcp({ src: client.address, dst: server.address, sport, dport, flags: 'S', seq }));
  const seen = await server.hears(
    `the SYN of ${client.address}:${sport}`,
    (p) => p.flags === 'S' && p.dport === dport && p.seq === seq,
  );
  must(
    !client.network.isInsideAddress(seen.src) || client.family === 6,
    `a SYN leaves with the inside address ${seen.src}`,
  );
  return seen;
}

/** The three packets of RFC 9293 figure 6. */
export async function connect(client: Host, sport: number, server: Host, dport: number): Promise<Connection> {
  const seen = await sendSyn(client, sport, server, dport);
  const connection = { client, server, sport, dport, seen };
  fromServer(connection, { flags: 'SA', seq: SERVER_SEQ, ack: CLIENT_SEQ + 1 });
  await client.hears('the SYN-ACK', (p) => p.flags === 'SA' && p.dport === sport && p.src === server.address);
  fromClient(connection, { flags: 'A', seq: CLIENT_SEQ + 1, ack: SERVER_SEQ + 1 });
  await server.hears('the ACK of the handshake', (p) => p.flags === 'A' && p.sport === seen.sport);
  return connection;
}

export interface Segment {
  readonly flags: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly payload?: Uint8Array;
  readonly window?: number;
}
export function fromClient({ client, server, sport, dport }: Connection, segment: Segment): void {
  client.send(tcp({ src: client.address, dst: server.address, sport, dport, ...segment }));
}
export function fromServer({ server, seen }: Connection, segment: Segment): void {
  server.send(tcp({ src: server.address, dst: seen.src, sport: seen.dport, dport: seen.sport, ...segment }));
}

/** Data goes through, both ways; offsets count what either side has sent before. */
export async function exchange(c: Connection, sent = { client: 0, server: 0 }): Promise<void> {
  const [there, back] = [mark(), mark()];
  const seq = CLIENT_SEQ + 1 + sent.client;
  const ack = SERVER_SEQ + 1 + sent.server;
  fromClient(c, { flags: 'PA', seq, ack, payload: there });
  const got = await c.server.hears('data of the connection', carries(there));
  must(got.sport === c.seen.sport, `the connection has moved to another port`);
  fromServer(c, { flags: 'PA', seq: ack, ack: seq + there.length, payload: back });
  await c.client.hears('data of the server', carries(back));
  fromClient(c, { flags: 'A', seq: seq + there.length, ack: ack + back.length });
  await c.server.hears('its ACK', (p) => p.flags === 'A' && p.ack === ack + back.length);
}

/** An echo request through the gateway, as the server sees it. */
export async function sendEcho(from: Host, to: Host, id: number, seq = 1): Promise<Packet> {
  const payload = mark(16);
  from.send(echo({ src: from.address, dst: to.address, id2: id, seq, payload }));
  return to.hears(`the echo request of ${from.address}`, carries(payload));
}
export async function answerEcho(from: Host, seen: Packet, to: Host, id: number): Promise<Packet> {
  const payload = mark(16);
  from.send(echo({ src: from.address, dst: seen.src, id2: seen.query, seq: seen.word & 0xffff, reply: true, payload }));
  const got = await to.hears('the echo reply', carries(payload));
  must(got.query === id, `the reply's identifier is ${got.query}, not ${id}`);
  return got;
}

/** Asks until the answer is there; for waits that the gateway's clock decides. */
export async function eventually(what: string, ask: () => Promise<boolean>, limit: number): Promise<void> {
  const end = Date.now() + limit;
  while (!(await ask())) if (Date.now() > end) throw new Failure(`${limit} ms later still not: ${what}`);
}
