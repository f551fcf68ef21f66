/**
 * `npm run flood`: one inside host sends SYNs from random ports to random servers as fast as it can; the established flows of the
 * others keep every packet, and their new ones are made.
 *
 *   npm run flood                      10,000,000 SYNs
 *   npm run flood -- --packets N
 *
 * Ends with 1 where a packet of an established flow is lost, a new flow of the others is not made, or memory grows.
 */
import { parseArgs } from 'node:util';
import { needs } from '../lab/skip.ts';
import { findFaults, printFlood, runFlood } from './flood/run.ts';

needs('root', 'linux', 'btf');

const { values } = parseArgs({ options: { packets: { type: 'string', default: '10000000' } } });
const packets = Number(values.packets);
if (!Number.isSafeInteger(packets) || packets < 1) throw new Error(`--packets ${values.packets} is not a number`);
const found = await runFlood(packets);
console.log(printFlood(found));
const faults = findFaults(found);
for (const fault of faults) console.log(`✘ ${fault}`);
process.exit(faults.length === 0 ? 0 : 1);
