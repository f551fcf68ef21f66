import * as fc from 'fast-check';
import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  complement,
  containsAddress,
  EVERY_ADDRESS,
  equalSets,
  formatRange,
  formatSet,
  intersect,
  isEmpty,
  isWithin,
  LAST_V4,
  LAST_V6,
  NO_ADDRESS,
  normalize,
  PRIVATE_V4,
  prefixLength,
  subtract,
  unite,
} from '../../compiler/addresses.ts';
import type { AddressSet, Range } from '../../compiler/model.ts';

const suite = makeSuite('address sets');

// Few values close together and at both ends, so that ranges touch, overlap and end where the family ends.
const point4 = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: LAST_V4 - 20, max: LAST_V4 }));
const point6 = fc.oneof(fc.bigInt(0n, 40n), fc.bigInt(LAST_V6 - 20n, LAST_V6));
const range = <T extends number | bigint>(point: fc.Arbitrary<T>): fc.Arbitrary<Range<T>> =>
  fc.tuple(point, point).map(([a, b]) => (a <= b ? { first: a, last: b } : { first: b, last: a }));
const set: fc.Arbitrary<AddressSet> = fc
  .tuple(fc.array(range(point4), { maxLength: 6 }), fc.array(range(point6), { maxLength: 6 }))
  .map(([v4, v6]) => ({ v4: normalize(v4), v6: normalize(v6) }));
const address = fc.oneof(
  point4.map((value) => ({ family: 4 as const, value: BigInt(value) })),
  point6.map((value) => ({ family: 6 as const, value })),
);

function has(of: AddressSet, at: { family: 4 | 6; value: bigint }): boolean {
  const ranges = at.family === 4 ? of.v4 : of.v6;
  return ranges.some(({ first, last }) => BigInt(first) <= at.value && at.value <= BigInt(last));
}

suite('normalizes to sorted ranges that neither meet nor touch', () => {
  fc.assert(
    fc.property(fc.array(range(point4), { maxLength: 8 }), (ranges) => {
      const normal = normalize(ranges);
      normal.forEach((one, i) => {
        assert.ok(one.first <= one.last);
        if (i > 0) assert.ok(one.first > (normal[i - 1] as Range<number>).last + 1);
      });
      for (const value of [0, 1, 20, 39, 40, LAST_V4 - 1, LAST_V4]) {
        const inside = (list: readonly Range<number>[]) => list.some((r) => r.first <= value && value <= r.last);
        assert.is(inside(normal), inside(ranges));
      }
    }),
  );
});

suite('unites, intersects, subtracts and complements address by address', () => {
  fc.assert(
    fc.property(set, set, address, (a, b, at) => {
      assert.is(has(unite([a, b]), at), has(a, at) || has(b, at));
      assert.is(has(intersect(a, b), at), has(a, at) && has(b, at));
      assert.is(has(subtract(a, b), at), has(a, at) && !has(b, at));
      assert.is(has(complement(a), at), !has(a, at));
      assert.is(containsAddress(a, at.family, at.value), has(a, at));
    }),
    { numRuns: 500 },
  );
});

suite('gives equal ranges for equal sets', () => {
  fc.assert(
    fc.property(set, set, (a, b) => {
      assert.ok(equalSets(complement(complement(a)), a));
      assert.ok(equalSets(unite([subtract(a, b), intersect(a, b)]), a));
      assert.ok(equalSets(complement(unite([a, b])), intersect(complement(a), complement(b))));
      assert.is(isWithin(a, b), equalSets(intersect(a, b), a));
      assert.ok(isWithin(a, unite([a, b])));
    }),
  );
});

suite('has an empty and a full set', () => {
  assert.ok(isEmpty(NO_ADDRESS));
  assert.ok(isEmpty(complement(EVERY_ADDRESS)));
  assert.ok(equalSets(complement(NO_ADDRESS), EVERY_ADDRESS));
});

suite('knows a prefix and its length', () => {
  assert.is(prefixLength(4, 0xc0a80100n, 0xc0a801ffn), 24);
  assert.is(prefixLength(4, 0n, BigInt(LAST_V4)), 0);
  assert.is(prefixLength(4, 7n, 7n), 32);
  assert.is(prefixLength(4, 1n, 2n), null);
  assert.is(prefixLength(6, 0n, LAST_V6), 0);
  assert.is(prefixLength(6, 0x20010db8n << 96n, (0x20010db9n << 96n) - 1n), 32);
});

suite('writes addresses as people do', () => {
  assert.is(formatRange(4, 0x0a000000n, 0x0affffffn), '10.0.0.0/8');
  assert.is(formatRange(4, 0x0a000001n, 0x0a000009n), '10.0.0.1-10.0.0.9');
  assert.is(formatSet(PRIVATE_V4), '10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, …');
});

suite.run();
