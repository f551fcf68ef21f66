import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { applyBoth, type Box, findWitness, listPaths, mapLeaves } from '../../../compiler/diagram/algebra.ts';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import type { Field, Node } from '../../../compiler/diagram/diagram.ts';
import { buildFirstMatch, buildStages } from '../../../compiler/diagram/first-match.ts';
import type { Clause } from '../../../compiler/diagram/partition.ts';
import { printDiagram, printDot, printFieldValue } from '../../../compiler/diagram/print.ts';
import { createStore } from '../../../compiler/diagram/store.ts';
import { type FieldValues, walk } from '../../../compiler/diagram/walk.ts';
import { ownedAddresses } from '../../../compiler/ownership.ts';
import { ModelMaker, makeDeathstar, v4 } from './models.ts';

const test = suite('what is done with diagrams');

const FEW: readonly Field[] = ['in', 'dport', 'saddr4'];
const end = fc.nat({ max: 6 });
const range = fc.tuple(end, end).map(([a, b]) => [{ first: Math.min(a, b), last: Math.max(a, b) }]);
const where = fc.record(Object.fromEntries(FEW.map((field) => [field, range])), { requiredKeys: [] });
const clauses: fc.Arbitrary<Clause<number>[]> = fc.array(fc.record({ where, leaf: fc.nat({ max: 3 }) }), {
  maxLength: 5,
});

function* packets(): Generator<FieldValues> {
  for (let on = 0n; on <= 7n; on++) {
    for (let dport = 0n; dport <= 7n; dport++)
      for (let saddr4 = 0n; saddr4 <= 7n; saddr4++) yield { in: on, dport, saddr4 };
  }
}
function build(list: readonly Clause<number>[]): Node<number> {
  const store = createStore<number>(String);
  return buildFirstMatch(store, list, store.leaf(9));
}
function lowest(box: Box): FieldValues {
  return Object.fromEntries(Object.entries(box).map(([field, range]) => [field, range!.first]));
}
/** Too many to multiply: a chain, in which fields are asked again. */
function makeChain(): Node<number> {
  const every = (field: Field, base: number) =>
    Array.from(
      { length: 300 },
      (_, i): Clause<number> => ({ where: { [field]: [{ first: 2 * i, last: 2 * i }] }, leaf: base + i }),
    );
  const saddr4 = [{ first: 1000, last: 2000 }];
  const later = [...every('daddr4', 2000), { where: { saddr4 }, leaf: 3000 }];
  return buildStages(createStore<number>(String), [every('saddr4', 0), every('dport', 1000), later], 9999);
}

test('two combined say of each packet what the two say together', () => {
  fc.assert(
    fc.property(clauses, clauses, (a, b) => {
      const [x, y] = [build(a), build(b)];
      const sum = applyBoth(createStore<string>(String), x, y, (p, q) => `${p}+${q}`);
      for (const packet of packets()) assert.is(walk(sum, packet), `${walk(x, packet)}+${walk(y, packet)}`);
    }),
    { numRuns: 150 },
  );
});

test('a diagram combined with a chain keeps the meaning of both', () => {
  const chain = makeChain();
  const other = build([
    { where: { saddr4: [{ first: 5, last: 1500 }] }, leaf: 1 },
    { where: { dport: [{ first: 0, last: 7 }] }, leaf: 2 },
  ]);
  const sum = applyBoth(createStore<string>(String), chain, other, (p, q) => `${p}+${q}`);
  for (let i = 0; i < 3000; i++) {
    const packet = { saddr4: BigInt((i * 7) % 2100), dport: BigInt((i * 13) % 700), daddr4: BigInt((i * 29) % 700) };
    assert.is(walk(sum, packet), `${walk(chain, packet)}+${walk(other, packet)}`);
  }
});

test('leaves that become equal are one leaf', () => {
  const store = createStore<number>(String);
  assert.is(
    mapLeaves(store, build([{ where: { in: [{ first: 1, last: 2 }] }, leaf: 1 }]), () => 5),
    store.leaf(5),
  );
});

test('a witness reaches the leaf that is asked for', () => {
  fc.assert(
    fc.property(clauses, fc.nat({ max: 3 }), (list, leaf) => {
      const root = build(list);
      const found = findWitness(root, (value) => value === leaf);
      const reached = [...packets()].some((packet) => walk(root, packet) === leaf);
      assert.is(found !== null, reached);
      if (found) assert.is(walk(root, lowest(found.box)), leaf);
    }),
    { numRuns: 200 },
  );
});

test('a witness is found in a chain', () => {
  const chain = makeChain();
  for (const leaf of [0, 1299, 2299]) {
    const found = findWitness(chain, (value) => value === leaf);
    assert.ok(found, `${leaf} is reached`);
    assert.is(walk(chain, lowest(found.box)), leaf);
  }
});

test('a leaf behind contradicting questions has no witness', () => {
  const store = createStore<number>(String);
  const clause = (first: number, last: number, leaf: number): Clause<number> => ({
    where: { saddr4: [{ first, last }] },
    leaf,
  });
  const second = buildFirstMatch(store, [clause(0, 3, 2), clause(0, 8, 3)], store.leaf(9));
  const chain = buildFirstMatch(store, [clause(0, 5, 1)], second);
  assert.is(
    findWitness(chain, (value) => value === 2),
    null,
  );
  assert.equal(findWitness(chain, (value) => value === 3)?.box, { saddr4: { first: 6n, last: 8n } });
});

test('paths are apart and together everything', () => {
  fc.assert(
    fc.property(clauses, (list) => {
      const root = build(list);
      const paths = [...listPaths(root)];
      for (const packet of packets()) {
        const held = paths.filter(({ box }) =>
          Object.entries(box).every(
            ([field, range]) => range!.first <= packet[field as Field]! && packet[field as Field]! <= range!.last,
          ),
        );
        assert.equal(
          held.map(({ leaf }) => leaf.value),
          [walk(root, packet)],
        );
      }
    }),
    { numRuns: 50 },
  );
});

test('are printed as an indented list, with addresses as people write them', () => {
  const root = build([
    { where: { in: [{ first: 1, last: 1 }], saddr4: [v4('10.0.0.0/8')] }, leaf: 1 },
    { where: { in: [{ first: 1, last: 2 }], dport: [{ first: 80, last: 80 }] }, leaf: 2 },
  ]);
  const text = printDiagram(root).replace(/#\d+/g, '#');
  assert.is(
    text,
    [
      '# in',
      '  0: 9',
      '  1: # dport',
      '    0-79: # saddr4',
      '      0.0.0.0-9.255.255.255: 9',
      '      10.0.0.0-10.255.255.255: 1',
      '      11.0.0.0-255.255.255.255: 9',
      '    80: # saddr4',
      '      0.0.0.0-9.255.255.255: 2',
      '      10.0.0.0-10.255.255.255: 1',
      '      11.0.0.0-255.255.255.255: 2',
      '    81-65535: see #',
      '  2: # dport',
      '    0-79: 9',
      '    80: 2',
      '    81-65535: 9',
      '  3-255: 9',
      '',
    ].join('\n'),
  );
  assert.is(printFieldValue('saddr6', (0x2001n << 112n) | 1n), '2001::1');
});

test('are written for graphviz with an edge a child', () => {
  const { redirected } = buildPolicyDiagram(makeDeathstar().make());
  const dot = printDot(redirected);
  assert.match(dot, /^digraph masqc \{/);
  assert.match(dot, '192.168.1.0-192.168.2.255');
});

test('addresses live behind the interface of their longest prefix', () => {
  const model = new ModelMaker(['a', 'b', 'c'])
    .network('wide', 1, '10.0.0.0/8', '2001:db8::/32')
    .network('narrow', 2, '10.1.0.0/16')
    .network('host', 3, '10.1.0.0/32', '10.255.255.255/32')
    .network('twice', 3, '10.1.0.0/16')
    .make();
  assert.equal(
    ownedAddresses(model, 4).map(({ first, last, interfaces }) => [
      `${printFieldValue('saddr4', first)}-${printFieldValue('saddr4', last)}`,
      ...interfaces,
    ]),
    [
      ['10.0.0.0-10.0.255.255', 1],
      ['10.1.0.0-10.1.0.0', 3],
      ['10.1.0.1-10.1.255.255', 2, 3],
      ['10.2.0.0-10.255.255.254', 1],
      ['10.255.255.255-10.255.255.255', 3],
    ],
  );
  assert.is(ownedAddresses(model, 6).length, 1);
});

test.run();
