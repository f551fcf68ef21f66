/** The arithmetic of outside addresses: pairing, blocks of ports, prefixes. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Range } from '../../compiler/model.ts';
import { pairIndex } from '../../compiler/pairing.ts';
import { addOnes, mapAddress, translatePrefix } from '../../compiler/prefix-translation.ts';
import { type Block, blockOf, type Shared, sourceOf } from '../../compiler/share.ts';
import { readIpv6, writeAddress } from '../../grammar/address.ts';
import { makeMasquerade } from './ebpf/fixtures.ts';

const test = suite('outside addresses');
const v6 = (text: string): bigint => readIpv6(text)!;
const sources = Array.from({ length: 4096 }, (_, i) => 0x0a000000n + BigInt(i));

test('a source is paired with one address, and all of them are used alike', () => {
  for (const count of [1, 2, 3, 4, 5, 16, 100]) {
    const used = new Map<number, number>();
    for (const source of sources) {
      const index = pairIndex(source, 4, count);
      assert.is(index, pairIndex(source, 4, count));
      assert.ok(index >= 0 && index < count);
      used.set(index, (used.get(index) ?? 0) + 1);
    }
    assert.is(used.size, count);
    const most = Math.max(...used.values());
    assert.ok(most <= (2.5 * sources.length) / count + 8, `${most} of ${sources.length} at one of ${count}`);
  }
});

test('one address more moves sources to that one only', () => {
  for (let count = 1; count < 40; count++) {
    const moved = sources.filter((source) => pairIndex(source, 4, count) !== pairIndex(source, 4, count + 1));
    for (const source of moved) assert.is(pairIndex(source, 4, count + 1), count);
    assert.ok(moved.length > 0 && moved.length < (2.5 * sources.length) / count);
  }
});

const shared = (
  share: number,
  ports: Range<number>,
  from: Range<number>[],
  outside: Range<number>[] | null,
): Shared => {
  const include = { any: false, interfaces: [], addresses: { v4: from, v6: [] }, tables: [], own: [] };
  return { ...makeMasquerade(1, outside, ports), from: { include, except: null }, share };
};

test('each source has a block of its own, which leads back to it', () => {
  const from = [
    { first: 0x0a000000, last: 0x0a00003f },
    { first: 0x0a010000, last: 0x0a010009 },
  ];
  const outside = [
    { first: 0xcb007101, last: 0xcb007101 },
    { first: 0xcb007110, last: 0xcb007112 },
  ];
  for (const addresses of [outside, null]) {
    const masquerade = shared(500, { first: 1024, last: 65535 }, from, addresses);
    const seen = new Set<string>();
    for (const { first, last } of from) {
      for (let source = BigInt(first); source <= BigInt(last); source++) {
        const { address, ports } = blockOf(masquerade, source) as Block;
        assert.is(ports.last - ports.first, 499);
        assert.ok(ports.first >= 1024 && ports.last <= 65535);
        for (const port of [ports.first, ports.first + 77, ports.last])
          assert.is(sourceOf(masquerade, address, port), source);
        seen.add(`${address} ${ports.first}`);
      }
    }
    assert.is(seen.size, 74);
    assert.is(blockOf(masquerade, 0x0a000040n), null);
    assert.is(sourceOf(masquerade, addresses && 0xcb007101n, 1023), null);
    assert.is(sourceOf(masquerade, addresses && 0xcb007101n, 65535), null, 'left over: no whole block');
    assert.is(sourceOf(masquerade, 0xcb007105n, 2000), null);
  }
});

test('the blocks of the lowest address are given out first', () => {
  const range = { first: 0x0a000000, last: 0x0a000007 };
  const masquerade = shared(1000, { first: 2000, last: 4999 }, [range], [{ first: 10, last: 12 }]);
  const blocks = Array.from({ length: 8 }, (_, i) => blockOf(masquerade, 0x0a000000n + BigInt(i)));
  assert.equal(
    blocks.map((block) => `${block?.address} ${block?.ports.first}`),
    ['10 2000', '10 3000', '10 4000', '11 2000', '11 3000', '11 4000', '12 2000', '12 3000'],
  );
});

const prefix = (text: string) => ({ first: v6(text.split('/')[0]!), length: Number(text.split('/')[1]) });
const sumOf = (address: bigint) => {
  let sum = 0;
  for (let word = 0n; word < 8n; word++) sum = addOnes(sum, Number((address >> (16n * word)) & 0xffffn));
  return sum === 0xffff ? 0 : sum;
};

test('NPTv6: the address of RFC 6296 section 2.1', () => {
  const [inside, outside] = [prefix('fd01:203:405::/48'), prefix('2001:db8:1::/48')];
  const there = translatePrefix(v6('fd01:203:405:1::1234'), inside, outside)!;
  assert.is(writeAddress(there, 6), '2001:db8:1:d550::1234');
  assert.is(writeAddress(translatePrefix(there, outside, inside)!, 6), 'fd01:203:405:1::1234');
});

test('NPTv6: keeps the checksum and leads back, for every length of prefix', () => {
  const host = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
  fc.assert(
    fc.property(fc.integer({ min: 16, max: 64 }), host, host, host, (length, a, b, c) => {
      const mask = (1n << BigInt(128 - length)) - 1n;
      const [inside, outside] = [a & ~mask, b & ~mask].map((first) => ({ first, length })) as [
        { first: bigint; length: number },
        { first: bigint; length: number },
      ];
      const address = inside.first | (c & mask);
      const there = translatePrefix(address, inside, outside);
      if (there === null) return;
      assert.is(there & ~mask, outside.first);
      assert.is(sumOf(there), sumOf(address));
      const back = translatePrefix(there, outside, inside);
      assert.is(back, address);
    }),
    { numRuns: 5000 },
  );
});

test('NPTv6: a word of all ones is passed over, and what has no other is not translated', () => {
  const [inside, outside] = [prefix('fd01:203:405:1::/64'), prefix('2001:db8:1:2::/64')];
  const move = (text: string) => translatePrefix(v6(text), inside, outside);
  const plain = move('fd01:203:405:1:0:1:2:3')!;
  assert.is(plain & 0xffff_ffff_ffffn, v6('::1:2:3'), 'the first word behind the prefix takes it up');
  const second = move('fd01:203:405:1:ffff:1:2:3')!;
  assert.is((second >> 48n) & 0xffffn, 0xffffn);
  assert.is(second & 0xffff_ffffn, v6('::2:3'));
  assert.is(move('fd01:203:405:1:ffff:ffff:ffff:ffff'), null);
  const short = [prefix('fd01:203:405::/48'), prefix('2001:db8:1::/48')] as const;
  assert.is(translatePrefix(v6('fd01:203:405:ffff::1'), ...short), null, 'the subnet of all ones');
  assert.is(translatePrefix(v6('fd01:203:406::1'), ...short), null, 'another prefix');
});

test('IPv4: what comes after the prefix stays', () => {
  const [inside, outside] = [
    { first: 0xc0a80100n, length: 24 },
    { first: 0x0a010000n, length: 24 },
  ] as const;
  assert.is(mapAddress(0xc0a80137n, 4, inside, outside), 0x0a010037n);
  assert.is(mapAddress(0xc0a80237n, 4, inside, outside), null);
  const all = { first: 0n, length: 0 };
  assert.is(mapAddress(0xc0a80237n, 4, all, all), 0xc0a80237n);
});

test.run();
