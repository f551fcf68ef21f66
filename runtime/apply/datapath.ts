import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { readElf, sectionBytes } from '../../compiler/ebpf/elf-read.ts';
import { Btf } from '../../native/lib/btf.ts';
import { Refusal } from '../cli/refusal.ts';

/** The objects that were built from native/datapath when the package was. Needs no addon and no Linux to be read. */
export interface Datapath {
  readonly datapath: Uint8Array;
  readonly miss: Uint8Array;
  readonly datapath6: Uint8Array;
  readonly miss6: Uint8Array;
  /** Of all objects. */
  readonly hash: string;
  /** Of the maps and structs that are shared through pins. */
  readonly layout: string;
  readonly btf: Btf;
}

const DIRECTORY = new URL('../../native/prebuilt/datapath/', import.meta.url);

const NAMES = ['datapath4', 'miss4', 'datapath6', 'miss6'] as const;
const pathOf = (name: (typeof NAMES)[number]): URL => new URL(`${name}.bpf.o`, DIRECTORY);

export function hasDatapath(): boolean {
  return NAMES.every((name) => existsSync(pathOf(name)));
}

export function readDatapath(): Datapath {
  if (!hasDatapath()) {
    throw new Refusal(
      'The datapath objects are not built.',
      'In a clone run `npm run setup`; an installed package brings them.',
    );
  }
  const read = (name: (typeof NAMES)[number]): Uint8Array => readFileSync(pathOf(name));
  const [datapath, miss, datapath6, miss6] = [read('datapath4'), read('miss4'), read('datapath6'), read('miss6')];
  const btf = new Btf(btfSection(datapath));
  const layouts = [hashLayout(btf), hashLayout(new Btf(btfSection(datapath6)))];
  const hash = hashOf([datapath, miss, datapath6, miss6]);
  return { datapath, miss, datapath6, miss6, hash, layout: hashOf(layouts), btf };
}

/** The object that reads a flow table for `masqc show` (native/datapath/list.bpf.c). */
export function readLister(family: 4 | 6): Uint8Array {
  return readFileSync(new URL(`list${family}.bpf.o`, DIRECTORY));
}

function btfSection(object: Uint8Array): Uint8Array {
  const bytes = sectionBytes(readElf(object), '.BTF');
  if (bytes === undefined || bytes === null) throw new Error('a datapath object has no BTF');
  return bytes;
}

export function hashOf(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

/**
 * Hash over the definition of each map (type, sizes, types of key and value, down to the last member): what two
 * datapaths must agree on to work on the same pinned maps.
 */
export function hashLayout(btf: Btf): string {
  const maps = btf.variables('.maps') ?? [];
  const texts = maps.map((map) => `${map.name} ${describeType(btf, map.typeId, 0)}`);
  return hashOf(texts.sort());
}

/** A struct written out, with all that is in it. */
export function describeStruct(btf: Btf, name: string): string {
  return describeType(btf, btf.find(name, 'struct') ?? 0, 0);
}

/** A type written out; pointers one level deep, since map definitions point at their key and value. */
function describeType(btf: Btf, id: number, depth: number): string {
  if (id === 0 || depth > 12) return 'void';
  const type = btf.type(btf.resolve(id));
  switch (type.kind) {
    case 'int':
      return `${type.signed ? 'i' : 'u'}${type.size * 8}`;
    case 'enum':
      return `enum${type.size * 8}`;
    case 'array':
      return `${describeType(btf, type.typeId, depth + 1)}[${type.length}]`;
    case 'pointer':
      return `*${describeType(btf, type.typeId, depth + 1)}`;
    case 'struct':
    case 'union': {
      const members = type.members.map(
        (member) => `${member.name}@${member.bitOffset}:${describeType(btf, member.typeId, depth + 1)}`,
      );
      return `${type.kind}${type.size}{${members.join(';')}}`;
    }
    default:
      return type.kind;
  }
}
