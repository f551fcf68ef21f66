import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../../compiler/diagram/diagram.ts';
import { createStore } from '../../../compiler/diagram/store.ts';
import { type FieldValues, walk } from '../../../compiler/diagram/walk.ts';
import type { Instruction } from '../../../compiler/ebpf/instruction.ts';
import { slotsOf } from '../../../compiler/ebpf/instruction.ts';
import { PacketFields } from '../../../compiler/ebpf/packet-fields.ts';
import { type Limits, type Purpose, place, type Step } from '../../../compiler/ebpf/place.ts';
import { Purposes } from '../../../compiler/ebpf/purposes.ts';
import { Questions } from '../../../compiler/ebpf/questions.ts';
import { makeLayout, makeModel } from './fixtures.ts';
import { makeDiagram, makePacket, makeRandom } from './generate.ts';
import { interpret } from './interpret.ts';

const layout = makeLayout();
const fields = new PacketFields(layout);
const purposes = new Purposes(makeModel([]), []);

/** Leaf n answers n in r0. */
function answer(leaf: number): Step {
  const purpose = purposes.words(`leaf ${leaf}`);
  return {
    kind: 'end',
    code: [{ kind: 'alu', operator: 'mov', width: 64, to: 0, from: { value: leaf } }, { kind: 'exit' }],
    purpose,
  };
}

const lower = (root: Node<number>): Step => new Questions(fields, purposes, [], answer).lower(root);

function toBytes(packet: FieldValues): Uint8Array {
  const bytes = new Uint8Array(layout.size);
  const view = new DataView(bytes.buffer);
  for (const [name, given] of Object.entries(packet)) {
    const value = given ?? 0n;
    const member = name.replace(/[46]$/, '');
    if (name.endsWith('6')) {
      for (let i = 0; i < 4; i++) {
        view.setUint32(fields.at(member, i).offset, Number((value >> BigInt(96 - 32 * i)) & 0xffffffffn), true);
      }
      continue;
    }
    const { offset, size } = fields.at(member);
    if (size === 4) view.setUint32(offset, Number(value), true);
    else if (size === 2) view.setUint16(offset, Number(value), true);
    else view.setUint8(offset, Number(value));
  }
  return bytes;
}

function farthest(instructions: readonly Instruction[]): number {
  return Math.max(
    0,
    ...instructions.map((one) =>
      'offset' in one && one.kind !== 'load' && one.kind !== 'store' ? Math.abs(one.offset) : 0,
    ),
  );
}

function agrees(seed: number, size: number, packets: number, limits?: readonly Limits[]) {
  const random = makeRandom(seed);
  const root: Node<number> = makeDiagram(random, createStore<number>(String), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], size);
  const placed = place(lower(root), limits);
  for (let i = 0; i < packets; i++) {
    const packet = makePacket(random);
    assert.is(Number(interpret(placed.instructions, toBytes(packet))), walk(root, packet), `seed ${seed}, packet ${i}`);
  }
  return placed;
}

const test = suite('placing');

test('generated diagrams answer as their walk does', () => {
  for (let seed = 0; seed < 150; seed++) agrees(seed, 1 + seed, 40);
});

test('a jump beyond the reach is met half-way, by a hop or a copy', () => {
  const free = [{ reach: 32_000, short: 8 }];
  let met = 0;
  for (let seed = 0; seed < 60; seed++) {
    const near = agrees(seed, 60, 40, [
      { reach: 120, short: 8 },
      { reach: 400, short: 8 },
    ]);
    assert.ok(farthest(near.instructions) <= 400);
    if (near.slots > agrees(seed, 60, 1, free).slots) met += 1;
  }
  assert.ok(met > 30, `${met} of 60 diagrams needed it`);
});

test('what is shared is written once', () => {
  const big = { kind: 'load64', to: 0, value: 0xabcdefn } as const;
  const purpose: Purpose = purposes.words('shared');
  const shared: Step = { kind: 'end', code: [big, big, big, big, big, { kind: 'exit' }], purpose };
  let root: Step = shared;
  for (let i = 0; i < 50; i++) {
    const condition = { comparison: 'eq', width: 32, left: 2, right: { value: i } } as const;
    root = { kind: 'test', code: [], condition, yes: shared, no: root, purpose };
  }
  const { instructions } = place(root);
  assert.is(instructions.filter((one) => one.kind === 'load64').length, 5);
});

test('a diagram that no hop can help is refused, not placed wrongly', () => {
  const random = makeRandom(1);
  const root = makeDiagram(random, createStore<number>(String), [0, 1, 2], 400);
  assert.throws(() => place(lower(root), [{ reach: 16, short: 8 }]), /too wide/);
});

test('the far half of a large tree is hopped to, not copied', () => {
  const store = createStore<number>(String);
  const hosts = Array.from({ length: 30_000 }, (_, i) =>
    store.branch('daddr4', [
      { last: BigInt(7 * i), to: store.leaf(0) },
      { last: BigInt(7 * i + 3), to: store.leaf(i) },
      { last: 0xffff_ffffn, to: store.leaf(0) },
    ]),
  );
  const root = store.branch(
    'dport',
    [...hosts, store.leaf(0)].map((to, i) => ({ last: i === hosts.length ? 0xffffn : BigInt(i), to })),
  );
  const { slots, instructions } = place(lower(root));
  // A test of two slots for each edge and a load, a comparison and an answer for each host: hops add little.
  assert.ok(slots < 30_000 * 13, `${slots} slots`);
  for (const i of [0, 1, 14_999, 15_000, 29_999]) {
    const ask = (daddr4: number) => interpret(instructions, toBytes({ dport: BigInt(i), daddr4: BigInt(daddr4) }));
    assert.is(Number(ask(7 * i + 2)), i);
    assert.is(Number(ask(7 * i + 4)), 0);
  }
});

test('a chain of 100,000 branches is not too deep', () => {
  const store = createStore<number>(String);
  let root: Node<number> = store.leaf(9);
  for (let i = 99_999; i >= 0; i--) {
    root = store.branch(i % 2 === 0 ? 'daddr4' : 'saddr4', [
      { last: BigInt(i), to: root },
      { last: BigInt(i + 1), to: store.leaf(i % 7) },
      { last: 0xffff_ffffn, to: root },
    ]);
  }
  const { instructions } = place(lower(root));
  for (const [daddr4, saddr4, leaf] of [
    [49_999n, 80_000n, 49_998 % 7],
    [0n, 100_000n, 99_999 % 7],
    [0xffff_ffffn, 0n, 9],
  ] as const) {
    assert.is(walk(root, { daddr4, saddr4 }), leaf);
    assert.is(Number(interpret(instructions, toBytes({ daddr4, saddr4 }))), leaf);
  }
});

test('no instruction is out of every path', () => {
  for (let seed = 0; seed < 40; seed++) {
    const { instructions } = agrees(seed, 80, 1, [
      { reach: 400, short: 8 },
      { reach: 32_000, short: 8 },
    ]);
    const slots: (Instruction | null)[] = instructions.flatMap((one) => (slotsOf(one) === 2 ? [one, null] : [one]));
    const seen = new Set<number>();
    const todo = [0];
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      const one = slots[at];
      if (!one || seen.has(at)) continue;
      seen.add(at);
      if (one.kind === 'branch' || one.kind === 'jump') todo.push(at + 1 + one.offset);
      if (one.kind !== 'jump' && one.kind !== 'exit') todo.push(at + slotsOf(one));
    }
    assert.is(seen.size, instructions.length);
  }
});

test('lines ascend, begin at 0 and change with the purpose', () => {
  const { lines, slots } = agrees(3, 50, 1);
  assert.is(lines[0]?.at, 0);
  for (const [index, line] of lines.slice(1).entries()) {
    assert.ok(line.at > lines[index]!.at && line.at < slots);
    assert.is.not(line.purpose, lines[index]!.purpose);
  }
});

test.run();
