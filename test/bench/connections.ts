/**
 * What connections cost and how long a packet is under way, by real sockets at both ends: clients and servers on CPU 0,
 * the gateway's share of the work in kernel threads of its own (threaded NAPI of its devices) on CPU 1, whose time is read.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Namespace } from '../lab/namespace.ts';
import type { Stage } from './stage.ts';

const TALK = join(import.meta.dirname, '../../build/bench/talk');
const SERVER = '203.0.113.2';
const PORT = 8000;
const PORTS = 16;
const IPERF_PORT = 5300;

/** null: not measured. Times in µs, rates in Gbit/s. */
export interface Connections {
  /** The gateway's CPU time for a TCP connection: open, one request, its answer, close. */
  readonly connection: number;
  /** UDP round trip, everything on one CPU. */
  readonly echoP50: number;
  readonly echoP99: number;
  /** iperf3 with packets as on a wire (checksums and segments made by the ends). */
  readonly wire: number;
  /** iperf3 with 64 KB segments left to the device; absent: the gateway can't take what hardware is to end. */
  readonly gso?: number;
}

export async function buildTalk(): Promise<void> {
  await execa('gcc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', TALK, join(import.meta.dirname, 'talk.c')]);
}

/** The gateway is set up already. `seconds`: of each of the four measurements; `segments`: the last one, too. */
export async function measureConnections(stage: Stage, seconds: number, segments = true): Promise<Connections> {
  const { lan, gateway, wan } = stage;
  for (const end of [lan, wan]) await end.set({ 'net.ipv4.ip_local_port_range': '1024 65000' });
  const server = wan.start('taskset', '-c', '0', TALK, 'serve', String(PORT), String(PORTS));
  try {
    await server.says(/ready/);
    await setOffload(stage, false);
    const threads = await setThreaded(gateway, true);
    const before = timeOf(threads);
    const { done } = await talk(lan, 'connect', SERVER, String(PORT), String(PORTS), String(seconds));
    const connection = (timeOf(threads) - before) / 1000 / done!;
    const wire = await iperf(stage, seconds);
    await setThreaded(gateway, false);
    const { p50, p99 } = await talk(lan, 'echo', SERVER, String(PORT), String(seconds));
    const figures = { connection, echoP50: p50!, echoP99: p99!, wire };
    if (!segments) return figures;
    await setOffload(stage, true);
    return { ...figures, gso: await iperf(stage, seconds) };
  } finally {
    await setThreaded(gateway, false);
    await setOffload(stage, true);
    await server.stop();
  }
}

async function talk(from: Namespace, ...args: string[]): Promise<Readonly<Record<string, number>>> {
  return JSON.parse(await from.ask('taskset', '-c', '0', TALK, ...args)) as Record<string, number>;
}

/** Packets as on a wire: whole checksums, no segments beyond the MTU. */
async function setOffload({ lan, gateway, wan }: Stage, on: boolean): Promise<void> {
  const word = on ? 'on' : 'off';
  for (const [end, device] of [
    [lan, 'lan0'],
    [wan, 'wan0'],
  ] as const)
    await end.ask('ethtool', '-K', device, 'tx', word, 'tso', word, 'gso', word);
  for (const device of ['lan1', 'wan1']) await gateway.run(['ethtool', '-K', device, 'tso', word]); // a program in front of the peer may forbid it
}

/** Threads that work for the gateway's devices, on CPU 1. They are made anew each time. */
async function setThreaded(gateway: Namespace, on: boolean): Promise<string[]> {
  const before = new Set(listThreads());
  for (const device of ['lan1', 'wan1'])
    await gateway.ask('bash', '-c', `echo ${on ? 1 : 0} > /sys/class/net/${device}/threaded`);
  if (!on) return [];
  const threads = listThreads().filter((pid) => !before.has(pid));
  const all = threads.length > 0 ? threads : [...before];
  for (const pid of all) await execa('taskset', ['-cp', '1', pid]);
  return all;
}

function listThreads(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return /^napi\/(lan1|wan1)-/.test(readFileSync(`/proc/${pid}/comm`, 'utf8'));
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

/** ns that the threads have run. */
function timeOf(threads: readonly string[]): number {
  return threads.reduce((sum, pid) => sum + Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]), 0);
}

async function iperf({ lan, wan }: Stage, seconds: number): Promise<number> {
  const server = wan.start('taskset', '-c', '0', 'iperf3', '-s', '-1', '--forceflush', '-p', String(IPERF_PORT));
  await server.says(/listening/);
  const argv = ['taskset', '-c', '0', 'iperf3', '-c', SERVER, '-p', String(IPERF_PORT), '-t', String(seconds), '-J'];
  const { out } = await lan.run(argv, { limit: 60_000 });
  await server.stop();
  const report = JSON.parse(out) as { end?: { sum_received?: { bits_per_second: number } }; error?: string };
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  return (report.end?.sum_received?.bits_per_second ?? 0) / 1e9;
}
