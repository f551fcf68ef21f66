/** The bench's second table: connections, and the time that a packet is under way. */
import Table from 'cli-table3';
import type { Connections } from './connections.ts';
import { median } from './median.ts';

/** One-way time of a packet in µs at a fixed rate. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}
export interface Timed {
  readonly gateway: string;
  readonly latency: Latency | null;
  readonly connections: Connections | null;
}
export type TimedRow = Timed & { readonly rounds: number };

/** Medians of each figure. */
export function summarizeTimed(results: readonly Timed[]): TimedRow[] {
  return [...new Set(results.map(({ gateway }) => gateway))].map((gateway) => {
    const mine = results.filter((one) => one.gateway === gateway);
    return {
      gateway,
      rounds: mine.length,
      latency: middle(mine.flatMap(({ latency }) => latency ?? [])),
      connections: middle(mine.flatMap(({ connections }) => connections ?? [])),
    };
  });
}

function middle<T extends Latency | Connections>(all: readonly T[]): T | null {
  const [first] = all;
  if (first === undefined) return null;
  const keys = Object.keys(first) as (keyof T)[];
  return Object.fromEntries(keys.map((key) => [key, median(all.map((one) => Number(one[key])))])) as unknown as T;
}

export function renderTimed(rows: readonly TimedRow[]): string {
  const table = new Table({
    head: ['gateway', 'one way p50 / p99, µs', 'connection, µs', 'echo p50 / p99, µs', 'iperf3 wire', 'iperf3 GSO'],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const { gateway, latency, connections } of rows)
    table.push([
      gateway,
      latency === null ? '' : `${latency.p50.toFixed(2)} / ${latency.p99.toFixed(2)}`,
      connections?.connection.toFixed(1) ?? '',
      connections === null ? '' : `${connections.echoP50.toFixed(1)} / ${connections.echoP99.toFixed(1)}`,
      connections?.wire.toFixed(2) ?? '',
      connections?.gso?.toFixed(2) ?? '',
    ]);
  return `${table.toString()}\none way: at 400,000 packets a second; connection: CPU time of the gateway for open, request, answer, close; iperf3: Gbit/s`;
}
