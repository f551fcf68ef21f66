/** Generated diagrams and packets: the kernel's answers are those of the simulator's walk. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IngressLeaf, NatLeaf } from '../../../compiler/diagram/diagram.ts';
import { type FieldValues, type ForwardAnswer, walk, walkForward } from '../../../compiler/diagram/walk.ts';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import type { AddressMap, Model, Prefix } from '../../../compiler/model.ts';
import { pairedAddress } from '../../../compiler/pairing.ts';
import { adjustment } from '../../../compiler/prefix-translation.ts';
import { makeListen, makeMasquerade, makeModel, makeRedirect, spanAt } from '../../compiler/ebpf/fixtures.ts';
import { type LeafSets, makePacket, makePolicy, makeRandom } from '../../compiler/ebpf/generate.ts';
import { needs } from '../../lab/skip.ts';
import { type Members, PolicyInKernel } from './policy-in-kernel.ts';

needs('linux', 'root', 'btf');

const makeMap = (id: number, family: 4 | 6, inside: Prefix, outside: Prefix): AddressMap => {
  return { id, name: `map${id}`, interfaces: [2], family, inside, outside, follows: null, span: spanAt(id) };
};
const v6 = 0x20010db8_00000000_00000000_00000010n;
const POOL = { first: 1024, last: 32767 };
/** The second range crosses a boundary of 64 bits. */
const POOL6 = [
  { first: v6, last: v6 + 4n },
  { first: (v6 | 0xffff_ffff_ffff_0000n) + 0xfff0n, last: (v6 | 0xffff_ffff_ffff_0000n) + 0x10010n },
];
const model: Model = makeModel(
  Array.from({ length: 14 }, (_, index) => `line ${index + 1}`),
  {
    masquerades: [
      makeMasquerade(1, null, { first: 61000, last: 65095 }),
      makeMasquerade(2, [{ first: 0xcb007101, last: 0xcb007105 }]),
      makeMasquerade(3, [
        { first: 0xcb007101, last: 0xcb007101 },
        { first: 0xcb007110, last: 0xcb007112 },
        { first: 0xfffffff0, last: 0xfffffff8 },
      ]),
      makeMasquerade(9, { v4: [{ first: 0xcb007100, last: 0xcb00710f }], v6: POOL6 }, POOL, { families: [4, 6] }),
    ],
    maps: [
      makeMap(12, 4, { first: 0x0a010000n, length: 16 }, { first: 0xcb000000n, length: 16 }),
      makeMap(13, 6, { first: 0xfd01n << 112n, length: 48 }, { first: 0x20010db800010000n << 64n, length: 48 }),
    ],
    redirects: [
      makeRedirect([
        makeListen(
          4,
          { first: 10, last: 20 },
          { kind: 'address', family: 4, address: 0xc0a8020an },
          { first: 5, last: 15 },
        ),
        makeListen(
          5,
          { first: 80, last: 80 },
          { kind: 'address', family: 6, address: v6 },
          { first: 8080, last: 8080 },
        ),
        makeListen(6, { first: 7, last: 9 }, { kind: 'self' }),
        makeListen(7, null, { kind: 'own', interface: 1 }),
        makeListen(
          8,
          { first: 0, last: 60000 },
          { kind: 'address', family: 4, address: 1n },
          { first: 5000, last: 65000 },
        ),
      ]),
    ],
  },
);
const leaves: LeafSets = {
  ingress: [
    { verdict: 'continue' },
    { verdict: 'forged' },
    { verdict: 'deny', rule: 9, log: false },
    { verdict: 'reject', rule: 10, log: true },
    { verdict: 'map', rule: 12 },
    { verdict: 'map', rule: 13 },
    ...[4, 5, 6, 7, 8].map((rule) => ({ verdict: 'redirect', rule, log: rule === 6 }) as const),
  ],
  policy: [
    { verdict: 'deny', rule: 9, log: false },
    { verdict: 'reject', rule: 10, log: true },
    { verdict: 'allow', rule: 11, log: false },
    { verdict: 'allow', rule: 12, log: true },
  ],
  nat: [{ nat: 0, untranslated: true }, ...[0, 1, 2, 3, 9, 12, 13].map((nat) => ({ nat, untranslated: false }))],
};

const word = (value: bigint, index: number) => Number((value >> BigInt(96 - 32 * index)) & 0xffff_ffffn);
const wordsOf = (value: bigint) => [0, 1, 2, 3].map((index) => word(value, index));

function toMembers(packet: FieldValues): Members {
  const { saddr4, daddr4, saddr6, daddr6, ...rest } = packet;
  const plain = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, Number(value)]));
  const address = (four?: bigint, six?: bigint) => (six === undefined ? [Number(four ?? 0n), 0, 0, 0] : wordsOf(six));
  return { ...plain, saddr: address(saddr4, saddr6), daddr: address(daddr4, daddr6) };
}

const VERDICTS = { continue: 0, allow: 1, deny: 2, reject: 3, redirect: 4, forged: 5, untranslated: 6, map: 7 };

function sourceOf(packet: Members, family: 4 | 6): bigint {
  const words = (packet.saddr as number[]).map(BigInt);
  return family === 6 ? words.reduce((value, word) => (value << 32n) | word, 0n) : words[0]!;
}

function poolOf(nat: number, packet: Members): Members {
  const map = model.maps.find((one) => one.id === nat);
  if (map) {
    const { first, length } = map.outside;
    const adjust = map.family === 6 ? adjustment(map.inside, map.outside) : 0;
    return { nat, nat_addr: padded(first, map.family), prefix: length, adjust, port_last: 65535, translation: 2 };
  }
  const masquerade = model.masquerades.find((one) => one.id === nat);
  if (!masquerade) return {};
  const family = packet.family === 6 && masquerade.families.includes(6) ? 6 : 4;
  const { first, last } = masquerade.ports;
  const address = pairedAddress(masquerade, family, sourceOf(packet, family));
  return {
    nat,
    nat_addr: padded(address ?? 0n, family),
    port_first: first,
    port_last: last,
    mapping: 2,
    filtering: 1,
  };
}

const padded = (address: bigint, family: 4 | 6): number[] =>
  family === 6 ? wordsOf(address) : [Number(address), 0, 0, 0];

function expectIngress(leaf: IngressLeaf, packet: Members): Members {
  const verdict = VERDICTS[leaf.verdict];
  if (leaf.verdict === 'map') {
    const { inside, outside, family, interfaces } = model.maps.find(({ id }) => id === leaf.rule)!;
    const adjust = family === 6 ? adjustment(outside, inside) : 0;
    const to_addr = padded(inside.first, family);
    return { ...packet, verdict, rule: leaf.rule, to_addr, prefix: inside.length, adjust, side: interfaces[0]! };
  }
  if (!('rule' in leaf)) return { ...packet, verdict };
  const decision = { ...packet, verdict, rule: leaf.rule, log: Number(leaf.log) };
  const listen = model.redirects[0]!.listens.find((one) => one.id === leaf.rule);
  if (leaf.verdict !== 'redirect' || !listen) return decision;
  const { target, service, targetPorts } = listen;
  const words =
    target.kind !== 'address'
      ? packet.daddr
      : target.family === 6
        ? wordsOf(target.address)
        : [Number(target.address), 0, 0, 0];
  const ports = service.ports;
  if (!ports) return { ...decision, to_addr: words as number[] };
  const shift = (targetPorts?.first ?? ports.first) - ports.first;
  const port = ports.first === ports.last ? ports.first + shift : ((packet.dport as number) + shift) & 0xffff;
  return { ...decision, to_addr: words as number[], to_port: port };
}

function expectForward(answer: ForwardAnswer, packet: Members): Members {
  const verdict = VERDICTS[answer.untranslated ? 'untranslated' : answer.verdict];
  return { ...packet, verdict, rule: answer.rule, log: Number(answer.log), ...poolOf(answer.nat, packet) };
}

function expectRedirected({ nat, untranslated }: NatLeaf, packet: Members): Members {
  return { ...packet, ...(untranslated ? { verdict: VERDICTS.untranslated } : poolOf(nat, packet)) };
}

const test = suite('generated policies in the kernel');
const kernel = new PolicyInKernel();
test.after(() => kernel.close());
const zero: Members = Object.fromEntries(
  kernel.layout.members.map(({ name, count }) => [name, count === 1 ? 0 : Array(count).fill(0)]),
);

test('answer as the walk of the diagram does', () => {
  const check = (seed: number, size: number) => {
    const random = makeRandom(seed);
    const diagram = makePolicy(random, leaves, size);
    kernel.load(emitPolicy(model, diagram, kernel.layout, []));
    const packets = Array.from({ length: 64 }, () => makePacket(random));
    const asked = packets.map((packet) => ({ ...zero, ...toMembers(packet) }));
    const let_in = asked.map((packet) => ({ ...packet, verdict: VERDICTS.allow, rule: 4 }));
    const expected = {
      ingress: packets.map((packet, i) => expectIngress(walk(diagram.ingress, packet), asked[i]!)),
      forward: packets.map((packet, i) => expectForward(walkForward(diagram, packet), asked[i]!)),
      redirected: packets.map((packet, i) => expectRedirected(walk(diagram.redirected, packet), let_in[i]!)),
    };
    assert.equal(kernel.ask('ingress', asked), expected.ingress);
    assert.equal(kernel.ask('forward', asked), expected.forward);
    assert.equal(kernel.ask('forward', let_in), expected.redirected);
  };
  fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 120 }), check), { numRuns: 60 });
});

test.run();
