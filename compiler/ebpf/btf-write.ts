import { BTF_HEADER_SIZE, BTF_MAGIC, type BtfType, KIND_NUMBERS, LINKAGES } from './btf.ts';
import { ByteWriter, type StringTable } from './byte-writer.ts';

/** The contents of a `.BTF` section. `strings` may hold more than the types' names (.BTF.ext refers to it too). */
export function writeBtf(types: readonly BtfType[], strings: StringTable): Uint8Array {
  const body = new ByteWriter();
  for (const type of types) writeType(body, type, strings);
  const text = strings.take();
  const all = new ByteWriter();
  all.u16(BTF_MAGIC);
  all.u8(1); // version
  all.u8(0); // flags
  all.u32(BTF_HEADER_SIZE);
  all.u32(0);
  all.u32(body.length);
  all.u32(body.length);
  all.u32(text.length);
  all.bytes(body.take());
  all.bytes(text);
  return all.take();
}

function writeType(to: ByteWriter, type: BtfType, strings: StringTable): void {
  const head = (vlen: number, sizeOrType: number, flag = false): void => {
    if (vlen > 0xffff) throw new RangeError(`${type.kind} with ${vlen} members`);
    to.u32('name' in type ? strings.add(type.name) : 0);
    to.u32(((flag ? 1 : 0) * 0x8000_0000 + KIND_NUMBERS[type.kind] * 0x100_0000 + vlen) >>> 0);
    to.u32(sizeOrType);
  };
  switch (type.kind) {
    case 'int':
      head(0, type.size);
      to.u32((type.encoding << 24) | (type.size * 8));
      return;
    case 'pointer':
    case 'const':
    case 'volatile':
    case 'restrict':
    case 'typedef':
    case 'type-tag':
      head(0, type.type);
      return;
    case 'array':
      head(0, 0);
      to.u32(type.element);
      to.u32(type.index);
      to.u32(type.count);
      return;
    case 'struct':
    case 'union': {
      const hasBitFields = type.members.some((member) => member.bitSize > 0);
      head(type.members.length, type.size, hasBitFields);
      for (const member of type.members) {
        to.u32(strings.add(member.name));
        to.u32(member.type);
        to.u32(hasBitFields ? ((member.bitSize << 24) | member.bitOffset) >>> 0 : member.bitOffset);
      }
      return;
    }
    case 'enum':
    case 'enum64':
      head(type.values.length, type.size, type.signed);
      for (const { name, value } of type.values) {
        to.u32(strings.add(name));
        to.u32(Number(value & 0xffff_ffffn));
        if (type.kind === 'enum64') to.u32(Number((value >> 32n) & 0xffff_ffffn));
      }
      return;
    case 'forward':
      head(0, 0, type.union);
      return;
    case 'function':
      head(LINKAGES.indexOf(type.linkage), type.prototype);
      return;
    case 'prototype':
      head(type.parameters.length, type.returns);
      for (const parameter of type.parameters) {
        to.u32(strings.add(parameter.name));
        to.u32(parameter.type);
      }
      return;
    case 'variable':
      head(0, type.type);
      to.u32(LINKAGES.indexOf(type.linkage));
      return;
    case 'section':
      head(type.entries.length, type.size);
      for (const entry of type.entries) {
        to.u32(entry.type);
        to.u32(entry.offset);
        to.u32(entry.size);
      }
      return;
    case 'float':
      head(0, type.size);
      return;
    case 'decl-tag':
      head(0, type.type);
      to.u32(type.component >>> 0);
      return;
    default:
      throw new RangeError(`no such type: ${type satisfies never}`);
  }
}
