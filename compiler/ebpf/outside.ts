/**
 * What becomes of a source, as instructions: the outside address that it is paired with (compiler/pairing.ts), its block of
 * ports (compiler/share.ts), or the prefix that it moves to. Only what is not zero is written.
 */
import type { Family } from '../../grammar/ast.ts';
import type { AddressMap, Masquerade, Range } from '../model.ts';
import { countAddresses, HASH_FACTOR, HASH_SHIFT, maskOf, outsideRanges, wordsOf } from '../pairing.ts';
import { adjustment } from '../prefix-translation.ts';
import { blocksOf, isShared, type Shared, sourcesOf } from '../share.ts';
import type { AluOperator, Instruction, Register } from './instruction.ts';
import type { PacketFields } from './packet-fields.ts';
import type { Purpose, Step } from './place.ts';
import { type Edge, searchComputed, VALUE } from './search-tree.ts';
import { askLive, loadLive } from './tables.ts';

/** enum masqc_dependence. */
const DEPENDENCE = { 'address-and-port-dependent': 0, 'address-dependent': 1, 'endpoint-independent': 2 } as const;
/** enum masqc_translation. */
const TRANSLATION = { pool: 0, block: 1, prefix: 2 } as const;

/** enum masqc_habit. */
const HABITS = { random: 1, outbound: 2 } as const;

/** Free between two questions, beside VALUE. */
const OTHER: Register = 3;

type Code = readonly Instruction[];

const compute = (
  operator: AluOperator,
  to: Register,
  from: { value: number } | { register: Register },
): Instruction => ({
  kind: 'alu',
  operator,
  width: 32,
  to,
  from,
});
/** Constants of 32 bits stand in instructions as signed ones. */
const constant = (value: number) => ({ value: value | 0 });

export function storeAddress(fields: PacketFields, name: string, address: bigint, family: Family): Instruction[] {
  return wordsOf(address, family).flatMap((value, index) => (value === 0 ? [] : fields.store(name, value, index)));
}

/** An address that was found among the values. */
export function copyLive(fields: PacketFields, name: string): Instruction[] {
  return [0, 1, 2, 3].flatMap((word) => [loadLive(VALUE, 'words', word), fields.storeRegister(name, VALUE, word)]);
}

/** A map's answer to `forward`: the outside prefix. `none`: where it follows an interface that has none now. */
export function mapAnswer(fields: PacketFields, map: AddressMap, purpose: Purpose, end: Code, none: Step): Step {
  const { id, family, inside, outside, follows } = map;
  const prefix =
    follows === null
      ? [
          ...storeAddress(fields, 'nat_addr', outside.first, family),
          ...(family === 6 ? fields.store('adjust', adjustment(inside, outside)) : []),
        ]
      : [...copyLive(fields, 'nat_addr'), loadLive(VALUE, 'out'), fields.storeRegister('adjust', VALUE)];
  const code = [
    ...fields.store('nat', id),
    ...fields.store('translation', TRANSLATION.prefix),
    ...prefix,
    ...fields.store('prefix', outside.length),
    ...fields.store('port_last', 65535),
    ...end,
  ];
  const yes: Step = { kind: 'end', code, purpose };
  return follows === null ? yes : askLive(fields, follows.value, purpose, yes, none);
}

const habitsOf = ({ choice, refresh }: Masquerade): number =>
  (choice === 'random' ? HABITS.random : 0) | (refresh === 'outbound' ? HABITS.outbound : 0);

/** A masquerade's answer to `forward`. */
export function masqueradeAnswer(fields: PacketFields, masquerade: Masquerade, purpose: Purpose, end: Code): Step {
  const common = [
    ...fields.store('nat', masquerade.id),
    ...fields.store('mapping', DEPENDENCE[masquerade.mapping]),
    ...fields.store('filtering', DEPENDENCE[masquerade.filtering]),
    ...fields.store('habits', habitsOf(masquerade)),
  ];
  if (isShared(masquerade)) return shareAnswer(fields, masquerade, purpose, [...common, ...end]);
  const { first, last } = masquerade.ports;
  const code = [...common, ...fields.store('port_first', first), ...fields.store('port_last', last), ...end];
  const [family, other] = masquerade.families.map((one) => {
    return { family: one, step: pairAnswer(fields, masquerade, one, purpose, code) };
  });
  if (family === undefined) throw new RangeError(`the masquerade ${masquerade.name} has no family`);
  if (other === undefined || masquerade.addresses === null) return family.step;
  return {
    kind: 'test',
    code: [fields.load(VALUE, 'family')],
    condition: { comparison: 'eq', width: 32, left: VALUE, right: { value: 6 } },
    yes: other.step,
    no: family.step,
    purpose,
  };
}

/** The outside address of a source, then `rest`. */
function pairAnswer(fields: PacketFields, masquerade: Masquerade, family: Family, purpose: Purpose, rest: Code): Step {
  const ranges = outsideRanges(masquerade, family);
  const only = ranges?.[0];
  if (ranges === null || only === undefined) return { kind: 'end', code: rest, purpose };
  const count = countAddresses(ranges);
  if (count === 1) {
    return { kind: 'end', code: [...storeAddress(fields, 'nat_addr', only.first, family), ...rest], purpose };
  }
  const mask = maskOf(count);
  const words = family === 4 ? [0] : [0, 1, 2, 3];
  const hash: Instruction[] = [
    compute('mov', VALUE, { value: 0 }),
    ...words.flatMap((word) => [
      fields.load(OTHER, 'saddr', word),
      compute('xor', VALUE, { register: OTHER }),
      compute('mul', VALUE, constant(HASH_FACTOR)),
    ]),
    compute('mov', OTHER, { register: VALUE }),
    compute('rsh', OTHER, { value: HASH_SHIFT }),
    compute('xor', VALUE, { register: OTHER }),
    compute('and', VALUE, { value: mask }),
  ];
  const choose = (code: Code) => chooseAddress(fields, ranges, family, code, purpose, rest);
  if (count === mask + 1) return choose(hash);
  return {
    kind: 'test',
    code: hash,
    condition: { comparison: 'gt', width: 32, left: VALUE, right: { value: count - 1 } },
    yes: choose([compute('and', VALUE, { value: mask >>> 1 })]),
    no: choose([]),
    purpose,
  };
}

/** VALUE, after `code`, is the index of an address. */
function chooseAddress(
  fields: PacketFields,
  ranges: readonly Range<bigint>[],
  family: Family,
  code: Code,
  purpose: Purpose,
  rest: Code,
): Step {
  let before = 0n;
  const edges: Edge[] = ranges.flatMap(cutInHalves).map(({ first, last }) => {
    const base = before;
    before += last - first + 1n;
    return {
      last: before - 1n,
      to: { kind: 'end', code: [...addressCode(fields, first, base, family), ...rest], purpose },
    };
  });
  return searchComputed(edges, code, purpose);
}

/** Parts that have one upper half each: additions stay in the lower one. */
function cutInHalves({ first, last }: Range<bigint>): Range<bigint>[] {
  const next = ((first >> 64n) + 1n) << 64n;
  return last < next ? [{ first, last }] : [{ first, last: next - 1n }, ...cutInHalves({ first: next, last })];
}

/** VALUE is an index from `base` on; the address is first + (VALUE - base). */
function addressCode(fields: PacketFields, first: bigint, base: bigint, family: Family): Instruction[] {
  const words = wordsOf(first, family);
  const lowest = words.length - 1;
  const code: Instruction[] = [
    { kind: 'load64', to: OTHER, value: BigInt.asUintN(64, first - base) },
    { kind: 'alu', operator: 'add', width: 64, to: OTHER, from: { register: VALUE } },
    fields.storeRegister('nat_addr', OTHER, lowest),
  ];
  if (family === 4) return code;
  return [
    ...code,
    { kind: 'alu', operator: 'rsh', width: 64, to: OTHER, from: { value: 32 } },
    fields.storeRegister('nat_addr', OTHER, lowest - 1),
    ...[0, 1].flatMap((index) => fields.store('nat_addr', words[index] ?? 0, index)),
  ];
}

/** The number of the source, then of its block, then the address. */
function shareAnswer(fields: PacketFields, masquerade: Shared, purpose: Purpose, rest: Code): Step {
  const blocks = blocksOf(masquerade);
  const ranges = outsideRanges(masquerade, 4);
  const block: Instruction[] = [
    fields.load(VALUE, 'nat_addr', 3),
    compute('mod', VALUE, { value: blocks }),
    compute('mul', VALUE, { value: masquerade.share }),
    compute('add', VALUE, { value: masquerade.ports.first }),
    fields.storeRegister('port_first', VALUE),
    compute('add', VALUE, { value: masquerade.share - 1 }),
    fields.storeRegister('port_last', VALUE),
    ...fields.store('translation', TRANSLATION.block),
    fields.load(OTHER, 'nat_addr', 3),
    ...fields.store('nat_addr', 0, 3),
    compute('mov', VALUE, { register: OTHER }),
    compute('div', VALUE, { value: blocks }),
  ];
  const found: Step =
    ranges === null
      ? { kind: 'end', code: [...block, ...rest], purpose }
      : chooseAddress(fields, ranges, 4, block, purpose, rest);
  let counted = 0n;
  const edges: Edge[] = sourcesOf(masquerade).map(({ first, last }) => {
    const shift = Number(BigInt.asIntN(32, counted - first));
    counted += last - first + 1n;
    const code = [compute('add', VALUE, { value: shift }), fields.storeRegister('nat_addr', VALUE, 3)];
    return { last, to: { kind: 'go', code, next: found, purpose } };
  });
  return searchComputed(edges, [fields.load(VALUE, 'saddr')], purpose);
}
