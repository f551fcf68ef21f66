/**
 * The simulator beside the eBPF programs, longer than the tests do: `npm run differential -- [--cases 100000] [--seed N]
 * [--workers N]`. A case is a packet after those before it, of generated gateways. Ends with 1 when they differ;
 * what is printed says the seed of the gateway.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { needs } from '../lab/skip.ts';
import { type Compared, compareGateway } from './sequences/compare.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

/** So that no table fills up: what then happens is fairness among sources, which the simulator does not know. */
const CASES_OF_GATEWAY = 2_500;

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '100000' },
    workers: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
});
const [cases, workers, seed] = [Number(values.cases), Number(values.workers), Number(values.seed)];
if (![cases, workers, seed].every(Number.isInteger) || cases < 1 || workers < 1) {
  console.error('--cases, --workers and --seed take whole numbers');
  process.exit(1);
}

const start = performance.now();
const gateways = Array.from({ length: Math.ceil(cases / CASES_OF_GATEWAY) }, (_, i) => seed + i);
const share = Math.ceil(cases / gateways.length);
const results: Compared[] = [];
async function work(): Promise<void> {
  for (let next = gateways.shift(); next !== undefined; next = gateways.shift()) {
    const result = await compareGateway(next, share);
    for (const finding of result.findings) console.log(finding);
    results.push(result);
  }
}
await Promise.all(Array.from({ length: workers }, work));

const seen: Record<string, number> = {};
for (const one of results) for (const [what, count] of Object.entries(one.seen)) seen[what] = (seen[what] ?? 0) + count;
const findings = results.flatMap((one) => one.findings).length;
const compared = results.reduce((sum, { packets }) => sum + packets, 0);
const seconds = Math.round((performance.now() - start) / 1000);
console.log(JSON.stringify(seen));
console.log(`${compared} cases, ${findings} differences, ${seconds} s, seed ${seed}`);
process.exitCode = findings > 0 ? 1 : 0;
