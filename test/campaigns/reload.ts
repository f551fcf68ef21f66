/**
 * `npm run reload`: two files that differ take turns under a flood of new and established packets; no packet of an established
 * connection is lost, and no connection is decided half by one and half by the other.
 *
 *   npm run reload                   1,000 applies
 *   npm run reload -- --applies N
 *
 * Ends with 1 where that did not hold.
 */
import { parseArgs } from 'node:util';
import { needs } from '../lab/skip.ts';
import { findReloadFaults, printReload, runReload } from './reload/run.ts';

needs('root', 'linux', 'btf');

const { values } = parseArgs({ options: { applies: { type: 'string', default: '1000' } } });
const applies = Number(values.applies);
if (!Number.isSafeInteger(applies) || applies < 2)
  throw new Error(`--applies ${values.applies} is not a number of at least 2`);
const found = await runReload(applies);
console.log(printReload(found));
const faults = findReloadFaults(found);
for (const fault of faults) console.log(`✘ ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
