/**
 * Long runs of the fuzzer: `node test/datapath/fuzz.ts [--packets 1000000] [--seed N]`. Ends with 1 when something was
 * found; what is printed repeats it.
 */
import { parseArgs } from 'node:util';
import { needs } from '../lab/skip.ts';
import { fuzz } from './fuzz/fuzz.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
  },
});
const [packets, seed] = [Number(values.packets), Number(values.seed)];
if (!Number.isInteger(packets) || !Number.isInteger(seed) || packets < 1) {
  console.error('--packets and --seed take whole numbers');
  process.exit(1);
}
console.log(`seed ${seed}`);
const { findings } = await fuzz({ seed, packets, seconds: 0, print: (text) => process.stdout.write(text) });
process.exitCode = findings > 0 ? 1 : 0;
