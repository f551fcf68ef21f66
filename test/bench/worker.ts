/**
 * The part of the bench that runs inside a namespace, as a process of its own:
 *
 *   worker.ts load PINS                         load generator and sinks, pin them in PINS
 *   worker.ts bare PINS PROGRAM DEVICE FLOWS    attach a bare translating program (its flows known beforehand)
 *   worker.ts attach PINS PROGRAM DEVICE        attach a pinned XDP program
 *   worker.ts detach PINS DEVICE                take off what `attach` or `bare` put there
 *   worker.ts run PINS DEVICE ORDER             drive the gateway; ORDER and the answer are JSON
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { attachTcx, attachXdp, BpfMap, BpfObject, BpfProgram, ifindexOf } from '../../native/lib/libbpf.ts';
import { HOSTS, LAN_HOST0, PORT0, PORTS, SERVICE, WAN_HOST0 } from './flows.ts';
import type { Answer, Order } from './order.ts';

const OBJECT = join(import.meta.dirname, '../../build/bench/traffic.bpf.o');
const PINNED = ['generate', 'sink_outer', 'sink_inner', 'drop', 'bare_cable'];
const BARE = ['bare_kept', 'bare_fib', 'bare_first', 'bare_tc'];

async function load(pins: string): Promise<void> {
  const object = BpfObject.open(OBJECT);
  for (const name of BARE) object.setAutoload(name, false);
  await object.load();
  for (const name of PINNED) object.program(name).pin(join(pins, name));
  for (const name of ['settings', 'outer', 'inner', 'latency']) object.map(name).pin(join(pins, name));
}

/** The forward entries of the flows 0..count-1, as `flow_tuple` in traffic.bpf.c makes them. */
function* entriesOf(count: number, outside: number, key: number, value: number): Generator<[Uint8Array, Uint8Array]> {
  for (let number = 0; number < count; number++) {
    const k = new DataView(new ArrayBuffer(key));
    const v = new DataView(new ArrayBuffer(value));
    k.setUint32(0, LAN_HOST0 + (number % HOSTS));
    k.setUint32(4, WAN_HOST0 + (Math.floor(number / PORTS) % HOSTS));
    k.setUint16(8, PORT0 + (number % PORTS));
    k.setUint16(10, SERVICE);
    v.setUint32(0, outside);
    v.setUint16(4, PORT0 + (number % PORTS));
    yield [new Uint8Array(k.buffer), new Uint8Array(v.buffer)];
  }
}

async function attachBare(pins: string, name: string, device: string, flows: number): Promise<void> {
  const settings = BpfMap.openPinned(join(pins, 'settings'));
  const object = BpfObject.open(OBJECT);
  for (const program of [...PINNED, ...BARE]) object.setAutoload(program, program === name);
  object.reuseMap('settings', settings);
  const first = name === 'bare_first';
  object.map('bare_flows').setMaxEntries(first ? 4_000_000 : Math.max(1024, Math.ceil(flows * 1.125)));
  await object.load();
  const map = object.map('bare_flows');
  const { keySize, valueSize } = map.info();
  const outside = readSettings(settings).outside as number;
  if (!first) await map.setMany(entriesOf(flows, outside, keySize, valueSize));
  const program = object.program(name);
  const ifindex = ifindexOf(device);
  const link = await (name === 'bare_tc' ? attachTcx(program, ifindex, 'ingress') : attachXdp(program, ifindex));
  link.pin(join(pins, `link-${device}`));
}

async function attach(pins: string, name: string, device: string): Promise<void> {
  const link = await attachXdp(BpfProgram.openPinned(join(pins, name)), ifindexOf(device));
  link.pin(join(pins, `link-${device}`));
}

function detach(pins: string, device: string): void {
  const pin = join(pins, `link-${device}`);
  if (existsSync(pin)) rmSync(pin);
}

type Settings = Record<string, unknown>;
function readSettings(map: BpfMap): Settings {
  const bytes = map.get(0);
  if (!(bytes instanceof Uint8Array)) throw new Error('settings are gone');
  return map.codec().value.decode(bytes) as Settings;
}

/** traffic.bpf.c */
const LATENCY_UNIT = 50;
const LATENCIES = 8192;

function clearLatency(pins: string): void {
  const map = BpfMap.openPinned(join(pins, 'latency'));
  for (let unit = 0; unit < LATENCIES; unit++) map.set(unit, new Uint8Array(8));
}

/** µs below which a share of the timed packets was under way. */
function readLatency(pins: string): (share: number) => number {
  const map = BpfMap.openPinned(join(pins, 'latency'));
  const counts = Array.from({ length: LATENCIES }, (_, unit) => {
    return Number(new DataView((map.get(unit) as Uint8Array).slice().buffer).getBigUint64(0, true));
  });
  const all = counts.reduce((sum, count) => sum + count, 0);
  return (share) => {
    let seen = 0;
    const unit = counts.findIndex((count) => {
      seen += count;
      return seen > all * share;
    });
    return Math.max(unit + 1, 0) * (LATENCY_UNIT / 1000);
  };
}

async function run(pins: string, device: string, order: Order): Promise<Answer> {
  const settings = BpfMap.openPinned(join(pins, 'settings'));
  const outer = BpfMap.openPinned(join(pins, 'outer'));
  const inner = BpfMap.openPinned(join(pins, 'inner'));
  for (const map of [outer, inner]) map.set(0, new Uint8Array(map.info().valueSize));
  if (order.interval > 0) clearLatency(pins);
  const { packets, ...change } = order;
  settings.set(0, settings.codec().value.encode({ ...readSettings(settings), ...change } as never));
  const generate = BpfProgram.openPinned(join(pins, 'generate'));
  const before = process.cpuUsage();
  await generate.testRun({
    data: new Uint8Array(64),
    context: { ingressIfindex: ifindexOf(device) },
    live: true,
    repeat: packets,
    batchSize: order.interval > 0 ? 8 : 64,
  });
  const { user, system } = process.cpuUsage(before);
  const counts = (map: BpfMap) => map.codec().value.decode(map.get(0) as Uint8Array) as Record<string, bigint>;
  const [out, back] = [counts(outer), counts(inner)];
  const within = order.interval > 0 ? readLatency(pins) : () => 0;
  return {
    sent: packets,
    ns: (user + system) * 1000,
    arrived: Number(out.packets),
    translated: Number(out.translated),
    answered: Number(back.packets),
    bad: Number(out.bad_checksum) + Number(back.bad_checksum),
    p50: within(0.5),
    p99: within(0.99),
  };
}

const [verb, pins, ...rest] = process.argv.slice(2) as [string, string, ...string[]];
switch (verb) {
  case 'load':
    await load(pins);
    break;
  case 'bare':
    await attachBare(pins, rest[0]!, rest[1]!, Number(rest[2]));
    break;
  case 'attach':
    await attach(pins, rest[0]!, rest[1]!);
    break;
  case 'detach':
    detach(pins, rest[0]!);
    break;
  case 'run':
    console.log(JSON.stringify(await run(pins, rest[0]!, JSON.parse(rest[1]!) as Order)));
    break;
  default:
    throw new Error(`worker.ts does not know ${verb}`);
}
