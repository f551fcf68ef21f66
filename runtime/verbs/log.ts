import type { Manifest, ManifestRule } from '../../compiler/artifact/manifest.ts';
import type { BtfRecord } from '../../native/lib/libbpf.ts';
import { EXIT, type ExitCode } from '../cli/exit.ts';
import type { Io } from '../cli/io.ts';
import type { Options } from '../cli/verb.ts';
import { takeLock } from '../machine/lock.ts';
import { RUN } from '../machine/paths.ts';
import { readKeptManifest } from '../machine/state.ts';
import { describeEvent, type EventNames, renderEvent } from '../show/event.ts';
import { findRunning, type Running } from '../show/find.ts';
import { readLosses } from '../show/rules.ts';

/** How often a reader that follows looks whether events were lost. */
const LOOK_MS = 5000;

/** `masqc log [-f]`: takes events out of the kernel's ring and prints them. What one reader has taken no other sees. */
export async function run(_: readonly string[], options: Options, io: Io): Promise<ExitCode> {
  const running = await findRunning(true);
  const lock = await takeLock(`${RUN}/${running.state.netns}.log.lock`, 'log', 0);
  const stop = new AbortController();
  const end = () => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  try {
    await printEvents(running, options.follow === true, options.json === true, stop.signal, io);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
    lock.release();
  }
  return EXIT.fine;
}

async function printEvents(running: Running, follow: boolean, asJson: boolean, signal: AbortSignal, io: Io) {
  const { libbpf, pins } = running;
  using map = libbpf.BpfMap.openPinned(`${pins}/events`);
  const { readDatapath } = await import('../apply/datapath.ts');
  const { btf } = readDatapath();
  const codec = libbpf.makeCodec(btf, btf.find('event', 'struct') ?? 0);
  const names = makeNames(running, btf.enumValues('event_kind') ?? new Map());
  const losses = makeLosses(running, io);
  const timer = follow ? setInterval(losses, LOOK_MS) : null;
  timer?.unref();
  try {
    for await (const bytes of map.records({ follow, signal })) {
      const event = describeEvent(codec.decode(bytes) as BtfRecord, names);
      await io.out(asJson ? `${JSON.stringify(event)}\n` : renderEvent(event));
      if (!io.isRead()) break;
    }
  } finally {
    if (timer !== null) clearInterval(timer);
    losses();
  }
}

function makeNames({ libbpf, state }: Running, kinds: ReadonlyMap<string, bigint>): EventNames {
  const known = new Map<number, readonly ManifestRule[]>();
  const rulesOf = (generation: number): readonly ManifestRule[] => {
    const before = known.get(generation);
    if (before !== undefined) return before;
    const text = readKeptManifest(state.gateway, state.netns, generation);
    const rules = text === null ? [] : (JSON.parse(text) as Manifest).rules;
    if (text !== null) known.set(generation, rules);
    return rules;
  };
  const devices = new Map(state.interfaces.map(({ ifindex, name }) => [ifindex, name]));
  const epoch = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
  return {
    kinds: new Map([...kinds].map(([name, value]) => [Number(value), name.replace('EVENT_', '').toLowerCase()])),
    rule: (generation, rule) => rulesOf(generation)[rule - 1] ?? null,
    device: (ifindex) => devices.get(ifindex) ?? libbpf.interfaceName(ifindex) ?? String(ifindex),
    wallTime: (monotonic) => Number((monotonic + epoch) / 1_000_000n),
  };
}

/** Says on standard error which lines have events that are not in what was printed, whenever there are more. */
function makeLosses(running: Running, io: Io): () => void {
  const said = new Map<string, string>();
  return () => {
    for (const { file, line, owner, heldBack, lost } of readLosses(running)) {
      const place = `${file}:${line} ${owner}`;
      const text = `${heldBack} events held back by their rate, ${lost} lost because nobody read them in time`;
      if (said.get(place) === text) continue;
      said.set(place, text);
      io.err(`masqc log: ${place}: ${text} (since the line is there)\n`);
    }
  };
}
