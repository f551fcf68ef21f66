import { BTF_HEADER_SIZE, BTF_MAGIC, type BtfType, KIND_NUMBERS, LINKAGES, type Linkage, type Member } from './btf.ts';
import { readString } from './byte-writer.ts';

const KINDS = new Map(Object.entries(KIND_NUMBERS).map(([kind, number]) => [number, kind as BtfType['kind']]));

/** Reads a `.BTF` section of a little-endian object. Throws RangeError where it is not one. */
export function readBtf(bytes: Uint8Array): BtfType[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < BTF_HEADER_SIZE || view.getUint16(0, true) !== BTF_MAGIC) {
    throw new RangeError('not a BTF section of this byte order');
  }
  const start = view.getUint32(4, true);
  const typesAt = start + view.getUint32(8, true);
  const end = typesAt + view.getUint32(12, true);
  const stringsAt = start + view.getUint32(16, true);
  const strings = bytes.subarray(stringsAt, stringsAt + view.getUint32(20, true));
  const reader = new TypeReader(view, strings, typesAt);
  const types: BtfType[] = [];
  while (reader.at < end) types.push(reader.type());
  return types;
}

class TypeReader {
  at: number;
  readonly #view: DataView;
  readonly #strings: Uint8Array;

  constructor(view: DataView, strings: Uint8Array, at: number) {
    this.#view = view;
    this.#strings = strings;
    this.at = at;
  }

  #u32(): number {
    const value = this.#view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }
  #name(): string {
    return readString(this.#strings, this.#u32());
  }
  #list<T>(count: number, one: () => T): T[] {
    return Array.from({ length: count }, one);
  }

  type(): BtfType {
    const name = this.#name();
    const info = this.#u32();
    const size = this.#u32(); // or a type
    const vlen = info & 0xffff;
    const flag = info >>> 31 === 1;
    const kind = KINDS.get((info >>> 24) & 0x1f);
    switch (kind) {
      case 'int':
        return { kind, name, size, encoding: (this.#u32() >>> 24) & 0x0f };
      case 'pointer':
      case 'const':
      case 'volatile':
      case 'restrict':
        return { kind, type: size };
      case 'typedef':
      case 'type-tag':
        return { kind, name, type: size };
      case 'array':
        return { kind, element: this.#u32(), index: this.#u32(), count: this.#u32() };
      case 'struct':
      case 'union':
        return { kind, name, size, members: this.#list(vlen, () => this.#member(flag)) };
      case 'enum':
      case 'enum64':
        return { kind, name, size, signed: flag, values: this.#list(vlen, () => this.#value(kind === 'enum64', flag)) };
      case 'forward':
        return { kind, name, union: flag };
      case 'function':
        return { kind, name, prototype: size, linkage: linkageOf(vlen) };
      case 'prototype':
        return {
          kind,
          returns: size,
          parameters: this.#list(vlen, () => ({ name: this.#name(), type: this.#u32() })),
        };
      case 'variable':
        return { kind, name, type: size, linkage: linkageOf(this.#u32()) };
      case 'section': {
        const entry = () => ({ type: this.#u32(), offset: this.#u32(), size: this.#u32() });
        return { kind, name, size, entries: this.#list(vlen, entry) };
      }
      case 'float':
        return { kind, name, size };
      case 'decl-tag':
        return { kind, name, type: size, component: this.#u32() | 0 };
      case undefined:
        throw new RangeError(`unknown BTF kind ${(info >>> 24) & 0x1f}`);
      default:
        return kind satisfies never;
    }
  }

  #member(hasBitFields: boolean): Member {
    const name = this.#name();
    const type = this.#u32();
    const offset = this.#u32();
    if (!hasBitFields) return { name, type, bitOffset: offset, bitSize: 0 };
    return { name, type, bitOffset: offset & 0xff_ffff, bitSize: offset >>> 24 };
  }

  #value(is64: boolean, signed: boolean): { name: string; value: bigint } {
    const name = this.#name();
    const low = BigInt(this.#u32());
    const value = is64 ? low | (BigInt(this.#u32()) << 32n) : low;
    return { name, value: signed ? BigInt.asIntN(is64 ? 64 : 32, value) : value };
  }
}

function linkageOf(number: number): Linkage {
  const linkage = LINKAGES[number];
  if (!linkage) throw new RangeError(`unknown linkage ${number}`);
  return linkage;
}
