/** Outlines of large sets: a bit for each /24 that the set has a part of, whatever the prefixes look like. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareOutlines, drawOutline } from '../../compiler/artifact/outline.ts';
import { packTable } from '../../compiler/artifact/prefixes.ts';
import { isOutlined } from '../../compiler/ebpf/policy-maps.ts';
import type { AddressSet } from '../../compiler/model.ts';
import { addresses } from './diagram/models.ts';

const outlines = suite('outlines of sets');

const ranges = fc
  .array(fc.tuple(fc.nat(0xffff_ffff), fc.oneof(fc.nat(300), fc.nat(0x00ff_ffff))), { maxLength: 8 })
  .map((all): AddressSet => {
    return { v4: all.map(([first, length]) => ({ first, last: Math.min(first + length, 0xffff_ffff) })), v6: [] };
  });
const bitOf = (outline: Uint8Array, address: number) => ((outline[address >>> 11] ?? 0) >> ((address >>> 8) & 7)) & 1;
const touches = ({ v4 }: AddressSet, address: number) => {
  const [first, last] = [((address >>> 8) << 8) >>> 0, (address | 255) >>> 0];
  return v4.some((range) => range.first <= last && range.last >= first);
};

outlines('a bit is set if and only if the set has an address of that /24', () => {
  fc.assert(
    fc.property(ranges, fc.array(fc.nat(0xffff_ffff), { minLength: 50, maxLength: 50 }), (set, others) => {
      const outline = drawOutline(packTable(set));
      const near = set.v4.flatMap(({ first, last }) => [first - 1, first, first + 256, last - 256, last, last + 1]);
      for (const address of [...near, ...others].map((one) => one >>> 0))
        assert.is(bitOf(outline, address), touches(set, address) ? 1 : 0, `${address}`);
    }),
    { numRuns: 60 },
  );
});

outlines('of two sets says what either says; all addresses, and IPv6, which has none', () => {
  const [a, b] = ['10.0.0.0/8', '192.0.2.77'].map((one) => packTable(addresses(one)));
  const both = drawOutline(a ?? new Uint8Array(), b ?? new Uint8Array());
  assert.equal(both, drawOutline(packTable(addresses('10.0.0.0/8', '192.0.2.77'))));
  assert.ok(drawOutline(packTable(addresses('0.0.0.0/0'))).every((byte) => byte === 0xff));
  assert.ok(drawOutline(packTable(addresses('2001:db8::/32'))).every((byte) => byte === 0));
});

outlines('what an edit changes are the words that differ', () => {
  const before = drawOutline(packTable(addresses('10.0.0.0/24', '10.0.64.0/24')));
  const after = drawOutline(packTable(addresses('10.0.0.0/23', '10.0.64.0/24', '255.255.255.255')));
  const { keys, values } = compareOutlines(before, after);
  assert.equal([...new Uint32Array(keys.buffer)], [0x0a00_0000 >>> 14, 0xffff_ffff >>> 14]);
  assert.equal([...new BigUint64Array(Uint8Array.from(values).buffer)], [3n, 1n << 63n]);
  assert.is(compareOutlines(after, after).keys.length, 0);
});

outlines('are for large tables of IPv4 that do not follow the machine', () => {
  const many = addresses(...Array.from({ length: 1024 }, (_, i) => `10.${i >> 7}.${(i & 127) * 2}.1`));
  assert.is(isOutlined({ addresses: many, follows: null }), true);
  assert.is(isOutlined({ addresses: { ...many, v4: many.v4.slice(1) }, follows: null }), false);
});

outlines.run();
