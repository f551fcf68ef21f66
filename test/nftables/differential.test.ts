/** Rulesets in the kernel do what the simulator says, with packets on the wire. `MASQC_SEED`, `MASQC_GATEWAYS` give more. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { compareGateway } from './compare.ts';
import { Laboratory } from './laboratory.ts';

needs('linux', 'root');

const seed = Number(process.env.MASQC_SEED ?? 7);
const gateways = Number(process.env.MASQC_GATEWAYS ?? 40);
const test = suite(`rulesets and packets, seed ${seed}`);
const laboratory = await Laboratory.open();

test('what becomes of first packets is what the simulator says', async () => {
  const seen: Record<string, number> = {};
  for (let i = 0; i < gateways; i++) {
    const compared = await compareGateway(laboratory, seed * 1000 + i, 200);
    assert.equal(compared.findings.slice(0, 3), []);
    for (const [what, count] of Object.entries(compared.seen)) seen[what] = (seen[what] ?? 0) + count;
  }
  for (const what of ['denied', 'rejected', 'allowed', 'masqueraded', 'redirected', 'mapped', 'let be']) {
    assert.ok((seen[what] ?? 0) > 0, `${what}: ${JSON.stringify(seen)}`);
  }
});

test.after(() => laboratory.close());
test.run();
