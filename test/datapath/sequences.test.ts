/** The simulator and the eBPF programs agree on sequences of packets; `npm run differential` compares more of them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { compareGateway } from './sequences/compare.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath6.bpf.o');

const seed = Number(process.env.MASQC_SEED ?? 103);
const test = suite(`sequences of packets, seed ${seed}`);

test('the simulator says of each what the kernel does, and why', async () => {
  const all: Record<string, number> = {};
  for (const gateway of [seed, seed + 1]) {
    const { packets, seen, findings } = await compareGateway(gateway, 300);
    assert.equal(findings, []);
    assert.is(packets, 300);
    for (const [what, count] of Object.entries(seen)) all[what] = (all[what] ?? 0) + count;
  }
  const reasons = ['denied', 'stray', 'wrong-interface', 'malformed', 'forged', 'limited'];
  const words = ['IPv4', 'IPv6', 'XDP', 'sent', 'to the gateway', 'error sent', 'error dropped: stray'];
  for (const what of [...words, ...reasons.map((reason) => `dropped: ${reason}`)]) {
    assert.ok((all[what] ?? 0) > 0, `${what}: ${JSON.stringify(all)}`);
  }
});

test.run();
