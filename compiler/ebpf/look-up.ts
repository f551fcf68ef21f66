/** Look-ups in the policy's maps. */
import type { Instruction, Register } from './instruction.ts';
import type { Purpose, Step } from './place.ts';
import { PACKET, VALUE } from './search-tree.ts';

export const FRAME: Register = 10;
/** Free between two questions, beside VALUE. */
export const OTHER: Register = 3;
/** Points at what was found. */
export const ANSWER: Register = 0;
/** Keeps the packet over the call. */
const KEPT: Register = 6;
const LOOKUP_ELEM = 1;

/** What a function that asks tables begins with. */
export const KEEP_PACKET: Instruction = {
  kind: 'alu',
  operator: 'mov',
  width: 64,
  to: KEPT,
  from: { register: PACKET },
};

/** Looks up a key of so many bytes, which `key` has put at the top of the frame; ANSWER points at what it has in `yes`. */
export function lookUp(
  key: readonly Instruction[],
  size: number,
  map: string,
  purpose: Purpose,
  yes: Step,
  no: Step,
): Step {
  const code: Instruction[] = [
    ...key,
    { kind: 'alu', operator: 'mov', width: 64, to: VALUE, from: { register: FRAME } },
    { kind: 'alu', operator: 'add', width: 64, to: VALUE, from: { value: -size } },
    { kind: 'map', to: PACKET, symbol: map },
    { kind: 'call', helper: LOOKUP_ELEM },
    { kind: 'alu', operator: 'mov', width: 64, to: PACKET, from: { register: KEPT } },
  ];
  return {
    kind: 'test',
    code,
    condition: { comparison: 'ne', width: 64, left: ANSWER, right: { value: 0 } },
    yes,
    no,
    purpose,
  };
}
