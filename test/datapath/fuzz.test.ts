/** Short runs of the fuzzer with a seed that is always the same (MASQC_SEED for another); `npm run fuzz` runs longer. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { needs } from '../lab/skip.ts';
import { type FuzzResult, fuzz } from './fuzz/fuzz.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath6.bpf.o');

const seed = Number(process.env.MASQC_SEED ?? 1997);
const COMMON = ['MALFORMED', 'FORGED', 'STRAY', 'DENIED', 'REJECTED', 'FRAGMENT', 'UNTRANSLATED', 'WRONG_INTERFACE'];
const OF_FAMILY = { 4: ['IPV6', 'SOURCE_ROUTED'], 6: ['SOURCE_ROUTED', 'UNKNOWN_HEADER', 'TINY_FRAGMENT'] } as const;

for (const family of [4, 6] as const) {
  const test = suite(`mutated packets of IPv${family}, seed ${seed}`);
  let result: FuzzResult;

  test('are forwarded, passed and dropped by the same rules as good ones', async () => {
    result = await fuzz({ family, seed, packets: 40_000, seconds: 10 });
    console.log(`seed ${seed}: ${result.packets} packets of IPv${family}, ${result.perSecond} a second`);
    assert.is(result.findings, 0, result.output);
    assert.ok(result.transient <= result.packets / 5000);
    assert.ok(result.packets > 1000);
  });
  test('reach every verdict and most reasons to drop', () => {
    const expected = [
      'xdp_ingress 1',
      'xdp_ingress 2',
      'xdp_ingress 4',
      'tc_ingress -1',
      'tc_ingress 2',
      'tc_ingress 7',
    ];
    for (const verdict of [...expected, 'tc_egress -1', 'tc_egress 2']) assert.ok(result.verdicts[verdict], verdict);
    for (const reason of [...COMMON, ...OF_FAMILY[family]]) assert.ok(result.drops[`DROP_${reason}`], reason);
  });
  test.run();
}
