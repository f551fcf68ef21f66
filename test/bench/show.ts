/**
 * `npm run bench:show`: how long `masqc show connections` takes over a large table, until its first byte and until its
 * last, and how much memory it needs; beside it `conntrack -L` over as many connections of an nftables masquerade.
 *
 *   --flows N   (1000000)
 *   --json
 *
 * Ends with 1 when a connection is not listed, or a bound of masqc's own is missed (printed beside it).
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { GATEWAYS, MASQC } from './gateways.ts';
import { Stage } from './stage.ts';

/** For a million connections; s and MiB. */
const BOUNDS = { first: 0.3, all: 3, memory: 256 };

interface Listing {
  readonly name: string;
  readonly lines: number;
  /** s */
  readonly first: number;
  readonly all: number;
  /** Of the listing process at most, MiB. */
  readonly memory: number;
}

/** Runs a command to its end and reads what it prints. */
async function time(name: string, argv: readonly string[]): Promise<Listing> {
  const began = performance.now();
  const child = spawn(argv[0] ?? '', argv.slice(1), { stdio: ['ignore', 'pipe', 'ignore'] });
  let [lines, first, memory] = [0, 0, 0];
  const look = () => {
    const status = tolerate(() => readFileSync(`/proc/${child.pid}/status`, 'utf8'));
    memory = Math.max(memory, Number(/VmHWM:\s+(\d+)/.exec(status ?? '')?.[1] ?? 0) / 1024);
  };
  const watch = setInterval(look, 20);
  for await (const part of child.stdout as AsyncIterable<Buffer>) {
    if (first === 0) first = performance.now() - began;
    for (let at = part.indexOf(10); at >= 0; at = part.indexOf(10, at + 1)) lines += 1;
  }
  clearInterval(watch);
  return { name, lines, first: first / 1000, all: (performance.now() - began) / 1000, memory };
}

function tolerate<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null; // it has ended
  }
}

const { values: options } = parseArgs({
  options: { flows: { type: 'string', default: '1000000' }, json: { type: 'boolean', default: false } },
});
const flows = Number(options.flows);
const stage = await Stage.open();
const listings: Listing[] = [];
let made = 0;
try {
  for (const name of ['masqc', 'nft']) {
    const gateway = GATEWAYS.find((one) => one.name === name);
    if (gateway === undefined) throw new Error(`the bench has no gateway ${name}`);
    await gateway.setUp(stage, flows);
    try {
      const { arrived } = await stage.drive(flows, flows, false);
      if (name === 'masqc') {
        made = arrived;
        listings.push(await time('masqc show connections', stage.gateway.command([...MASQC, 'show', 'connections'])));
        listings.push(
          await time(
            'masqc show connections --json',
            stage.gateway.command([...MASQC, 'show', 'connections', '--json']),
          ),
        );
      } else {
        listings.push(await time('conntrack -L', stage.gateway.command(['conntrack', '-L'])));
      }
    } finally {
      await gateway.takeDown(stage);
    }
  }
} finally {
  await stage.close();
}

const findings: string[] = [];
for (const { name, lines, first, all, memory } of listings.filter((one) => one.name.startsWith('masqc'))) {
  const titles = name.includes('json') ? 0 : 2;
  if (lines - titles !== made) findings.push(`${name}: ${lines - titles} of ${made} connections`);
  if (flows > 1_000_000) continue;
  if (first > BOUNDS.first) findings.push(`${name}: the first byte after ${first.toFixed(2)} s (${BOUNDS.first})`);
  if (all > BOUNDS.all) findings.push(`${name}: ${all.toFixed(2)} s in all (${BOUNDS.all})`);
  if (memory > BOUNDS.memory) findings.push(`${name}: ${memory.toFixed(0)} MiB (${BOUNDS.memory})`);
}
if (options.json) {
  console.log(JSON.stringify({ schema: 'masqc/bench-show@1', flows: made, listings, findings }, null, 2));
} else {
  console.log(
    `${'listing'.padEnd(32)}${'lines'.padStart(10)}${'first byte'.padStart(12)}${'all'.padStart(10)}${'memory'.padStart(11)}`,
  );
  for (const { name, lines, first, all, memory } of listings) {
    const columns = [
      String(lines).padStart(10),
      `${first.toFixed(2)} s`.padStart(12),
      `${all.toFixed(2)} s`.padStart(10),
    ];
    console.log(name.padEnd(32) + columns.join('') + `${memory.toFixed(0)} MiB`.padStart(11));
  }
  for (const finding of findings) console.log(`missed: ${finding}`);
}
process.exitCode = findings.length > 0 ? 1 : 0;
