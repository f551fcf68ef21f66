/** One inside host floods: what `npm run flood` and `npm run reload` do, for a short time. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findFaults, printFlood, runFlood } from '../campaigns/flood/run.ts';
import { findReloadFaults, printReload, runReload } from '../campaigns/reload/run.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'btf');

const test = suite('a flood of one inside host');

test('takes no packet of the others, and no room from their new connections', async () => {
  const found = await runFlood(200_000);
  assert.equal(findFaults(found), [], printFlood(found));
});

test('ten reloads under it lose no packet, and no connection is decided by half a file', async () => {
  const found = await runReload(10);
  assert.equal(findReloadFaults(found), [], printReload(found));
});

test.run();
