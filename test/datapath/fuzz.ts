/**
 * Long runs of the fuzzer: `npm run fuzz -- [--packets 1000000] [--family 4|6|both] [--workers N] [--seed N]`. The packets
 * are shared out among the families and workers; the seed of a worker is the one given and its number, and repeats it
 * (`--workers 1 --family F --seed S`). Ends with 1 when something was found; what is printed repeats it.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { needs } from '../lab/skip.ts';
import { fuzz } from './fuzz/fuzz.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath6.bpf.o');

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '1000000' },
    family: { type: 'string', default: 'both' },
    workers: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
  },
});
const [packets, workers, seed] = [Number(values.packets), Number(values.workers), Number(values.seed)];
const families = values.family === 'both' ? ([4, 6] as const) : ([Number(values.family)] as (4 | 6)[]);
if (![packets, workers, seed].every(Number.isInteger) || packets < 1 || workers < 1) {
  console.error('--packets, --workers and --seed take whole numbers');
  process.exit(1);
}
if (families.some((family) => family !== 4 && family !== 6)) {
  console.error('--family takes 4, 6 or both');
  process.exit(1);
}

/** One family after the other, so that no more workers run than are asked for. */
async function work(number: number): Promise<{ packets: number; findings: number }> {
  let [done, findings] = [0, 0];
  for (const family of families) {
    const share = Math.ceil(packets / workers / families.length);
    const name = `IPv${family}, seed ${seed + number}: `;
    const print = (text: string): boolean => process.stdout.write(text.replaceAll(/^(?=.)/gm, name));
    const result = await fuzz({ family, seed: seed + number, packets: share, seconds: 0, print });
    done += result.packets;
    findings += result.findings;
  }
  return { packets: done, findings };
}

const start = performance.now();
const results = await Promise.all(Array.from({ length: workers }, (_, number) => work(number)));
const total = (what: 'packets' | 'findings'): number => results.reduce((sum, result) => sum + result[what], 0);
const seconds = (performance.now() - start) / 1000;
console.log(
  `${total('packets')} packets, ${total('findings')} findings, ${Math.round(total('packets') / seconds)} packets/s, seed ${seed}`,
);
process.exitCode = total('findings') > 0 ? 1 : 0;
