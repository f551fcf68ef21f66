/**
 * `npm run soak`: random flows of every kind and both families through a gateway, with an apply every 20 seconds; then all
 * tables must be empty, memory as before, and nothing left behind.
 *
 *   npm run soak                     an hour
 *   npm run soak -- --minutes N
 *   npm run soak -- --leak           with an entry that is left in the flow table on purpose: ends with 1
 */
import { parseArgs } from 'node:util';
import { needs } from '../lab/skip.ts';
import { printSoak } from './soak/print.ts';
import { runSoak } from './soak/run.ts';

needs('root', 'linux', 'btf');

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, leak: { type: 'boolean', default: false } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes ${values.minutes} is not a number above 0`);
const found = await runSoak({
  seconds: minutes * 60,
  applyEvery: 20,
  lineEvery: 60,
  leak: values.leak,
  print: (line) => console.log(line),
});
console.log(printSoak(found));
process.exit(found.faults.length === 0 ? 0 : 1);
