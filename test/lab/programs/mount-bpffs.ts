/**
 * mount-bpffs.ts NAME: makes the pin directory NAME-1 as apply does and prints its path; on a line of its own, what
 * releasing the bpffs gives once that directory is gone. A refusal is printed with its exit code.
 */
import { rmdirSync } from 'node:fs';
import { Refusal } from '../../../runtime/cli/refusal.ts';
import { preparePins, releaseBpffs } from '../../../runtime/machine/bpffs.ts';

const [name = '', keep] = process.argv.slice(2);
try {
  const pins = await preparePins(name, 1);
  console.log(pins);
  if (keep !== 'keep') {
    rmdirSync(pins);
    console.log(await releaseBpffs());
  }
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.log(error.message);
  process.exitCode = 3;
}
