import { readAddress, writeAddress } from '../../grammar/address.ts';
import type { Io } from '../cli/io.ts';
import type { Connection, Counters } from './connection.ts';
import { findRunning, type Running } from './find.ts';
import { shorten } from './listing.ts';
import { readConnections } from './read-connections.ts';
import { readManifest } from './rules.ts';

/** What one inside address has sent and received. */
export interface Account {
  /** null: those that there was no room for, together. */
  readonly address: string | null;
  readonly sent: Counters;
  readonly received: Counters;
}

type Sums = { -readonly [K in 'sent' | 'received']: { packets: number; bytes: number } };

/** By address; ended connections and live ones. */
export async function readAccounts(running: Running): Promise<Account[]> {
  const { account } = readManifest(running);
  const isAccounted = makeMatcher(account);
  const sums = await readEnded(running);
  for await (const page of readConnections(running)) for (const one of page) addLive(sums, one, isAccounted);
  const order = (address: string | null) => (address === null ? 1n << 130n : numberOf(address));
  return [...sums]
    .map(([address, counters]) => ({ address, ...counters }))
    .filter(({ sent, received }) => sent.packets + received.packets > 0)
    .sort((a, b) => (order(a.address) < order(b.address) ? -1 : 1));
}

async function readEnded({ libbpf, pins }: Running): Promise<Map<string | null, Sums>> {
  using map = libbpf.BpfMap.openPinned(`${pins}/accounts`, { readOnly: true });
  const sums = new Map<string | null, Sums>();
  for await (const [key, value] of map.entries()) {
    const counts = map.codec().value.decode(value) as Record<string, bigint>;
    const count = (name: string) => Number(counts[name] ?? 0n);
    sums.set(readKey(key), {
      sent: { packets: count('sent_packets'), bytes: count('sent_bytes') },
      received: { packets: count('received_packets'), bytes: count('received_bytes') },
    });
  }
  return sums;
}

/** IPv4 stands there as ::ffff:a.b.c.d; :: for those without an entry of their own. */
export function readKey(key: Uint8Array): string | null {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const value = (view.getBigUint64(0) << 64n) | view.getBigUint64(8);
  if (value === 0n) return null;
  return value >> 32n === 0xffffn ? writeAddress(value & 0xffff_ffffn, 4) : writeAddress(value, 6);
}

function addLive(sums: Map<string | null, Sums>, connection: Connection, isAccounted: (address: string) => boolean) {
  const { source, destination, redirected, sent, received } = connection;
  const add = (address: string, out: Counters, back: Counters) => {
    if (!isAccounted(address)) return;
    const sum = sums.get(address) ?? { sent: { packets: 0, bytes: 0 }, received: { packets: 0, bytes: 0 } };
    sums.set(address, sum);
    for (const [to, from] of [
      [sum.sent, out],
      [sum.received, back],
    ] as const) {
      to.packets += from.packets;
      to.bytes += from.bytes;
    }
  };
  add(source.address, sent, received);
  add((redirected ?? destination).address, received, sent);
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}
function numberOf(address: string): bigint {
  return readAddress(address, familyOf(address)) ?? 0n;
}

function makeMatcher(prefixes: readonly string[]): (address: string) => boolean {
  const parts = prefixes.map((prefix) => {
    const [address = '', length = ''] = prefix.split('/');
    const family = familyOf(address);
    const host = BigInt((family === 4 ? 32 : 128) - Number(length));
    return { family, host, first: numberOf(address) >> host };
  });
  return (address) =>
    parts.some(({ family, host, first }) => family === familyOf(address) && numberOf(address) >> host === first);
}

export async function showAccounts(asJson: boolean, io: Io): Promise<void> {
  const running = await findRunning(true);
  const accounts = await readAccounts(running);
  const { gateway } = running.state;
  if (asJson) io.out(`${JSON.stringify({ schema: 'masqc/accounts@1', gateway, accounts }, null, 2)}\n`);
  else io.out(renderAccounts(accounts, readManifest(running).account.length > 0, io));
}

export function renderAccounts(
  accounts: readonly Account[],
  isAsked: boolean,
  { colours: c }: Pick<Io, 'colours'>,
): string {
  if (accounts.length === 0)
    return isAsked ? 'Nothing was sent or received yet.\n' : 'The file has no `account` line, so nothing is counted.\n';
  const name = ({ address }: Account) => address ?? '(others)';
  const width = Math.max('address'.length, ...accounts.map((one) => name(one).length));
  const cells = ({ packets, bytes }: Counters) =>
    `${shorten(packets, 1000).padStart(8)} ${shorten(bytes, 1024).padStart(7)}`;
  const head = `${'address'.padEnd(width)}  ${'sent'.padStart(8)} ${'bytes'.padStart(7)}  ${'received'.padStart(8)} ${'bytes'.padStart(7)}`;
  const rows = accounts.map((one) => `${name(one).padEnd(width)}  ${cells(one.sent)}  ${cells(one.received)}\n`);
  return `${c.bold(head)}\n${rows.join('')}`;
}
