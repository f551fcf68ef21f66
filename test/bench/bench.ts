/**
 * `npm run bench`: masqc beside nftables and bare eBPF programs, interleaved, in network namespaces.
 *
 *   --rounds N   (3)      the median of N interleaved rounds
 *   --only WORDS          gateways whose name holds one of these words, e.g. --only masqc,nft
 *   --rows WORDS          kinds of rows: established, first, many (10,000 lines, 100,000 blocked prefixes), latency, connections
 *   --json                one document instead of the table
 *   --quick               one short round: does everything run?
 */
import { parseArgs } from 'node:util';
import { measureConnections } from './connections.ts';
import { ALL_FLOWS } from './flows.ts';
import { FLOOR, GATEWAYS, type Gateway, type RowKind } from './gateways.ts';
import { Stage } from './stage.ts';
import { type Measured, renderTable, summarize } from './table.ts';
import { type Latency, renderTimed, summarizeTimed, type Timed } from './ways.ts';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    rows: { type: 'string', default: 'established,first,many,latency,connections' },
    json: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});
const rounds = options.quick ? 1 : Number(options.rounds);
const packets = options.quick ? 200_000 : 2_000_000;
const firstPackets = options.quick ? 50_000 : 300_000;
const ESTABLISHED = [1, 1_000, 100_000];

const say = (line: string) => {
  if (!options.json) process.stderr.write(`${line}\n`);
};

async function measureEstablished(stage: Stage, gateway: Gateway, flows: number, round: number): Promise<Measured> {
  await gateway.setUp(stage, flows);
  try {
    if (gateway !== FLOOR) {
      const warm = await stage.drive(flows, flows * 2 + 64, true);
      if (warm.bad > 0) throw new Error(`${gateway.name}: ${warm.bad} wrong checksums`);
    }
    const answer = await stage.drive(flows, packets, false, 0, gateway.partial);
    return { gateway: gateway.name, flows, round, ...answer };
  } finally {
    await gateway.takeDown(stage);
  }
}

async function measureFirst(stage: Stage, gateway: Gateway, round: number): Promise<Measured> {
  await gateway.setUp(stage, ALL_FLOWS);
  try {
    const answer = await stage.drive(ALL_FLOWS, firstPackets, false);
    return { gateway: gateway.name, flows: 'first', round, ...answer };
  } finally {
    await gateway.takeDown(stage);
  }
}

const PACE = 2500; // ns: 400,000 packets a second

async function measureTimed(stage: Stage, gateway: Gateway, seconds: number): Promise<Timed> {
  await gateway.setUp(stage, 1000);
  try {
    const asks = (row: RowKind) => kinds.has(row) && gateway.rows.includes(row);
    let latency: Latency | null = null;
    if (asks('latency')) {
      await stage.drive(1000, 2064, true);
      latency = await stage.drive(1000, 400_000 * seconds, false, PACE);
    }
    return {
      gateway: gateway.name,
      latency: latency && { p50: latency.p50, p99: latency.p99 },
      connections: asks('connections') ? await measureConnections(stage, seconds, gateway.frames !== 'whole') : null,
    };
  } finally {
    await gateway.takeDown(stage);
  }
}

const kinds = new Set(options.rows.split(','));
if (options.quick) kinds.delete('many');
const seconds = options.quick ? 1 : 3;
const words = options.only.split(',').filter((word) => word !== '');
const chosen = GATEWAYS.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
const stage = await Stage.open();
const results: Measured[] = [];
const timed: Timed[] = [];
try {
  for (let round = 1; round <= rounds; round++) {
    say(`round ${round} of ${rounds}`);
    results.push(await measureEstablished(stage, FLOOR, 1000, round));
    for (const flows of kinds.has('established') ? ESTABLISHED : [])
      for (const gateway of chosen)
        if (gateway.rows.includes('established')) results.push(await measureEstablished(stage, gateway, flows, round));
    for (const gateway of chosen) {
      const asksFirst = kinds.has('first') && gateway.rows.includes('first');
      const isMany = kinds.has('many') && gateway.rows.includes('many');
      if (asksFirst || isMany) results.push(await measureFirst(stage, gateway, round));
      if (isMany) results.push(await measureEstablished(stage, gateway, 1000, round));
    }
    for (const gateway of chosen)
      if (['latency', 'connections'].some((row) => kinds.has(row) && gateway.rows.includes(row as RowKind)))
        timed.push(await measureTimed(stage, gateway, seconds));
  }
} finally {
  await stage.close();
}
const summary = summarize(results, chosen);
const ways = summarizeTimed(timed);
if (options.json) {
  console.log(JSON.stringify({ ...summary, timed: ways }, null, 2));
} else {
  if (summary.rows.length > 0) console.log(renderTable(summary));
  if (ways.length > 0) console.log(renderTimed(ways));
}
const wrong = summary.rows.filter((row) => row.lost > 0.01 || row.untranslated > 0);
for (const row of wrong)
  say(`${row.gateway}, ${row.flows} flows: ${row.lost} of the packets lost, ${row.untranslated} untranslated`);
process.exitCode = wrong.length > 0 ? 1 : 0;
