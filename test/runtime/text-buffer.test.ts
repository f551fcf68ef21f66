import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeGroups } from '../../runtime/apply/bytes.ts';
import { makeAddressReader } from '../../runtime/show/address-reader.ts';
import { TextBuffer } from '../../runtime/show/text-buffer.ts';

const test = suite('text buffer');
const read = (out: TextBuffer) => new TextDecoder().decode(out.take());

test('writes numbers as String does', () => {
  for (const value of [0, 1, 9, 10, 99, 100, 999_999_999, 1_000_000_000, 0x7fffffff, 0x80000000, 2 ** 50]) {
    assert.is(read(new TextBuffer().number(value)), String(value));
  }
  assert.is(read(new TextBuffer().number(7, 2).number(123, 2)), '07123');
});

test('writes UTF-8, columns counted from the start of the line', () => {
  const out = new TextBuffer().text('"ü€𝄞"').endLine().text('ab').padTo(5).text('c').padTo(3).text('d');
  assert.is(read(out), '"ü€𝄞"\nab   cd');
  assert.is(read(out), '');
});

test('grows with what does not fit', () => {
  const long = 'x€'.repeat(100_000);
  const out = new TextBuffer();
  assert.is(out.isFull, false);
  out.text('a').text(long).raw(new TextEncoder().encode(long)).padTo(900_000).number(5);
  assert.is(out.isFull, true);
  const text = read(out);
  assert.is(text.slice(1, 1 + 2 * long.length), long + long);
  assert.match(text, / 5$/);
});

test('writes IPv6 addresses by RFC 5952', () => {
  for (const [groups, text] of [
    ['0 0 0 0 0 0 0 0', '::'],
    ['0 0 0 0 0 0 0 1', '::1'],
    ['2001 db8 0 0 1 0 0 1', '2001:db8::1:0:0:1'],
    ['2001 db8 0 1 1 1 1 1', '2001:db8:0:1:1:1:1:1'],
    ['2001 db8 0 0 0 0 0 0', '2001:db8::'],
    ['0 1 0 0 0 5 6 7', '0:1::5:6:7'],
    ['fe80 0 0 0 abcd 0 0 1', 'fe80::abcd:0:0:1'],
  ] as const) {
    const numbers = groups.split(' ').map((group) => Number.parseInt(group, 16));
    assert.is(writeGroups(numbers), text);
    const view = new DataView(new ArrayBuffer(20));
    for (const [index, number] of numbers.entries()) view.setUint16(4 + 2 * index, number);
    assert.is(makeAddressReader(6)(view, 4), text);
  }
});

test('tells addresses apart that share a place', () => {
  for (const family of [4, 6] as const) {
    const reader = makeAddressReader(family);
    const view = new DataView(new ArrayBuffer(16));
    for (const round of [1, 2]) {
      for (let number = 0; number < 200_000; number += 1) {
        view.setUint32(family === 4 ? 0 : 12, number);
        const last = (number & 0xffff).toString(16);
        const high = (number >>> 16).toString(16);
        const v6 = number === 0 ? '::' : high === '0' ? `::${last}` : `::${high}:${last}`;
        const v4 = `0.${number >>> 16}.${(number >>> 8) & 255}.${number & 255}`;
        const wanted = family === 4 ? v4 : v6;
        if (reader(view, 0) !== wanted) assert.is(reader(view, 0), wanted, `round ${round}`);
      }
    }
  }
});

test.run();
