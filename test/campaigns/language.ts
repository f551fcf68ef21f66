/**
 * `npm run fuzz:language`: damaged gateway files through the parser, the checker and the formatter.
 *
 *   npm run fuzz:language                                       1,000,000 files
 *   npm run fuzz:language -- --inputs N --workers W --seed S    the seed of a worker is S and its number
 *
 * Ends with 1 where one crashed them, took too long, or was answered by a diagnostic that points nowhere.
 */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import type { Fuzzed } from '../compiler/fuzz/fuzz.ts';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    workers: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
  },
});
const [inputs, workers, seed] = [Number(values.inputs), Number(values.workers), Number(values.seed)];
if (![inputs, workers, seed].every(Number.isInteger) || inputs < 1 || workers < 1)
  throw new Error('--inputs, --workers and --seed take whole numbers');
const WORKER = join(import.meta.dirname, '../compiler/fuzz/worker.ts');

const start = performance.now();
const results = await Promise.all(
  Array.from({ length: workers }, async (_, number) => {
    const argv = [WORKER, String(seed + number), String(Math.ceil(inputs / workers))];
    const { stdout } = await execa(process.execPath, argv, { stderr: 'inherit', maxBuffer: 2 ** 28 });
    return { seed: seed + number, ...(JSON.parse(stdout) as Fuzzed) };
  }),
);
for (const result of results)
  for (const { number, problem, text } of result.findings.slice(0, 5))
    console.log(`✘ seed ${result.seed}, input ${number}: ${problem}\n${JSON.stringify(text)}`);
const sum = (of: (one: Fuzzed) => number) => results.reduce((all, one) => all + of(one), 0);
const found = sum(({ findings }) => findings.length);
console.log(
  `${sum((one) => one.inputs)} files in ${Math.round((performance.now() - start) / 1000)} s, ${sum((one) => one.accepted)} without error, ` +
    `the slowest ${Math.round(Math.max(...results.map((one) => one.slowest)))} ms, ${found} findings, seed ${seed}`,
);
process.exitCode = found > 0 ? 1 : 0;
