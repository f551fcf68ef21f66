/** Sets in tables, in the kernel: overlapping, one within another, of both families, excepted, on both sides. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import { tableValues, walk, walkForward } from '../../../compiler/diagram/walk.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import type { Side, Sides } from '../../../compiler/model.ts';
import { addresses, ModelMaker, NOBODY, tcp, v4, v6 } from '../../compiler/diagram/models.ts';
import { fieldsOf, type TestPacket } from '../../compiler/diagram/naive.ts';
import { needs } from '../../lab/skip.ts';
import { type Members, PolicyInKernel } from './policy-in-kernel.ts';

needs('linux', 'root', 'btf');

const TABLES = [
  addresses('10.1.0.0/16', '198.51.100.0/24', '2001:db8::/32'),
  addresses('10.1.1.0-10.1.1.6', '10.1.1.9', '2001:db8:1::/48'),
  addresses('10.1.1.7', '0.0.0.0', '255.255.255.255', '::1'),
  addresses(),
  // Large enough for an outline: a part of a /24, several of them, a /8.
  addresses(
    '96.0.0.0/8',
    '10.1.2.64-10.1.5.3',
    ...Array.from({ length: 1200 }, (_, i) => `100.${i >> 7}.${(i & 127) * 2}.8/30`),
    '2001:db8:2::/48',
  ),
];
const POINTS4 = ['0.0.0.0', '10.0.255.255', '10.1.0.0', '10.1.1.6', '10.1.1.7', '10.1.1.8', '10.1.1.9', '10.1.255.255'];
const MORE4 = ['10.2.0.0', '198.51.100.0', '198.51.100.255', '198.51.101.0', '255.255.255.255'];
const LARGE4 = [
  '95.255.255.255',
  '96.0.0.0',
  '96.77.1.2',
  '97.0.0.0',
  '10.1.2.63',
  '10.1.2.64',
  '10.1.3.0',
  '10.1.5.3',
];
const EDGES4 = ['10.1.5.4', '100.3.10.7', '100.3.10.8', '100.3.10.11', '100.3.10.12', '100.3.11.8'];
const POINTS6 = [
  '2001:db8:2::5',
  '2001:db8:3::',
  '::',
  '::1',
  '2001:db8::',
  '2001:db8:1::7',
  '2001:db9::',
  '::a01:107',
];

const sideOf: fc.Arbitrary<Side> = fc
  .record({ tables: fc.subarray([0, 1, 2, 3, 4], { minLength: 1, maxLength: 2 }), plain: fc.boolean() })
  .map(({ tables, plain }) => ({ ...NOBODY, tables, addresses: plain ? addresses('10.1.1.8') : NOBODY.addresses }));
const sidesOf: fc.Arbitrary<Sides> = fc.oneof(
  fc.constant({ include: { ...NOBODY, any: true }, except: null }),
  sideOf.map((include) => ({ include, except: null })),
  fc.tuple(sideOf, sideOf).map(([include, except]) => ({ include, except })),
  sideOf.map((except) => ({ include: { ...NOBODY, any: true }, except })),
);
const parts = fc.record({ from: sidesOf, to: sidesOf, services: fc.constantFrom([], tcp(80)) });
const models = fc
  .record({
    denies: fc.array(parts, { maxLength: 2 }),
    rules: fc.array(fc.tuple(fc.constantFrom('allow' as const, 'deny' as const), parts), {
      minLength: 1,
      maxLength: 4,
    }),
    last: fc.constantFrom('allow' as const, 'reject' as const),
  })
  .map(({ denies, rules, last }) => {
    const maker = new ModelMaker(['a', 'b']);
    for (const set of TABLES) maker.table(set);
    for (const one of denies) maker.gateway('deny', one);
    return maker.policy('p', [1], [2], rules, last).make();
  });
const packetOf = (family: 4 | 6): fc.Arbitrary<TestPacket> => {
  const point = fc.constantFrom(
    ...(family === 4
      ? [...POINTS4, ...MORE4, ...LARGE4, ...EDGES4].map((one) => BigInt(v4(one).first))
      : POINTS6.map((one) => v6(one).first)),
  );
  const protocol = fc.constantFrom(6, 17);
  return fc.record({
    family: fc.constant(family),
    in: fc.constant(1),
    out: fc.constant(2),
    own: fc.constant(0),
    protocol,
    dport: fc.constantFrom(80, 81),
    saddr: point,
    daddr: point,
  });
};

const words = (value: bigint, family: 4 | 6): number[] =>
  family === 4 ? [Number(value), 0, 0, 0] : [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
const VERDICTS = { continue: 0, allow: 1, deny: 2, reject: 3, redirect: 4, forged: 5, untranslated: 6, map: 7 };

const test = suite('tables in the kernel');
const kernel = new PolicyInKernel();
test.after(() => kernel.close());
const zero: Members = Object.fromEntries(
  kernel.layout.members.map(({ name, count }) => [name, count === 1 ? 0 : Array(count).fill(0)]),
);

test('answer as the walk of the diagram does', async () => {
  await fc.assert(
    fc.asyncProperty(
      models,
      fc.array(fc.oneof(packetOf(4), packetOf(6)), { minLength: 96, maxLength: 96 }),
      async (model, packets) => {
        const diagram = buildPolicyDiagram(model);
        kernel.load(emitPolicy(model, diagram, kernel.layout, []));
        for (const table of model.tables) await kernel.fill(table);
        const asked = packets.map(({ saddr, daddr, family, ...rest }) => {
          return { ...zero, ...rest, family, saddr: words(saddr, family), daddr: words(daddr, family) };
        });
        const fields = packets.map((one) => ({
          ...fieldsOf(one),
          ...tableValues(model, one.family, one.saddr, one.daddr),
        }));
        const said = (answers: Members[]) => answers.map(({ verdict, rule }) => `${verdict} ${rule}`);
        const ingress = fields.map((one) => walk(diagram.ingress, one));
        const forward = fields.map((one) => walkForward(diagram, one));
        assert.equal(
          said(kernel.ask('ingress', asked)),
          ingress.map((leaf) => `${VERDICTS[leaf.verdict]} ${'rule' in leaf ? leaf.rule : 0}`),
        );
        assert.equal(
          said(kernel.ask('forward', asked)),
          forward.map(({ verdict, rule }) => `${VERDICTS[verdict]} ${rule}`),
        );
      },
    ),
    { numRuns: 25 },
  );
});

test.run();
