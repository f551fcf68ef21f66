/** A share of a long run: argv is SEED INPUTS; prints progress, and a last line of JSON. */
import { fuzzLanguage } from './fuzz.ts';

const [seed, inputs] = process.argv.slice(2).map(Number) as [number, number];
const fuzzed = fuzzLanguage(seed, inputs, (done) => console.error(`seed ${seed}: ${done} inputs`));
console.log(JSON.stringify(fuzzed));
