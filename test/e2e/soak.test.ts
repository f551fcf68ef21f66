/** What `npm run soak` does, for a short time, with an entry left in the flow table on purpose: it finds that and nothing else. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { printSoak } from '../campaigns/soak/print.ts';
import { runSoak } from '../campaigns/soak/run.ts';
import { needs } from '../lab/skip.ts';

needs('root', 'linux', 'btf');

const test = suite('a short soak');

test('ends with empty tables, memory as before and nothing left, but for what was leaked', async () => {
  const lines: string[] = [];
  const print = (line: string): void => {
    lines.push(line);
  };
  const found = await runSoak({ seconds: 6, applyEvery: 2, lineEvery: 2, leak: true, print });
  assert.equal(found.faults, ['left behind: 1 entries of flows in flows4'], printSoak(found));
  assert.is(found.emptyAfter, null);
  assert.ok(/connections of IPv4/.test(lines[0] ?? ''), lines.join('\n'));
  for (const [kind, { tried }] of Object.entries(found.counts)) assert.ok(tried > 0, kind);
  assert.is(Object.keys(found.counts).length, 11);
});

test.run();
