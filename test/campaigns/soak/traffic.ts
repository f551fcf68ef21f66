/**
 * Random flows of one host: traffic.ts JSON, see Task. Runs until a line comes by standard input, lets what is under way come
 * to its end, and prints `result {…}`: how many of each kind were tried and failed. A kind that nobody answers can't fail.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface Task {
  /** Own addresses of each family, which flows come from in turn; with none: what the kernel chooses. */
  readonly from: readonly (readonly [string, ...string[]])[] | null;
  /** For each family: who answers, and who never does. */
  readonly to: readonly (readonly [answers: string, silent: string])[];
  /** That answer; `closed` does not. */
  readonly tcp: number;
  readonly udp: number;
  readonly closed: number;
  readonly ping: boolean;
  /** Flows a second. */
  readonly rate: number;
}
export type Counts = Record<string, { tried: number; failed: number }>;

const ANSWER_MS = 20_000;
/** Longer than the gateway's timeouts. */
const ABANDONED_MS = 6_500;
const task = JSON.parse(process.argv[2] ?? '') as Task;
const counts: Counts = {};
const pending = new Set<Promise<void>>();
const below = (limit: number): number => Math.floor(Math.random() * limit);
const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;

interface Way {
  readonly from: string | undefined;
  readonly answers: string;
  readonly silent: string;
}

function open(address: string, port: number, from: string | undefined): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, ...(from === undefined ? {} : { localAddress: from }) });
    const timer = setTimeout(() => socket.destroy(), ANSWER_MS);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(timer);
      resolve(null);
    });
    socket.once('connect', () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}
/** Sends `bytes`; whether they all came back. */
function echo(socket: Socket, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    let size = 0;
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      socket.removeListener('data', take);
      resolve(answered && Buffer.concat(parts).equals(bytes));
    };
    const take = (part: Buffer): void => {
      parts.push(part);
      size += part.length;
      if (size >= bytes.length) end(true);
    };
    const timer = setTimeout(() => end(false), ANSWER_MS);
    socket.on('data', take);
    socket.once('close', () => end(false));
    socket.write(bytes);
  });
}
async function talk(way: Way, bytes: number, leave: (socket: Socket) => unknown): Promise<boolean> {
  const socket = await open(way.answers, task.tcp, way.from);
  if (socket === null) return false;
  const fine = await echo(socket, randomBytes(bytes));
  await leave(socket);
  return fine;
}
function datagrams(way: Way, to: string, port: number, sizes: readonly number[], wait: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(to.includes(':') ? 'udp6' : 'udp4');
    const sent = sizes.map((size) => randomBytes(size));
    const left = new Set(sent.map((bytes) => bytes.toString('latin1')));
    const end = (): void => {
      clearTimeout(timer);
      socket.close();
      resolve(left.size === 0);
    };
    const timer = setTimeout(end, wait);
    socket.on('error', () => undefined);
    socket.on('message', (bytes) => {
      left.delete(bytes.toString('latin1'));
      if (left.size === 0) end();
    });
    socket.bind(0, way.from, () => {
      for (const bytes of sent) socket.send(bytes, port, to);
    });
  });
}
function ping(way: Way, size: number): Promise<boolean> {
  return new Promise((resolve) => {
    const own = way.from === undefined ? [] : ['-I', way.from];
    const child = spawn('ping', ['-c', '1', '-W', '10', '-s', String(size), ...own, way.answers], { stdio: 'ignore' });
    child.once('close', (code) => resolve(code === 0));
    child.once('error', () => resolve(false));
  });
}

type Kind = (way: Way) => Promise<boolean>;
const unanswered =
  (kind: Kind): Kind =>
  async (way) => {
    await kind(way);
    return true;
  };
const KINDS: Readonly<Record<string, Kind>> = {
  exchanged: (way) => talk(way, 1 + below(40_000), (socket) => socket.end()),
  'sent bit by bit': (way) =>
    talk(way, 100, async (socket) => {
      for (let n = 0; n < 6; n++) {
        await pause(500);
        if (!(await echo(socket, randomBytes(1 + below(3000))))) break;
      }
      socket.end();
    }),
  reset: (way) => talk(way, 1 + below(2000), (socket) => socket.resetAndDestroy()),
  abandoned: (way) =>
    talk(way, 1 + below(2000), async (socket) => {
      await pause(ABANDONED_MS);
      socket.resetAndDestroy();
    }),
  'refused by TCP': unanswered(async (way) => (await open(way.answers, task.closed, way.from)) !== null),
  'never accepted': unanswered(async (way) => {
    const socket = connect({
      host: way.silent,
      port: task.tcp,
      ...(way.from === undefined ? {} : { localAddress: way.from }),
    });
    socket.on('error', () => undefined);
    await pause(1500);
    socket.destroy();
    return true;
  }),
  datagrams: (way) =>
    datagrams(
      way,
      way.answers,
      task.udp,
      Array.from({ length: 1 + below(5) }, () => 9 + below(1300)),
      5000,
    ),
  'in pieces': (way) => datagrams(way, way.answers, task.udp, [2000 + below(5000)], 5000),
  'refused by UDP': unanswered((way) => datagrams(way, way.answers, task.closed, [100], 300)),
  'never answered': unanswered((way) => datagrams(way, way.silent, task.udp, [100, 1000, 3000], 300)),
  ...(task.ping ? { echoes: (way: Way) => ping(way, pick([8, 56, 1000, 3000])) } : {}),
};
/** A process each: fewer of them. */
const names = Object.keys(KINDS).flatMap((name) => (name === 'echoes' ? [name] : [name, name, name]));

let over = false;
process.stdin.once('data', () => {
  over = true;
});
console.log('ready');
while (!over) {
  const family = below(task.to.length);
  const [answers = '', silent = ''] = task.to[family] ?? [];
  const from = task.from === null ? undefined : pick(task.from[family] ?? ['']);
  const name = pick(names);
  counts[name] ??= { tried: 0, failed: 0 };
  const count = counts[name];
  count.tried += 1;
  const run = (KINDS[name] as Kind)({ from, answers, silent })
    .catch(() => false)
    .then((fine) => {
      if (!fine) count.failed += 1;
    });
  pending.add(run);
  void run.then(() => pending.delete(run));
  await pause(1000 / task.rate);
}
while (pending.size > 0) await Promise.all(pending);
console.log(`result ${JSON.stringify(counts)}`);
process.exit(0);
