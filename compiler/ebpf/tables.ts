/**
 * Tables in the policy object: one map for each, of both families, and the question whether an address is in it. The
 * key is `struct { __u32 prefixlen; __u32 family; __be32 address[4]; }`, IPv4 in address[0]: 24 bytes, of which the
 * prefix length does not count as matched. (linux/bpf.h, struct bpf_lpm_trie_key)
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
/** Keeps the packet over the call. */
const KEPT: Register = 6;
const ANSWER: Register = 0;

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
export function askTable(fields: PacketFields, field: TableField, purpose: Purpose, yes: Step, no: Step): Step {
  const { table, side } = readTableField(field);
  const store = (at: number): Instruction => {
    return { kind: 'store', size: 4, base: FRAME, offset: at - KEY_SIZE, from: { register: VALUE } };
  };
  const code: Instruction[] = [
    { kind: 'alu', operator: 'mov', width: 32, to: VALUE, from: { value: (KEY_SIZE - 4) * 8 } },
    store(0),
    fields.load(VALUE, 'family'),
    store(4),
    ...[0, 1, 2, 3].flatMap((word): Instruction[] => [
      fields.load(VALUE, side, word),
      { kind: 'swap', to: VALUE },
      store(8 + 4 * word),
    ]),
    { kind: 'alu', operator: 'mov', width: 64, to: VALUE, from: { register: FRAME } },
    { kind: 'alu', operator: 'add', width: 64, to: VALUE, from: { value: -KEY_SIZE } },
    { kind: 'map', to: PACKET, symbol: mapName(table) },
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

/** The maps as libbpf reads them (`SEC(".maps")`): one variable each, whose type says in array lengths what it is. */
export function describeMaps(tables: readonly Table[], types: BtfType[]): { readonly size: number } {
  const int = types.push({ kind: 'int', name: 'int', size: 4, encoding: 1 });
  const number = (value: number): TypeId => {
    const array = types.push({ kind: 'array', element: int, index: int, count: value });
    return types.push({ kind: 'pointer', type: array });
  };
  const definition = {
    type: number(LPM_TRIE),
    key_size: number(KEY_SIZE),
    value_size: number(1),
    max_entries: number(MAP_ROOM),
    map_flags: number(BPF_F_NO_PREALLOC),
  };
  const members = Object.entries(definition).map(([name, type], index) => {
    return { name, type, bitOffset: 64 * index, bitSize: 0 };
  });
  const size = 8 * members.length;
  const struct = types.push({ kind: 'struct', name: '', size, members });
  const entries = tables.map(({ id }, index) => {
    const type = types.push({ kind: 'variable', name: mapName(id), type: struct, linkage: 'global' });
    return { type, offset: index * size, size };
  });
  types.push({ kind: 'section', name: '.maps', size: size * tables.length, entries });
  return { size };
}
