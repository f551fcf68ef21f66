/** Moves of addresses by what they do: a redirect and a map that send a packet to one address do the same to it. */
import type { Family } from '../../grammar/ast.ts';
import type { Prefix, Range } from '../model.ts';
import { mapAddress } from '../prefix-translation.ts';
import type { Answer, Move } from './answer.ts';
import type { Box } from './boxes.ts';

export function keyOfAddress(family: Family, address: bigint): string {
  return `at ${family} ${address}`;
}

/** Of IPv4 by how far addresses move: a map in two halves is the map. */
export function keyOfMap(family: Family, from: Prefix, to: Prefix): string {
  return family === 4 ? `by 4 ${to.first - from.first}` : `by 6 ${from.first} ${from.length} ${to.first} ${to.length}`;
}

/** Two answers without what is no difference, and would cut boxes in two. */
export function compareAlike(was: Answer, is: Answer): readonly [Answer, Answer] {
  const isFace = was.as?.key === 'sent to' || was.as?.key.startsWith('own ');
  const same: Partial<Answer> = {
    ...(isFace && was.as?.key === is.as?.key ? { as: null } : {}),
    ...(was.behaviour === is.behaviour ? { behaviour: null } : {}),
    ...(was.limits === is.limits ? { limits: null } : {}),
    ...(was.log === is.log ? { log: null } : {}),
  };
  return [
    { ...was, ...same },
    { ...is, ...same },
  ];
}

/** The packets of `box` that the two treat otherwise; null: none. */
export function keepDiffering(was: Answer, is: Answer, box: Box): Box | null {
  const isOther =
    was.fate !== is.fate ||
    was.behaviour !== is.behaviour ||
    was.limits !== is.limits ||
    was.log !== is.log ||
    was.as?.key !== is.as?.key;
  if (isOther) return box;
  const same = meet(was.to, is.to);
  if (same === 'always') return null;
  if (same === 'never') return box;
  const field = `daddr${same.family}` as const;
  const last = same.family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n;
  const left = (box[field] ?? [{ first: 0n, last }]).flatMap((range) => without(range, same.address));
  return left.length === 0 ? null : { ...box, [field]: left };
}

function without({ first, last }: Range<bigint>, address: bigint): Range<bigint>[] {
  if (address < first || last < address) return [{ first, last }];
  return [
    { first, last: address - 1n },
    { first: address + 1n, last },
  ].filter((part) => part.first <= part.last);
}

/** For which destination two moves end at the same address. */
function meet(one: Move | null, other: Move | null): 'always' | 'never' | { family: Family; address: bigint } {
  if (one?.key === other?.key) return 'always';
  const [at, by] = [one, other].map((move) => move?.key.split(' ') ?? []).sort() as [string[], string[]];
  const family = Number(at[1]) as Family;
  if (at[0] !== 'at' || by[0] !== 'by' || at[1] !== by[1]) return 'never';
  const [target, first, ...rest] = [at[2]!, by[2]!, ...by.slice(3)].map(BigInt) as [bigint, bigint, ...bigint[]];
  if (family === 4) return { family, address: target - first };
  const [length, to, toLength] = rest as [bigint, bigint, bigint];
  const inside = { first: to, length: Number(toLength) };
  const back = mapAddress(target, 6, inside, { first, length: Number(length) });
  return back === null ? 'never' : { family, address: back };
}
