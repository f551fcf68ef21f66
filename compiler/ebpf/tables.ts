/**
 * Questions to the tables (policy-maps.ts). The view of those that follow the machine is read once for each packet, so that all
 * that it is asked about is of one moment, and another one is brought in by one store.
 */
import type { TableField } from '../diagram/diagram.ts';
import { readTableField } from '../diagram/fields.ts';
import type { Table, TableId } from '../model.ts';
import type { Instruction, Register } from './instruction.ts';
import { ANSWER, FRAME, lookUp, OTHER } from './look-up.ts';
import { askOutline } from './outline.ts';
import type { PacketFields } from './packet-fields.ts';
import type { Purpose, Step } from './place.ts';
import {
  FOLLOWED,
  hasViews,
  isOutlined,
  KEY_SIZE,
  LIVE,
  LIVE_OFFSETS,
  mapName,
  TABLE_SHIFT,
  VIEW_SHIFT,
} from './policy-maps.ts';
import { VALUE } from './search-tree.ts';

/** Is the address in the table? The whole key is given: the family, and words that IPv4 leaves 0. */
export function askTable(
  fields: PacketFields,
  field: TableField,
  { id, addresses, follows }: Table,
  purpose: Purpose,
  yes: Step,
  no: Step,
): Step {
  const { side } = readTableField(field);
  const views = hasViews({ follows });
  const store = (at: number): Instruction => {
    return { kind: 'store', size: 4, base: FRAME, offset: at - KEY_SIZE, from: { register: VALUE } };
  };
  const code: Instruction[] = [
    { kind: 'alu', operator: 'mov', width: 32, to: VALUE, from: { value: (KEY_SIZE - 4) * 8 } },
    store(0),
    ...(views ? loadMarked(fields, fields.load(OTHER, 'family')) : [fields.load(VALUE, 'family')]),
    ...(views ? [markTable(id)] : []),
    store(4),
    ...[0, 1, 2, 3].flatMap((word): Instruction[] => [
      fields.load(VALUE, side, word),
      { kind: 'swap', to: VALUE },
      store(8 + 4 * word),
    ]),
  ];
  const search = lookUp(code, KEY_SIZE, views ? FOLLOWED : mapName(id), purpose, yes, no);
  return isOutlined({ addresses, follows }) ? askOutline(fields, field, purpose, search, no) : search;
}

const markTable = (table: TableId): Instruction => {
  return { kind: 'alu', operator: 'or', width: 32, to: VALUE, from: { value: table << TABLE_SHIFT } };
};

/** VALUE: what `low` puts into OTHER, with the view above it. */
function loadMarked(fields: PacketFields, low: Instruction): Instruction[] {
  return [
    fields.load(VALUE, 'view'),
    { kind: 'alu', operator: 'lsh', width: 32, to: VALUE, from: { value: VIEW_SHIFT } },
    low,
    { kind: 'alu', operator: 'or', width: 32, to: VALUE, from: { register: OTHER } },
  ];
}

/** Looks a key of the values up, which is in VALUE; ANSWER points at it in `yes`. */
function lookUpLive(key: readonly Instruction[], purpose: Purpose, yes: Step, no: Step): Step {
  const code: Instruction[] = [...key, { kind: 'store', size: 4, base: FRAME, offset: -4, from: { register: VALUE } }];
  return lookUp(code, 4, LIVE, purpose, yes, no);
}

/** Value `id` of the packet's view: `yes` begins while loadLive works, `no`: it has none now. */
export function askLive(fields: PacketFields, id: number, purpose: Purpose, yes: Step, no: Step): Step {
  const low: Instruction = { kind: 'alu', operator: 'mov', width: 32, to: OTHER, from: { value: id } };
  return lookUpLive(loadMarked(fields, low), purpose, yes, no);
}
export function loadLive(to: Register, member: keyof typeof LIVE_OFFSETS, word = 0): Instruction {
  return { kind: 'load', size: 4, to, base: ANSWER, offset: LIVE_OFFSETS[member] + 4 * word };
}

/** The packet meets the view that counts now. */
export function chooseView(fields: PacketFields, purpose: Purpose, next: Step): Step {
  const keep = (load: Instruction): Step => {
    return { kind: 'go', code: [load, fields.storeRegister('view', VALUE)], next, purpose };
  };
  const none: Instruction = { kind: 'alu', operator: 'mov', width: 32, to: VALUE, from: { value: 0 } };
  return lookUpLive([none], purpose, keep(loadLive(VALUE, 'words')), keep(none));
}
