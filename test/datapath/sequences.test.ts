/** The simulator and the eBPF programs agree on sequences of packets; `npm run differential` compares more of them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { compareGateway } from './sequences/compare.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const seed = Number(process.env.MASQC_SEED ?? 5);
const test = suite(`sequences of packets, seed ${seed}`);

test('the simulator says of each what the kernel does, and why', async () => {
  const { packets, seen, findings } = await compareGateway(seed, 1500);
  assert.equal(findings, []);
  assert.is(packets, 1500);
  for (const what of ['sent', 'dropped: denied', 'dropped: stray', 'dropped: wrong-interface', 'dropped: malformed']) {
    assert.ok((seen[what] ?? 0) > 0, `${what}: ${JSON.stringify(seen)}`);
  }
});

test.run();
