import type { Btf, BtfMember } from './btf.ts';

/**
 * A value of a BTF type: numbers to 32 bits, bigint for 64 (pointers too), boolean for _Bool, Uint8Array for arrays of
 * char and unsigned bytes, arrays, and plain objects for structs. Members of unnamed structs and unions stand in the
 * struct around them; of a union, all members are read, and those given are written.
 */
export type BtfValue = number | bigint | boolean | Uint8Array | readonly BtfValue[] | BtfRecord;
export type BtfRecord = { readonly [member: string]: BtfValue };
/** What encode takes: bigint or number for any integer, a string for an array of char (padded with NUL). */
export type BtfInput = BtfValue | string | readonly BtfInput[] | { readonly [member: string]: BtfInput };

export type Codec = {
  /** Bytes. */
  readonly size: number;
  decode(bytes: Uint8Array, offset?: number): BtfValue;
  /** Members that are not given are zero. TypeError for an unknown member, RangeError for a value that does not fit. */
  encode(value: BtfInput): Uint8Array<ArrayBuffer>;
  /** Writes only the members that are given; `name` is what errors call the value. */
  encodeInto(bytes: Uint8Array, value: BtfInput, offset?: number, name?: string): void;
};

type Field = {
  readonly read: (view: DataView, at: number) => BtfValue;
  readonly write: (view: DataView, at: number, value: BtfInput, path: string) => void;
};

export function makeCodec(btf: Btf, typeId: number): Codec {
  return codecOf(makeField(btf, typeId), btf.sizeOf(typeId));
}

/** For a key or value without BTF. */
export function makeBytesCodec(size: number): Codec {
  return codecOf(bytesField(size), size);
}

function codecOf(field: Field, size: number): Codec {
  const viewOf = (bytes: Uint8Array, offset: number): DataView => {
    if (bytes.byteLength < offset + size)
      throw new RangeError(`${bytes.byteLength} bytes, ${offset + size} are needed`);
    return new DataView(bytes.buffer, bytes.byteOffset + offset, size);
  };
  return {
    size,
    decode: (bytes, offset = 0) => field.read(viewOf(bytes, offset), 0),
    encode: (value) => {
      const bytes = new Uint8Array(size);
      field.write(viewOf(bytes, 0), 0, value, '');
      return bytes;
    },
    encodeInto: (bytes, value, offset = 0, name = '') => field.write(viewOf(bytes, offset), 0, value, name),
  };
}

function makeField(btf: Btf, typeId: number): Field {
  const type = btf.type(btf.resolve(typeId));
  switch (type.kind) {
    case 'int':
      if (type.bool) return boolField();
      return type.size > 8 ? bytesField(type.size) : integerField(type.size, type.signed, btf.littleEndian);
    case 'enum':
      return integerField(type.size, type.signed, btf.littleEndian);
    case 'pointer':
      return integerField(8, false, btf.littleEndian);
    case 'float':
      return type.size === 4
        ? floatField((view, at) => view.getFloat32(at, btf.littleEndian), 'setFloat32', btf.littleEndian)
        : floatField((view, at) => view.getFloat64(at, btf.littleEndian), 'setFloat64', btf.littleEndian);
    case 'array':
      return makeArray(btf, type.typeId, type.length);
    case 'struct':
    case 'union':
      return makeRecord(btf, type.members);
    default:
      throw new TypeError(`a value of BTF type ${typeId} (${type.kind}) can not be read`);
  }
}

function outside(path: string, value: unknown, what: string): RangeError {
  return new RangeError(`${path === '' ? 'the value' : path}: ${String(value)} does not fit ${what}`);
}
function wrongType(path: string, expected: string): TypeError {
  return new TypeError(`${path === '' ? 'the value' : path}: ${expected} is expected`);
}

function checkInteger(value: BtfInput, bits: number, signed: boolean, path: string): bigint {
  if (typeof value !== 'bigint' && !(typeof value === 'number' && Number.isSafeInteger(value)))
    throw wrongType(path, 'a whole number');
  const big = BigInt(value);
  const fits = signed ? BigInt.asIntN(bits, big) === big : BigInt.asUintN(bits, big) === big;
  if (!fits) throw outside(path, value, `${signed ? 'a signed' : 'an unsigned'} integer of ${bits} bits`);
  return big;
}

function integerField(size: number, signed: boolean, le: boolean): Field {
  const bits = size * 8;
  if (size === 8)
    return {
      read: (view, at) => (signed ? view.getBigInt64(at, le) : view.getBigUint64(at, le)),
      write: (view, at, value, path) =>
        view.setBigUint64(at, BigInt.asUintN(64, checkInteger(value, bits, signed, path)), le),
    };
  const set = (view: DataView, at: number, value: number): void => {
    if (size === 1) view.setUint8(at, value);
    else if (size === 2) view.setUint16(at, value, le);
    else view.setUint32(at, value, le);
  };
  const read: Field['read'] =
    size === 1
      ? (view, at) => (signed ? view.getInt8(at) : view.getUint8(at))
      : size === 2
        ? (view, at) => (signed ? view.getInt16(at, le) : view.getUint16(at, le))
        : (view, at) => (signed ? view.getInt32(at, le) : view.getUint32(at, le));
  return { read, write: (view, at, value, path) => set(view, at, Number(checkInteger(value, bits, signed, path))) };
}

function boolField(): Field {
  return {
    read: (view, at) => view.getUint8(at) !== 0,
    write: (view, at, value, path) => {
      if (typeof value !== 'boolean' && value !== 0 && value !== 1) throw wrongType(path, 'true or false');
      view.setUint8(at, value ? 1 : 0);
    },
  };
}

function floatField(read: Field['read'], setter: 'setFloat32' | 'setFloat64', le: boolean): Field {
  return {
    read,
    write: (view, at, value, path) => {
      if (typeof value !== 'number') throw wrongType(path, 'a number');
      view[setter](at, value, le);
    },
  };
}

function bytesField(size: number): Field {
  return {
    read: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size).slice(),
    write: (view, at, value, path) => {
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      if (!(bytes instanceof Uint8Array) && !Array.isArray(bytes)) throw wrongType(path, `${size} bytes`);
      if (bytes.length > size || (typeof value !== 'string' && bytes.length !== size))
        throw outside(path, `a value of ${bytes.length} bytes`, `${size} bytes`);
      for (let index = 0; index < size; index++)
        view.setUint8(at + index, Number(checkInteger(bytes[index] ?? 0, 8, false, path)));
    },
  };
}

function makeArray(btf: Btf, typeId: number, length: number): Field {
  const element = btf.type(btf.resolve(typeId));
  const isByte = element.kind === 'int' && element.size === 1 && !element.bool;
  if (isByte && (!element.signed || element.name === 'char')) return bytesField(length);
  const field = makeField(btf, typeId);
  const step = btf.sizeOf(typeId);
  return {
    read: (view, at) => Array.from({ length }, (_, index) => field.read(view, at + step * index)),
    write: (view, at, value, path) => {
      if (!Array.isArray(value)) throw wrongType(path, `an array of ${length}`);
      if (value.length !== length) throw outside(path, `an array of ${value.length}`, `${length} elements`);
      value.forEach((item, index) => {
        field.write(view, at + step * index, item, `${path}[${index}]`);
      });
    },
  };
}

function makeRecord(btf: Btf, members: readonly BtfMember[]): Field {
  const fields: { readonly name: string; readonly at: number; readonly field: Field }[] = [];
  const flatten = (list: readonly BtfMember[], base: number): void => {
    for (const member of list) {
      const type = btf.type(btf.resolve(member.typeId));
      const bitOffset = base + member.bitOffset;
      if (member.name === '') {
        if (type.kind === 'struct' || type.kind === 'union') flatten(type.members, bitOffset);
        continue; // an unnamed bit-field is padding
      }
      const isBitField = member.bitSize !== 0 || (type.kind === 'int' && type.bits !== type.size * 8);
      const field =
        isBitField && (type.kind === 'int' || type.kind === 'enum')
          ? bitField(
              type.size,
              bitOffset % (type.size * 8),
              member.bitSize !== 0 ? member.bitSize : type.kind === 'int' ? type.bits : type.size * 8,
              type.signed,
              btf.littleEndian,
            )
          : makeField(btf, member.typeId);
      const at = isBitField
        ? Math.floor(bitOffset / (btf.sizeOf(member.typeId) * 8)) * btf.sizeOf(member.typeId)
        : bitOffset / 8;
      fields.push({ name: member.name, at, field });
    }
  };
  flatten(members, 0);
  const byName = new Map(fields.map((entry) => [entry.name, entry]));
  return {
    read: (view, at) => {
      const record: Record<string, BtfValue> = {};
      for (const { name, at: offset, field } of fields) record[name] = field.read(view, at + offset);
      return record;
    },
    write: (view, at, value, path) => {
      if (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array)
        throw wrongType(path, 'an object');
      for (const [name, item] of Object.entries(value)) {
        const entry = byName.get(name);
        if (entry === undefined)
          throw new TypeError(
            `${path === '' ? 'the struct' : path} has no member ${name}: ${[...byName.keys()].join(', ')}`,
          );
        if (item !== undefined) entry.field.write(view, at + entry.at, item, path === '' ? name : `${path}.${name}`);
      }
    },
  };
}

/** A bit-field of `bits` bits from bit `shift` of a unit of `size` bytes. */
function bitField(size: number, shift: number, bits: number, signed: boolean, le: boolean): Field {
  const unit = integerField(size, false, le);
  const from = BigInt(le ? shift : size * 8 - shift - bits);
  const mask = (1n << BigInt(bits)) - 1n;
  const small = size < 8;
  return {
    read: (view, at) => {
      const raw = (BigInt(unit.read(view, at) as number | bigint) >> from) & mask;
      const value = signed ? BigInt.asIntN(bits, raw) : raw;
      return small ? Number(value) : value;
    },
    write: (view, at, value, path) => {
      const wanted = BigInt.asUintN(bits, checkInteger(value, bits, signed, path));
      const rest = BigInt(unit.read(view, at) as number | bigint) & ~(mask << from);
      unit.write(view, at, rest | (wanted << from), path);
    },
  };
}
