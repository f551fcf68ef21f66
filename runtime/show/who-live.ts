/** Who has an outside address or port now, by the tables of the running gateway: what no file can foretell. */

import { writeAddress } from '../../grammar/address.ts';
import { formatAddress6, readAddress, readBe16, readWord, toBytes6 } from '../apply/bytes.ts';
import { offsetsOf } from '../apply/layout.ts';
import { coarseNow, fromCoarse } from '../apply/tables.ts';
import type { Connection, Endpoint } from './connection.ts';
import type { Running } from './find.ts';
import { readConnections } from './read-connections.ts';
import type { Asked } from './who.ts';

/** That `inside` appears as `outside` at this moment. */
export interface LiveHolder {
  readonly protocol: string;
  /** With a port where one was asked for; else the address alone, with all its ports. */
  readonly inside: string;
  readonly outside: string;
  /** Different outside ports. */
  readonly ports: number;
  readonly connections: number;
  /** Of the oldest one. */
  readonly ageMs: number;
  /** The last one has ended, and the port rests for so long yet: nobody else gets it. null: there are connections. */
  readonly restsMs: number | null;
}

/** Protocols that have endpoint-independent mappings (claim.h). */
const MAPPED = { tcp: 6, udp: 17 } as const;

/** By the connections that there are, and by the mappings that rest. */
export async function findLive(running: Running, asked: Asked): Promise<LiveHolder[]> {
  const found = new LiveHolders(asked);
  for await (const page of readConnections(running)) for (const connection of page) found.add(connection);
  const live = found.list();
  if (asked.port === null) return live;
  const busy = new Set(live.map(({ protocol }) => protocol));
  return [...live, ...readResting(running, asked).filter(({ protocol }) => !busy.has(protocol))];
}

/** Gathers what connections say of an address, inside or outside. Pure. */
export class LiveHolders {
  readonly #address: string;
  readonly #port: number | null;
  readonly #found = new Map<string, { holder: Omit<LiveHolder, 'ports'>; ports: Set<number> }>();

  constructor({ address, family, port }: Asked) {
    this.#address = writeAddress(address, family);
    this.#port = port;
  }

  add({ protocol, source, destination, masqueraded, redirected, ageMs, state }: Connection): void {
    if (state === 'ending') return;
    if (masqueraded !== null) this.#note(protocol, source, masqueraded, ageMs);
    if (redirected !== null) this.#note(protocol, redirected, destination, ageMs);
  }

  #note(protocol: string, inside: Endpoint, outside: Endpoint, ageMs: number): void {
    if (!this.#isAsked(inside) && !this.#isAsked(outside)) return;
    const say = ({ address, port }: Endpoint) => (this.#port === null ? address : writeEndpoint(address, port));
    const key = `${protocol} ${say(inside)} ${say(outside)}`;
    const before = this.#found.get(key);
    const ports = before?.ports ?? new Set();
    ports.add(outside.port);
    const holder = {
      protocol,
      inside: say(inside),
      outside: say(outside),
      connections: (before?.holder.connections ?? 0) + 1,
      ageMs: Math.max(ageMs, before?.holder.ageMs ?? 0),
      restsMs: null,
    };
    this.#found.set(key, { holder, ports });
  }

  #isAsked({ address, port }: Endpoint): boolean {
    return address === this.#address && (this.#port === null || port === this.#port);
  }

  list(): LiveHolder[] {
    return [...this.#found.values()].map(({ holder, ports }) => ({ ...holder, ports: ports.size }));
  }
}

/** Mappings of the asked outside socket whose last connection has ended (native/datapath/mapping.h). */
function readResting({ libbpf, pins }: Running, { family, address, port }: Asked): LiveHolder[] {
  using map = libbpf.BpfMap.openPinned(`${pins}/mappings${family}`, { readOnly: true });
  const btf = map.btf();
  const keyAt = offsetsOf(btf, 'socket_key', ['address', 'port', 'protocol']);
  const at = offsetsOf(btf, 'mapping', ['address', 'port', 'users', 'rest']);
  const outside = writeAddress(address, family);
  return Object.entries(MAPPED).flatMap(([protocol, number]) => {
    const key = new Uint8Array(map.keySize);
    key.set(family === 4 ? outside.split('.').map(Number) : toBytes6(outside), keyAt.address);
    key.set([(port ?? 0) >>> 8, (port ?? 0) & 255], keyAt.port);
    key[keyAt.protocol] = number;
    const value = map.get(key);
    if (value === null || readWord(value.subarray(at.users)) !== 0) return [];
    const left = readWord(value.subarray(at.rest)) - coarseNow();
    if (left <= 0) return [];
    const host = family === 4 ? readAddress(value, at.address) : formatAddress6(value.subarray(at.address));
    const inside = writeEndpoint(host, readBe16(value, at.port));
    const rest = { ports: 1, connections: 0, ageMs: 0, restsMs: Math.round(fromCoarse(left)) };
    return [{ protocol, inside, outside: writeEndpoint(outside, port ?? 0), ...rest }];
  });
}

function writeEndpoint(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `192.168.1.20:1033 is 203.0.113.7:61002 now (udp, 3 connections, the first 12 s ago)` */
export function renderLive({ protocol, inside, outside, ports, connections, ageMs, restsMs }: LiveHolder): string {
  const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
  if (restsMs !== null) {
    return `${inside} was ${outside} (${protocol}) until its last connection ended; the port rests for ${seconds(restsMs)} yet\n`;
  }
  const count = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  const how = [protocol, ...(ports > 1 ? [count(ports, 'port')] : []), count(connections, 'connection')];
  return `${inside} is ${outside} now (${how.join(', ')}, the first ${seconds(ageMs)} ago)\n`;
}
