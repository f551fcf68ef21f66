/**
 * The maps of the policy object. Each set is one map, of both families: the key is `struct { __u32 prefixlen; __u32 family;
 * __be32 address[4]; }`, IPv4 in address[0]: 24 bytes, of which the prefix length does not count as matched. (linux/bpf.h,
 * struct bpf_lpm_trie_key) A large one has an outline beside it (outline.ts).
 *
 * Tables that follow the machine's prefixes are in one map together: above the family (8 bits) stand the number of a view
 * (16 bits) and that of the table. That map and the one of values beside it hold several views at once.
 */
import type { Table, TableId } from '../model.ts';
import type { BtfType, TypeId } from './btf.ts';

export const KEY_SIZE = 24;
/** Room in a map; memory is taken for the prefixes that are there. */
const MAP_ROOM = 4_194_304;
const [HASH, ARRAY, LPM_TRIE] = [1, 2, 11];
const BPF_F_NO_PREALLOC = 1;

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

/** Words of an outline, each 8 bytes: 2 MiB of kernel memory. */
export const OUTLINE_WORDS = 2 ** 18;
/** Where an outline begins to be worth its memory: a search among fewer takes a few steps. */
const LEAST_RANGES = 1024;

export function mapName(id: TableId): string {
  return `set_${id}`;
}
export function outlineName(id: TableId): string {
  return `outline_${id}`;
}

export function hasViews({ follows }: Pick<Table, 'follows'>): boolean {
  return follows !== null;
}
export function isOutlined(table: Pick<Table, 'addresses' | 'follows'>): boolean {
  return !hasViews(table) && table.addresses.v4.length >= LEAST_RANGES;
}

/** Five pointers. */
const MAP_SIZE = 40;

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
  const define = (kind: number, keySize: number, valueSize: number, room: number, flags: number): TypeId => {
    const definition = {
      type: number(kind),
      key_size: number(keySize),
      value_size: number(valueSize),
      max_entries: number(room),
      map_flags: number(flags),
    };
    const members = Object.entries(definition).map(([name, type], index) => {
      return { name, type, bitOffset: 64 * index, bitSize: 0 };
    });
    return types.push({ kind: 'struct', name: '', size: MAP_SIZE, members });
  };
  const table = define(LPM_TRIE, KEY_SIZE, 1, MAP_ROOM, BPF_F_NO_PREALLOC);
  const maps = tables.filter((one) => !hasViews(one)).map(({ id }) => ({ name: mapName(id), struct: table }));
  const outlined = tables.filter(isOutlined);
  if (outlined.length > 0) {
    const struct = define(ARRAY, 4, 8, OUTLINE_WORDS, 0);
    maps.push(...outlined.map(({ id }) => ({ name: outlineName(id), struct })));
  }
  if (tables.some(hasViews)) {
    const struct = define(HASH, 4, LIVE_VALUE_SIZE, LIVE_ROOM, BPF_F_NO_PREALLOC);
    maps.push({ name: FOLLOWED, struct: table }, { name: LIVE, struct });
  }
  const entries = maps.map(({ name, struct }, index) => {
    const type = types.push({ kind: 'variable', name, type: struct, linkage: 'global' });
    return { type, offset: index * MAP_SIZE, size: MAP_SIZE };
  });
  types.push({ kind: 'section', name: '.maps', size: MAP_SIZE * maps.length, entries });
  return { names: maps.map(({ name }) => name), size: MAP_SIZE };
}
