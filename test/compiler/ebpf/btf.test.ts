import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type BtfType, extract } from '../../../compiler/ebpf/btf.ts';
import { readBtf } from '../../../compiler/ebpf/btf-read.ts';
import { writeBtf } from '../../../compiler/ebpf/btf-write.ts';
import { StringTable } from '../../../compiler/ebpf/byte-writer.ts';

/** One of each kind. */
const ALL: readonly BtfType[] = [
  { kind: 'int', name: 'int', size: 4, encoding: 1 },
  { kind: 'pointer', type: 5 },
  { kind: 'array', element: 1, index: 1, count: 4 },
  { kind: 'typedef', name: 'word', type: 1 },
  {
    kind: 'struct',
    name: 'node',
    size: 24,
    members: [
      { name: 'next', type: 2, bitOffset: 0, bitSize: 0 },
      { name: 'words', type: 3, bitOffset: 64, bitSize: 0 },
    ],
  },
  {
    kind: 'union',
    name: 'bits',
    size: 4,
    members: [
      { name: 'low', type: 1, bitOffset: 0, bitSize: 3 },
      { name: 'high', type: 1, bitOffset: 3, bitSize: 29 },
    ],
  },
  { kind: 'enum', name: 'sign', size: 4, signed: true, values: [{ name: 'minus', value: -1n }] },
  { kind: 'enum64', name: 'big', size: 8, signed: false, values: [{ name: 'most', value: (1n << 64n) - 1n }] },
  { kind: 'forward', name: 'later', union: true },
  { kind: 'volatile', type: 1 },
  { kind: 'const', type: 10 },
  { kind: 'restrict', type: 2 },
  { kind: 'prototype', returns: 0, parameters: [{ name: 'node', type: 2 }] },
  { kind: 'function', name: 'visit', prototype: 13, linkage: 'extern' },
  { kind: 'variable', name: 'count', type: 1, linkage: 'global' },
  { kind: 'section', name: '.data', size: 4, entries: [{ type: 15, offset: 0, size: 4 }] },
  { kind: 'float', name: 'double', size: 8 },
  { kind: 'decl-tag', name: 'mark', type: 5, component: -1 },
  { kind: 'type-tag', name: 'user', type: 1 },
];

const test = suite('BTF');

test('every kind is read back as it was written', () => {
  assert.equal(readBtf(writeBtf(ALL, new StringTable())), ALL);
});

test('an extract holds a type and what it needs, loops included', () => {
  const { types, root } = extract(ALL, 5);
  const struct = types[root - 1];
  assert.is(types.length, 4);
  assert.ok(struct?.kind === 'struct');
  const pointer = types[struct.members[0]!.type - 1];
  assert.equal(pointer, { kind: 'pointer', type: root });
});

test('what is no BTF, or of a kind not known, is refused', () => {
  assert.throws(() => readBtf(new Uint8Array(24)), /not a BTF section/);
  const bytes = writeBtf([{ kind: 'float', name: 'x', size: 8 }], new StringTable());
  bytes[24 + 7] = 31;
  assert.throws(() => readBtf(bytes), /unknown BTF kind 31/);
});

const KERNEL = '/sys/kernel/btf/vmlinux';
if (existsSync(KERNEL)) {
  test("the kernel's own types survive reading and writing", () => {
    const types = readBtf(readFileSync(KERNEL));
    assert.ok(types.length > 10_000);
    const again = readBtf(writeBtf(types, new StringTable()));
    assert.is(again.length, types.length);
    for (const [index, type] of types.entries()) {
      if (JSON.stringify(again[index], bigints) !== JSON.stringify(type, bigints)) assert.equal(again[index], type);
    }
  });
} else {
  console.log(`skipped: needs ${KERNEL}`);
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}

test.run();
