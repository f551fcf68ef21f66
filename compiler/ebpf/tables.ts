/**
 * Tables in the policy object: one map for each set, of both families, and the question whether an address is in it. The
 * key is `struct { __u32 prefixlen; __u32 family; __be32 address[4]; }`, IPv4 in address[0]: 24 bytes, of which the
 * prefix length does not count as matched. (linux/bpf.h, struct bpf_lpm_trie_key)
 *
 * Tables that follow the machine's prefixes are in one map together: above the family (8 bits) stand the number of a view
 * (16 bits) and that of the table. That map and the one of values beside it hold several views at once. The one that counts is read once for each packet, so that all that it is asked
 * about is of one moment, and another one is brought in by one store.
 */
import type { TableField } from '../diagram/diagram.ts';
import { readTableField } from '../diagram/fields.ts';
import type { Table, TableId } from '../model.ts';
import type { BtfType, TypeId } from './btf.ts';
import type { Instruction, Register } from './instruction.ts';
import type { PacketFields } from './packet-fields.ts';
import type { Purpose, Step } from './place.ts';
import { PACKET, VALUE } from './search-tree.ts';

export const KEY_SIZE = 24;
/** Room in a map; memory is taken for the prefixes that are there. */
export const MAP_ROOM = 4_194_304;
const LPM_TRIE = 11;
const BPF_F_NO_PREALLOC = 1;
const LOOKUP_ELEM = 1;
const FRAME: Register = 10;
/** Free between two questions, beside VALUE. */
const OTHER: Register = 3;
/** Keeps the packet over the call. */
const KEPT: Register = 6;
const ANSWER: Register = 0;

/** The tables that follow the machine's prefixes. */
export const FOLLOWED = 'followed';
/** Values by `view << 8 | number`, and at key 0 the view that counts. Updates replace whole entries. */
export const LIVE = 'live';
export const LIVE_VALUE_SIZE = 24;
/** struct { __u32 words[4]; __u32 out; __u32 in; }: in the order of Filled (compiler/dynamic.ts), host order. */
export const LIVE_OFFSETS = { words: 0, out: 16, in: 20 } as const;
export const VIEW_SHIFT = 8;
export const LAST_VIEW = 0xffff;
export const TABLE_SHIFT = 24;
const LIVE_ROOM = 1024;
const HASH = 1;

export function mapName(id: TableId): string {
  return `set_${id}`;
}

/** What a function that asks tables begins with. */
export const KEEP_PACKET: Instruction = {
  kind: 'alu',
  operator: 'mov',
  width: 64,
  to: KEPT,
  from: { register: PACKET },
};

/** Is the address in the table? The whole key is given: the family, and words that IPv4 leaves 0. */
export function askTable(
  fields: PacketFields,
  field: TableField,
  hasViews: boolean,
  purpose: Purpose,
  yes: Step,
  no: Step,
): Step {
  const { table, side } = readTableField(field);
  const store = (at: number): Instruction => {
    return { kind: 'store', size: 4, base: FRAME, offset: at - KEY_SIZE, from: { register: VALUE } };
  };
  const code: Instruction[] = [
    { kind: 'alu', operator: 'mov', width: 32, to: VALUE, from: { value: (KEY_SIZE - 4) * 8 } },
    store(0),
    ...(hasViews ? loadMarked(fields, fields.load(OTHER, 'family')) : [fields.load(VALUE, 'family')]),
    ...(hasViews ? [markTable(table)] : []),
    store(4),
    ...[0, 1, 2, 3].flatMap((word): Instruction[] => [
      fields.load(VALUE, side, word),
      { kind: 'swap', to: VALUE },
      store(8 + 4 * word),
    ]),
  ];
  return lookUp(code, KEY_SIZE, hasViews ? FOLLOWED : mapName(table), purpose, yes, no);
}

/** Looks up a key of so many bytes, which `key` has put at the top of the frame; ANSWER points at what it has in `yes`. */
function lookUp(key: readonly Instruction[], size: number, map: string, purpose: Purpose, yes: Step, no: Step): Step {
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

/** The maps as libbpf reads them (`SEC(".maps")`): one variable each, whose type says in array lengths what it is. */
export function describeMaps(
  tables: readonly Table[],
  types: BtfType[],
): { readonly names: readonly string[]; readonly size: number } {
  const int = types.push({ kind: 'int', name: 'int', size: 4, encoding: 1 });
  const number = (value: number): TypeId => {
    const array = types.push({ kind: 'array', element: int, index: int, count: value });
    return types.push({ kind: 'pointer', type: array });
  };
  const define = (kind: number, keySize: number, valueSize: number, room: number): TypeId => {
    const definition = {
      type: number(kind),
      key_size: number(keySize),
      value_size: number(valueSize),
      max_entries: number(room),
      map_flags: number(BPF_F_NO_PREALLOC),
    };
    const members = Object.entries(definition).map(([name, type], index) => {
      return { name, type, bitOffset: 64 * index, bitSize: 0 };
    });
    return types.push({ kind: 'struct', name: '', size: MAP_SIZE, members });
  };
  const table = define(LPM_TRIE, KEY_SIZE, 1, MAP_ROOM);
  const maps = tables.filter((one) => !hasViews(one)).map(({ id }) => ({ name: mapName(id), struct: table }));
  if (tables.some(hasViews))
    maps.push({ name: FOLLOWED, struct: table }, { name: LIVE, struct: define(HASH, 4, LIVE_VALUE_SIZE, LIVE_ROOM) });
  const entries = maps.map(({ name, struct }, index) => {
    const type = types.push({ kind: 'variable', name, type: struct, linkage: 'global' });
    return { type, offset: index * MAP_SIZE, size: MAP_SIZE };
  });
  types.push({ kind: 'section', name: '.maps', size: MAP_SIZE * maps.length, entries });
  return { names: maps.map(({ name }) => name), size: MAP_SIZE };
}
/** Five pointers. */
const MAP_SIZE = 40;

export function hasViews({ follows }: Pick<Table, 'follows'>): boolean {
  return follows !== null;
}
