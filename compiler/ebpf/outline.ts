/**
 * The outline of a large table: a bit for each /24 of IPv4 that says whether any address of it may be in the table. A search
 * through a hundred thousand prefixes goes through a dozen cache lines; nearly all packets are spared it by one.
 *
 * An array of words of 64 bits: bit `address >> 8 & 63` of word `address >> 14` (artifact/outline.ts draws it).
 */
import type { TableField } from '../diagram/diagram.ts';
import { readTableField } from '../diagram/fields.ts';
import type { Instruction, Register } from './instruction.ts';
import { ANSWER, FRAME, lookUp, OTHER } from './look-up.ts';
import type { PacketFields } from './packet-fields.ts';
import type { Purpose, Step } from './place.ts';
import { outlineName } from './policy-maps.ts';
import { VALUE } from './search-tree.ts';

const NARROW = 4;

/** `no` where the address is in no /24 that the table has a part of; `perhaps` else, and for IPv6. */
export function askOutline(fields: PacketFields, field: TableField, purpose: Purpose, perhaps: Step, no: Step): Step {
  const { table, side } = readTableField(field);
  const shift = (to: Register, value: number): Instruction => {
    return { kind: 'alu', operator: 'rsh', width: 32, to, from: { value } };
  };
  const bit: Step = {
    kind: 'test',
    code: [
      { kind: 'load', size: 8, to: VALUE, base: ANSWER, offset: 0 },
      fields.load(OTHER, side),
      shift(OTHER, 8),
      { kind: 'alu', operator: 'and', width: 32, to: OTHER, from: { value: 63 } },
      { kind: 'alu', operator: 'rsh', width: 64, to: VALUE, from: { register: OTHER } },
      { kind: 'alu', operator: 'and', width: 32, to: VALUE, from: { value: 1 } },
    ],
    condition: { comparison: 'eq', width: 32, left: VALUE, right: { value: 0 } },
    yes: no,
    no: perhaps,
    purpose,
  };
  const word: Instruction = { kind: 'store', size: 4, base: FRAME, offset: -4, from: { register: VALUE } };
  const key = [fields.load(VALUE, side), shift(VALUE, 14), word];
  return {
    kind: 'test',
    code: [fields.load(VALUE, 'family')],
    condition: { comparison: 'ne', width: 32, left: VALUE, right: { value: NARROW } },
    yes: perhaps,
    no: lookUp(key, 4, outlineName(table), purpose, bit, perhaps),
    purpose,
  };
}
