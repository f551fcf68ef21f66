import { sizeTables } from '../../compiler/artifact/maps.ts';

type Kind = 'hash' | 'array' | 'queue';
/** A map that is taken whole when it is made: bytes of its key and value (native/datapath). */
interface Shape {
  readonly kind: Kind;
  readonly key: number;
  readonly value: number;
}

/** Maps that grow with `flows`, without the family in their names. */
const TABLE: Readonly<Record<4 | 6, Readonly<Record<string, Shape>>>> = {
  4: {
    flows: { kind: 'hash', key: 16, value: 64 },
    slots: { kind: 'array', key: 4, value: 32 },
    mappings: { kind: 'hash', key: 8, value: 56 },
    resting: { kind: 'queue', key: 0, value: 8 },
    dying: { kind: 'queue', key: 0, value: 8 },
    peers: { kind: 'hash', key: 16, value: 4 },
  },
  6: {
    flows: { kind: 'hash', key: 40, value: 56 },
    slots: { kind: 'array', key: 4, value: 56 },
    translations: { kind: 'array', key: 4, value: 32 },
    mappings: { kind: 'hash', key: 24, value: 56 },
    resting: { kind: 'queue', key: 0, value: 24 },
    dying: { kind: 'queue', key: 0, value: 24 },
    peers: { kind: 'hash', key: 48, value: 4 },
  },
};

/** Counters of who has how much of a table and its ports (sketch.h). */
const SHARES = 6 * 4096 + 64;

/** Maps of one size, with their max_entries: for datagrams in pieces (datagram.h, idents.h, stash.h), and those counters. */
const FIXED: Readonly<Record<4 | 6, Readonly<Record<string, Shape & { readonly entries: number }>>>> = {
  4: {
    datagrams: { kind: 'hash', key: 20, value: 72, entries: 8192 },
    idents: { kind: 'hash', key: 16, value: 36, entries: 8192 },
    stash: { kind: 'array', key: 4, value: 1032, entries: 32 },
    stash_bytes: { kind: 'array', key: 4, value: 2048, entries: 1024 },
    shares: { kind: 'array', key: 4, value: 4, entries: SHARES },
  },
  6: {
    datagrams: { kind: 'hash', key: 48, value: 112, entries: 8192 },
    idents: { kind: 'hash', key: 40, value: 88, entries: 8192 },
    stash: { kind: 'array', key: 4, value: 2056, entries: 32 },
    stash_bytes: { kind: 'array', key: 4, value: 2048, entries: 1024 },
    shares: { kind: 'array', key: 4, value: 4, entries: SHARES },
  },
};

/** Of both families: what limits keep of sources grows with `flows`. */
const SOURCES: Shape = { kind: 'array', key: 4, value: 256 };
/** The ring of events (events.h), with the kernel's lists of its pages. */
const EVENTS = 526 * 1024;
/** Buckets for what lines count and limit, of 16 bytes; entries come with the lines (lines.h, accounts.h). */
const LINES = 16 * (4 * 131_072 + 65_536);

/**
 * Kernel memory of a map, as the kernel counts it (fdinfo `memlock`, from Linux 6.4 on) but for some hundred bytes a map. An
 * entry of a hash costs 48 bytes beside key and value, and each bucket 16, a power of two of them.
 */
function mapBytes({ kind, key, value }: Shape, entries: number): number {
  const wide = (bytes: number) => Math.ceil(bytes / 8) * 8;
  if (kind === 'queue') return (entries + 1) * value;
  if (kind === 'array') return entries * wide(value);
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(entries, 1)));
  return entries * (48 + wide(key) + wide(value)) + buckets * 16;
}

/** Kernel memory of the maps of one family that grow with `flows`, by their names. */
export function tableMaps(flows: number, family: 4 | 6): Readonly<Record<string, number>> {
  const sizes: Readonly<Record<string, number>> = sizeTables(flows);
  return Object.fromEntries(
    Object.entries(TABLE[family]).map(([name, shape]) => {
      return [`${name}${family}`, mapBytes(shape, sizes[`${name}${family}`] ?? 0)];
    }),
  );
}
/** And of those that do not. */
export function fixedMaps(family: 4 | 6): Readonly<Record<string, number>> {
  return Object.fromEntries(
    Object.entries(FIXED[family]).map(([name, shape]) => [`${name}${family}`, mapBytes(shape, shape.entries)]),
  );
}
const sum = (maps: Readonly<Record<string, number>>) => Object.values(maps).reduce((all, one) => all + one, 0);

/**
 * Kernel memory of a table: with `flows` a power of two, a flow takes 320 bytes (IPv4) or 376 (IPv6), and 32 more where IPv6
 * may be translated; a mapping 136 or 168, of which there is room for two a flow, those that rest and second entries included;
 * and 1 or 3 for those that end.
 */
export function flowTableBytes(flows: number, family: 4 | 6): number {
  return sum(tableMaps(flows, family));
}

/** What one family takes when it is loaded: its table, and maps of one size. */
export function familyBytes(flows: number, family: 4 | 6): number {
  return flowTableBytes(flows, family) + sum(fixedMaps(family));
}

/** Kernel memory of all that is loaded at first. */
export function loadBytes(flows: number, ipv6: boolean): number {
  const shared = mapBytes(SOURCES, sizeTables(flows).sources) + EVENTS + LINES;
  return shared + familyBytes(flows, 4) + (ipv6 ? familyBytes(flows, 6) : 0);
}

/** `76.0 MiB`, `312 KiB`: three digits. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text = unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1);
  return `${text} ${units[unit]}`;
}
