import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Step } from '../../../compiler/ebpf/place.ts';
import { type Edge, searchNarrow, searchWide } from '../../../compiler/ebpf/search-tree.ts';
import { makeRandom } from './generate.ts';

const purpose = { file: 'small.masq', text: 'search', line: 0, column: 0 };
const ends: Step[] = Array.from({ length: 9 }, () => ({ kind: 'end', code: [{ kind: 'exit' }], purpose }));

/** Edges over 0..2^bits - 1 with random, often neighbouring, ends. */
function makeEdges(seed: number, bits: bigint): Edge[] {
  const random = makeRandom(seed);
  const end = (1n << bits) - 1n;
  const half = bits / 2n;
  const near = () => BigInt(random(4)) << (random(2) === 0 ? half : 0n);
  const bases = [0n, end, 1n << half, end - (1n << half), (1n << half) - 1n, end >> 1n];
  const lasts = new Set([end]);
  for (let i = 0; i < 2 + random(9); i++) {
    const base = bases[random(bases.length)]!;
    lasts.add((random(2) === 0 ? base + near() : base - near()) & end);
  }
  const sorted = [...lasts].sort((a, b) => (a < b ? -1 : 1));
  let before = -1;
  return sorted.map((last) => {
    const other = random(ends.length - 1);
    before = other >= before && before >= 0 ? other + 1 : other;
    return { last, to: ends[before]! };
  });
}

/** Walks all ways through the search; every test must be open as far as the tests before it say. */
function findDecided(step: Step, bits: bigint, least = 0n, most = 0n, constant: bigint | null = null): string[] {
  if (step.kind !== 'test') return [];
  for (const one of step.code) {
    if (one.kind === 'load64') constant = one.value;
    if (one.kind === 'load' && one.to === 2) [least, most] = [0n, (1n << bits) - 1n];
  }
  const { comparison, right } = step.condition;
  const value = 'value' in right ? BigInt(right.value) : constant;
  if (value === null) return ['a constant that was not loaded'];
  const into = (next: Step, low: bigint, high: bigint): string[] => {
    if (low > high) return [`${comparison} ${value} is decided in ${least}..${most}`];
    return findDecided(next, bits, low, high, constant);
  };
  if (comparison === 'gt') return [...into(step.yes, value + 1n, most), ...into(step.no, least, value)];
  if (value < least || value > most) return [`eq ${value} is decided in ${least}..${most}`];
  const rest = findDecided(step.yes, bits, value, value, constant);
  if (least === most) return [...rest, `eq ${value} is decided`];
  const [low, high] = [value === least ? least + 1n : least, value === most ? most - 1n : most];
  return [...rest, ...into(step.no, low, high)];
}

const test = suite('search trees');

test('ask nothing that is known already: 32 bits', () => {
  for (let seed = 0; seed < 500; seed++) {
    assert.equal(findDecided(searchNarrow(makeEdges(seed, 32n), 0, 4, purpose), 32n), [], `seed ${seed}`);
  }
});

test('ask nothing that is known already: 128 bits', () => {
  for (let seed = 0; seed < 2000; seed++) {
    assert.equal(findDecided(searchWide(makeEdges(seed, 128n), 0, purpose), 64n), [], `seed ${seed}`);
  }
});

test('load the lower half of an address only where the upper one does not decide', () => {
  const prefix = 0x20010db8n << 96n;
  const [inside, outside] = [ends[0]!, ends[1]!];
  const edges = [
    { last: prefix - 1n, to: outside },
    { last: prefix + (1n << 96n) - 1n, to: inside },
    { last: (1n << 128n) - 1n, to: outside },
  ];
  const loads = new Set<number>();
  const collect = (step: Step): void => {
    for (const one of step.code) if (one.kind === 'load') loads.add(one.offset);
    if (step.kind === 'test') for (const next of [step.yes, step.no]) collect(next);
  };
  collect(searchWide(edges, 16, purpose));
  assert.equal([...loads], [16, 20]);
});

test('a single value is one test', () => {
  const edges = [
    { last: 21n, to: ends[0]! },
    { last: 22n, to: ends[1]! },
    { last: 65535n, to: ends[0]! },
  ];
  const step = searchNarrow(edges, 2, 2, purpose);
  assert.ok(step.kind === 'test' && step.condition.comparison === 'eq');
  assert.is(step.yes, ends[1]);
  assert.is(step.no, ends[0]);
});

test.run();
