/** A member of a struct or union; offsets and bit-field sizes in bits, 0 for a member that is no bit-field. */
export type BtfMember = {
  readonly name: string;
  readonly typeId: number;
  readonly bitOffset: number;
  readonly bitSize: number;
};
/** A variable of a section; bytes. */
export type BtfVariable = {
  readonly name: string;
  readonly typeId: number;
  readonly offset: number;
  readonly size: number;
};
/** One BTF type (Documentation/bpf/btf.rst); kinds that only rename or qualify another type are 'modifier'. */
export type BtfType =
  | { readonly kind: 'void' }
  | {
      readonly kind: 'int';
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly bool: boolean;
      /** Of a bit-field type (old style), else 0 and 8 * size. */
      readonly bitOffset: number;
      readonly bits: number;
    }
  | { readonly kind: 'pointer'; readonly typeId: number }
  | { readonly kind: 'array'; readonly typeId: number; readonly length: number }
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: 'enum';
      readonly name: string;
      readonly size: number;
      /** clang before 15 never says so. */
      readonly signed: boolean;
      readonly values: ReadonlyMap<string, bigint>;
    }
  | { readonly kind: 'modifier'; readonly name: string; readonly word: string; readonly typeId: number }
  | { readonly kind: 'variable'; readonly name: string; readonly typeId: number; readonly linkage: number }
  | {
      readonly kind: 'section';
      readonly name: string;
      readonly size: number;
      readonly entries: readonly { readonly typeId: number; readonly offset: number; readonly size: number }[];
    }
  | { readonly kind: 'float'; readonly name: string; readonly size: number }
  | { readonly kind: 'function'; readonly name: string; readonly typeId: number; readonly linkage: number }
  | { readonly kind: 'other'; readonly name: string };

/** Throws TypeError on bytes that are no BTF. */
export class Btf {
  readonly types: readonly BtfType[];
  /** The byte order of the program's machine. */
  readonly littleEndian: boolean;

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.byteLength < 24 || (view.getUint16(0, true) !== 0xeb9f && view.getUint16(0, false) !== 0xeb9f))
      throw new TypeError('this is not BTF: the magic number is missing');
    this.littleEndian = view.getUint16(0, true) === 0xeb9f;
    this.types = readTypes(view, this.littleEndian);
  }

  type(id: number): BtfType {
    const type = this.types[id];
    if (type === undefined) throw new RangeError(`BTF has no type ${id}`);
    return type;
  }

  /** The id behind typedef, const, volatile, restrict and type tags. */
  resolve(id: number): number {
    let at = id;
    for (let depth = 0; depth < 64; depth++) {
      const type = this.type(at);
      if (type.kind !== 'modifier') return at;
      at = type.typeId;
    }
    throw new RangeError(`BTF type ${id} goes in a circle`);
  }

  /** Bytes. */
  sizeOf(id: number): number {
    const type = this.type(this.resolve(id));
    switch (type.kind) {
      case 'int':
      case 'struct':
      case 'union':
      case 'enum':
      case 'float':
      case 'section':
        return type.size;
      case 'pointer':
        return 8;
      case 'array':
        return type.length * this.sizeOf(type.typeId);
      case 'variable':
        return this.sizeOf(type.typeId);
      default:
        throw new TypeError(`BTF type ${id} (${type.kind}) has no size`);
    }
  }

  /** The id of the struct, union, enum, typedef, … of that name, or null. */
  find(name: string, kind?: BtfType['kind']): number | null {
    const id = this.types.findIndex(
      (type) => 'name' in type && type.name === name && (kind === undefined || type.kind === kind),
    );
    return id < 0 ? null : id;
  }

  /** The variables of a section ('.rodata', '.maps'), or null where there is no such section. */
  variables(section: string): readonly BtfVariable[] | null {
    const id = this.find(section, 'section');
    const type = id === null ? null : this.type(id);
    if (type?.kind !== 'section') return null;
    return type.entries.map(({ typeId, offset, size }) => {
      const variable = this.type(typeId);
      if (variable.kind !== 'variable') throw new TypeError(`section ${section} holds type ${typeId}, no variable`);
      return { name: variable.name, typeId: variable.typeId, offset, size };
    });
  }

  /** The names and values of an enum, or null. */
  enumValues(name: string): ReadonlyMap<string, bigint> | null {
    const id = this.find(name, 'enum');
    const type = id === null ? null : this.type(id);
    return type?.kind === 'enum' ? type.values : null;
  }
}

const MODIFIERS: Readonly<Record<number, string>> = {
  8: 'typedef',
  9: 'volatile',
  10: 'const',
  11: 'restrict',
  18: 'type_tag',
};

function readTypes(view: DataView, le: boolean): BtfType[] {
  const headerLength = view.getUint32(4, le);
  const start = headerLength + view.getUint32(8, le);
  const end = start + view.getUint32(12, le);
  const strings = headerLength + view.getUint32(16, le);
  const stringsEnd = strings + view.getUint32(20, le);
  if (end > view.byteLength || stringsEnd > view.byteLength) throw new TypeError('BTF is cut off');
  const decoder = new TextDecoder();
  const text = (offset: number): string => {
    const from = strings + offset;
    let to = from;
    while (to < stringsEnd && view.getUint8(to) !== 0) to++;
    return decoder.decode(new Uint8Array(view.buffer, view.byteOffset + from, to - from));
  };
  const u32 = (at: number): number => view.getUint32(at, le);

  const types: BtfType[] = [{ kind: 'void' }];
  for (let at = start; at < end; ) {
    const info = u32(at + 4);
    const count = info & 0xffff;
    const kind = (info >>> 24) & 0x1f;
    const flag = info >>> 31 === 1;
    const name = text(u32(at));
    const size = u32(at + 8);
    at += 12;
    const each = <T>(step: number, read: (at: number) => T): T[] => {
      const items = Array.from({ length: count }, (_, index) => read(at + step * index));
      at += step * count;
      return items;
    };
    switch (kind) {
      case 1: {
        const encoding = u32(at);
        at += 4;
        types.push({
          kind: 'int',
          name,
          size,
          signed: ((encoding >>> 24) & 1) === 1,
          bool: ((encoding >>> 24) & 4) === 4,
          bitOffset: (encoding >>> 16) & 0xff,
          bits: encoding & 0xff,
        });
        break;
      }
      case 2:
        types.push({ kind: 'pointer', typeId: size });
        break;
      case 3:
        types.push({ kind: 'array', typeId: u32(at), length: u32(at + 8) });
        at += 12;
        break;
      case 4:
      case 5: {
        const members = each(12, (from) => {
          const offset = u32(from + 8);
          return {
            name: text(u32(from)),
            typeId: u32(from + 4),
            bitOffset: flag ? offset & 0xff_ffff : offset,
            bitSize: flag ? offset >>> 24 : 0,
          };
        });
        types.push({ kind: kind === 4 ? 'struct' : 'union', name, size, members });
        break;
      }
      case 6: {
        const values = each(
          8,
          (from) => [text(u32(from)), BigInt(flag ? view.getInt32(from + 4, le) : u32(from + 4))] as const,
        );
        types.push({ kind: 'enum', name, size, signed: flag, values: new Map(values) });
        break;
      }
      case 19: {
        const values = each(12, (from) => {
          const value = (BigInt(u32(from + 8)) << 32n) | BigInt(u32(from + 4));
          return [text(u32(from)), flag ? BigInt.asIntN(64, value) : value] as const;
        });
        types.push({ kind: 'enum', name, size, signed: flag, values: new Map(values) });
        break;
      }
      case 8:
      case 9:
      case 10:
      case 11:
      case 18:
        types.push({ kind: 'modifier', name, word: MODIFIERS[kind] ?? '', typeId: size });
        break;
      case 12:
        types.push({ kind: 'function', name, typeId: size, linkage: count });
        break;
      case 14:
        types.push({ kind: 'variable', name, typeId: size, linkage: u32(at) });
        at += 4;
        break;
      case 15: {
        const entries = each(12, (from) => ({ typeId: u32(from), offset: u32(from + 4), size: u32(from + 8) }));
        types.push({ kind: 'section', name, size, entries });
        break;
      }
      case 16:
        types.push({ kind: 'float', name, size });
        break;
      case 7:
        types.push({ kind: 'other', name });
        break;
      case 13:
        each(8, () => null);
        types.push({ kind: 'other', name });
        break;
      case 17:
        at += 4;
        types.push({ kind: 'other', name });
        break;
      default:
        throw new TypeError(`BTF type ${types.length} is of the unknown kind ${kind}`);
    }
  }
  return types;
}
