import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram, createStores } from '../../../compiler/diagram/build.ts';
import { listNodes } from '../../../compiler/diagram/count.ts';
import type { Field, Node } from '../../../compiler/diagram/diagram.ts';
import { lastOf, rankOf } from '../../../compiler/diagram/fields.ts';
import { buildFirstMatch, buildStages } from '../../../compiler/diagram/first-match.ts';
import type { Clause } from '../../../compiler/diagram/partition.ts';
import { createStore } from '../../../compiler/diagram/store.ts';
import { walk } from '../../../compiler/diagram/walk.ts';
import { LAN, ModelMaker, makeDeathstar, sides, tcp, WAN } from './models.ts';

const test = suite('the shape of diagrams');

const FEW: readonly Field[] = ['in', 'dport', 'saddr4'];
const clauses: fc.Arbitrary<Clause<number>[]> = fc.array(
  fc.record({
    where: fc.record(
      Object.fromEntries(
        FEW.map((field) => {
          const end = fc.nat({ max: 9 });
          return [field, fc.tuple(end, end).map(([a, b]) => [{ first: Math.min(a, b), last: Math.max(a, b) }])];
        }),
      ),
      { requiredKeys: [] },
    ),
    leaf: fc.nat({ max: 3 }),
  }),
  { maxLength: 6 },
);

function checkShape(root: Node<unknown>): void {
  const names = new Set<string>();
  for (const node of listNodes(root)) {
    if (node.kind === 'leaf') {
      names.add(`leaf ${JSON.stringify(node.value)}`);
      continue;
    }
    assert.ok(node.edges.length > 1, 'a branch has two edges at least');
    assert.is(node.edges.at(-1)!.last, lastOf(node.field), 'the edges cover the domain');
    for (const [i, { last, to }] of node.edges.entries()) {
      if (i > 0) assert.ok(node.edges[i - 1]!.last < last, 'edges are sorted');
      if (i > 0) assert.is.not(node.edges[i - 1]!.to, to, 'neighbouring edges differ');
      if (to.kind === 'branch') assert.ok(rankOf(node.field) < rankOf(to.field), 'fields are asked in order');
    }
    names.add(`${node.field} ${node.edges.map(({ last, to }) => `${last}:${to.id}`)}`);
  }
  assert.is(names.size, listNodes(root).length, 'equal nodes are one node');
}

test('fields are in order, edges sorted and joined, equal nodes one', () => {
  const diagram = buildPolicyDiagram(makeDeathstar().make());
  for (const root of Object.values(diagram)) checkShape(root as Node<unknown>);
  fc.assert(
    fc.property(clauses, (list) =>
      checkShape(buildFirstMatch(createStore<number>(String), list, { kind: 'leaf', id: -1, value: 9 })),
    ),
    { numRuns: 300 },
  );
});

test('two lists with one meaning have one diagram', () => {
  let same = 0;
  fc.assert(
    fc.property(clauses, clauses, (a, b) => {
      const store = createStore<number>(String);
      const [left, right] = [a, b].map((list) => buildFirstMatch(store, list, store.leaf(9)));
      let equal = true;
      for (let on = 0; on <= 10; on++) {
        for (let dport = 0; dport <= 10; dport++) {
          for (let saddr4 = 0; saddr4 <= 10; saddr4++) {
            const packet = { in: BigInt(on), dport: BigInt(dport), saddr4: BigInt(saddr4) };
            equal &&= walk(left!, packet) === walk(right!, packet);
          }
        }
      }
      if (equal) same++;
      assert.is(left === right, equal);
    }),
    { numRuns: 500, examples: [[[], []]] },
  );
  assert.ok(same > 1, 'some pairs were equal');
});

test('a rule that another one hides leaves no trace', () => {
  const make = (hidden: boolean) =>
    new ModelMaker(['wan', 'lan'])
      .policy(
        'in',
        [WAN],
        [LAN],
        [
          ['deny', { services: tcp([1, 1023]) }],
          ['deny', { services: hidden ? tcp(22) : tcp(80), from: hidden ? sides('10.0.0.1') : sides('10.0.0.0/8') }],
        ],
        'allow',
      )
      .make();
  const stores = createStores();
  assert.is(buildPolicyDiagram(make(true), stores).policy, buildPolicyDiagram(make(false), stores).policy);
});

test('stages that would multiply stand one after another, with the same meaning', () => {
  const every = (field: Field, from: number, leaf: number, step = 2): Clause<number>[] =>
    Array.from({ length: 100 }, (_, i) => ({
      where: { [field]: [{ first: from + i * step, last: from + i * step }] },
      leaf: leaf + i,
    }));
  const stages = [every('saddr4', 0, 0), every('dport', 0, 100), every('daddr4', 0, 200)];
  const root = buildStages(createStore<number>(String), stages, 999);
  assert.ok(listNodes(root).length < 400, 'the sum, not the product');
  for (const [saddr4, dport, daddr4, leaf] of [
    [4, 6, 8, 2],
    [5, 6, 8, 103],
    [5, 7, 8, 204],
    [5, 7, 9, 999],
  ] as const) {
    assert.is(walk(root, { saddr4: BigInt(saddr4), dport: BigInt(dport), daddr4: BigInt(daddr4) }), leaf);
  }
});

test.run();
