/** Policies of 10,000 rules load at once and still decide rightly: far jumps, many states, two address families. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import { type FieldValues, walkForward } from '../../../compiler/diagram/walk.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import type { AddressSet, Model, Rule, Sides } from '../../../compiler/model.ts';
import { everybody, makeMasquerade, makeModel, spanAt } from '../../compiler/ebpf/fixtures.ts';
import { makeRandom, type Random } from '../../compiler/ebpf/generate.ts';
import { needs } from '../../lab/skip.ts';
import { type Members, PolicyInKernel } from './policy-in-kernel.ts';

needs('linux', 'root', 'btf');

const COUNT = 10_000;
const SIX = 0x20010db8n << 96n;

const at = (addresses: AddressSet): Sides => ({
  include: { any: false, interfaces: [], own: [], tables: [], addresses },
  except: null,
});

interface Shape {
  readonly name: string;
  /** How what it allows leaves. */
  readonly leave: readonly string[];
  /** From where, to where and to which port rule `index` speaks. */
  readonly rule: (index: number, random: Random) => { from: Sides; to: Sides; port: number };
}
const four = (first: number, size: number): Sides => at({ v4: [{ first, last: first + size - 1 }], v6: [] });
/** A network with so many bits of prefix. */
const v4 = (first: number, length: number) => ({ first, last: first + 2 ** (32 - length) - 1 });
const SHAPES: readonly Shape[] = [
  {
    name: 'a port and an address each',
    leave: ['masqueraded', 'plain', 'untranslated'],
    rule: (index, random) => ({ from: everybody, to: four(0x0a000000 + random(1 << 24), 1), port: 1 + index * 6 }),
  },
  {
    name: 'two networks and a port each',
    leave: ['masqueraded', 'plain'],
    rule: (_, random) => ({
      from: four(0xc0000000 + 16 * random(1 << 20), 16),
      to: four(0x0a000000 + 256 * random(1 << 16), 256),
      port: 1 + random(65_000),
    }),
  },
  {
    name: 'an IPv6 range and a port each',
    leave: ['plain'],
    rule: (_, random) => {
      const first = SIX + (BigInt(random(1 << 30)) << 64n);
      const to = at({ v4: [], v6: [{ first, last: first + BigInt(random(1 << 30)) }] });
      return { from: everybody, to, port: 1 + random(65_000) };
    },
  },
];

function makeLargeModel({ rule }: Shape): Model {
  const random = makeRandom(1);
  const texts = Array.from({ length: COUNT + 2 }, (_, index) => `line ${index + 1}`);
  const hidden = at({ v4: [v4(0x0a000000, 16), v4(0xc0000000, 9)], v6: [] });
  const base = makeModel(texts, { masquerades: [{ ...makeMasquerade(COUNT + 2, null), from: hidden }] });
  const rules: Rule[] = Array.from({ length: COUNT }, (_, index) => {
    const { from, to, port } = rule(index, random);
    const services = [{ protocol: 'tcp', ports: { first: port, last: port }, icmp: null }] as const;
    const decision = index % 2 === 0 ? 'allow' : 'reject';
    return { id: index + 2, decision, services, from, to, limits: [], log: null, span: spanAt(index + 12) };
  });
  const last = { id: 1, decision: 'deny', log: null, span: spanAt(11) } as const;
  return { ...base, policies: [{ name: 'large', from: [2], to: [1], rules, default: last, span: spanAt(10) }] };
}

/** Half of them hit a rule at one of its edges. */
function makePackets(model: Model, count: number): FieldValues[] {
  const random = makeRandom(2);
  return Array.from({ length: count }, () => {
    const rule = model.policies[0]!.rules[random(COUNT)]!;
    const near = random(2) === 0 ? 0 : random(3) - 1;
    const dport = BigInt(rule.services[0]!.ports!.first);
    const common = { in: 2n, out: 1n, protocol: 6n, dport };
    const { v4, v6 } = rule.to.include.addresses;
    if (v6[0]) return { ...common, family: 6n, daddr6: (random(2) === 0 ? v6[0].first : v6[0].last) + BigInt(near) };
    const anywhere = [0x0a000001, 0x0b000001, 0xac100001][random(3)];
    const saddr4 = BigInt(rule.from.include.addresses.v4[0]?.first ?? anywhere ?? 0);
    return { ...common, family: 4n, daddr4: BigInt(v4[0]!.last + near), saddr4 };
  });
}

function toMembers({ daddr4, saddr4, daddr6, ...rest }: FieldValues): Members {
  const words = (value: bigint) => [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffff_ffffn));
  const plain = Object.entries(rest).map(([name, value]) => [name, Number(value)]);
  const daddr = daddr6 === undefined ? [Number(daddr4)] : words(daddr6);
  return { ...Object.fromEntries(plain), daddr, saddr: [Number(saddr4 ?? 0n)] };
}

const test = suite('10,000 rules in the kernel');
const kernel = new PolicyInKernel();
test.after(() => kernel.close());

for (const shape of SHAPES) {
  test(`load in seconds and decide as the walk does: ${shape.name}`, () => {
    const model = makeLargeModel(shape);
    const diagram = buildPolicyDiagram(model);
    const loaded = kernel.load(emitPolicy(model, diagram, kernel.layout, []));
    const packets = makePackets(model, 640);
    const answers = kernel.ask('forward', packets.map(toMembers));
    const decided = new Set<number>();
    const left = new Set<string>();
    for (const [index, packet] of packets.entries()) {
      const { rule, verdict, nat, untranslated } = walkForward(diagram, packet);
      decided.add(rule);
      if (verdict === 'allow') left.add(untranslated ? 'untranslated' : nat > 0 ? 'masqueraded' : 'plain');
      assert.is(answers[index]!.rule, rule);
      assert.is(answers[index]!.verdict, untranslated ? 6 : { allow: 1, deny: 2, reject: 3 }[verdict]);
      assert.is(answers[index]!.nat, nat);
    }
    assert.equal([...left].sort(), shape.leave);
    assert.ok(decided.size > 200, `only ${decided.size} lines decided`);
    assert.ok(loaded < 6000, `took ${Math.round(loaded)} ms`);
  });
}

test.run();
