import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode } from '../../../compiler/ebpf/decode.ts';
import { encode, type Instruction, slotsOf } from '../../../compiler/ebpf/instruction.ts';

const plain = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });
const register = fc.integer({ min: 0, max: 10 });
const size = fc.constantFrom(1, 2, 4, 8);
const offset = fc.integer({ min: -32768, max: 32767 });
const signed = fc.integer();
const width = fc.constantFrom(32, 64);
const operand = fc.oneof(plain({ register }), plain({ value: signed }));
const operators = fc.constantFrom('add', 'sub', 'mul', 'div', 'or', 'and', 'lsh', 'rsh', 'mod', 'xor', 'mov');
const comparison = fc.constantFrom('eq', 'gt', 'ge', 'ne', 'lt', 'le');
const wide = fc.oneof(plain({ register }), plain({ value: signed }));
const narrow = fc.oneof(plain({ register }), plain({ value: fc.nat({ max: 0xffffffff }) }));
const kind = <K extends string>(name: K) => fc.constant(name);

const instruction = fc.oneof(
  plain({ kind: kind('load'), size, to: register, base: register, offset }),
  plain({ kind: kind('store'), size, base: register, offset, from: operand }),
  plain({ kind: kind('alu'), operator: operators, width, to: register, from: operand }),
  plain({ kind: kind('load64'), to: register, value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) }),
  plain({ kind: kind('branch'), comparison, width: fc.constant(64), left: register, right: wide, offset }),
  plain({ kind: kind('branch'), comparison, width: fc.constant(32), left: register, right: narrow, offset }),
  plain({ kind: kind('jump'), offset }),
  plain({ kind: kind('call'), helper: fc.nat({ max: 500 }) }),
  plain({ kind: kind('exit') }),
) as fc.Arbitrary<Instruction>;

const test = suite('instructions');

test('decode reads back what encode wrote', () => {
  const there = (sequence: Instruction[]) => assert.equal(decode(encode(sequence)), sequence);
  fc.assert(fc.property(fc.array(instruction, { maxLength: 20 }), there), { numRuns: 500 });
});

test('have the codes of RFC 9669', () => {
  const hex = (one: Instruction) => Buffer.from(encode([one])).toString('hex');
  assert.is(hex({ kind: 'load', size: 4, to: 2, base: 1, offset: 16 }), '6112100000000000');
  assert.is(hex({ kind: 'load', size: 2, to: 2, base: 1, offset: 34 }), '6912220000000000');
  assert.is(hex({ kind: 'store', size: 1, base: 1, offset: 44, from: { value: 2 } }), '72012c0002000000');
  assert.is(hex({ kind: 'store', size: 2, base: 1, offset: 50, from: { register: 2 } }), '6b21320000000000');
  assert.is(hex({ kind: 'alu', operator: 'mov', width: 64, to: 0, from: { value: 0 } }), 'b700000000000000');
  assert.is(hex({ kind: 'alu', operator: 'lsh', width: 64, to: 2, from: { value: 32 } }), '6702000020000000');
  assert.is(hex({ kind: 'load64', to: 4, value: 0x20010db800000001n }), '18040000010000000000000' + '0b80d0120');
  const right = { value: 0xffffffff };
  assert.is(hex({ kind: 'branch', comparison: 'gt', width: 32, left: 2, right, offset: 7 }), '26020700ffffffff');
  const both = { left: 2, right: { register: 4 }, offset: -2 } as const;
  assert.is(hex({ kind: 'branch', comparison: 'eq', width: 64, ...both }), '1d42feff00000000');
  assert.is(hex({ kind: 'jump', offset: -1 }), '0500ffff00000000');
  assert.is(hex({ kind: 'exit' }), '9500000000000000');
});

test('a constant of 64 bits takes two slots', () => {
  assert.is(slotsOf({ kind: 'load64', to: 4, value: 1n }), 2);
  assert.is(encode([{ kind: 'load64', to: 4, value: 1n }, { kind: 'exit' }]).length, 24);
});

test('refuse a jump or a constant that does not fit', () => {
  assert.throws(() => encode([{ kind: 'jump', offset: 32768 }]), /does not fit 16 bits/);
  const from = { value: 2 ** 32 };
  assert.throws(() => encode([{ kind: 'alu', operator: 'mov', width: 64, to: 0, from }]), /does not fit 32 bits/);
});

test('an unknown code is not read as something else', () => {
  assert.throws(() => decode(Uint8Array.of(0x06, 0, 0, 0, 0, 0, 0, 0)), /unknown instruction 0x6 at byte 0/);
});

test.run();
