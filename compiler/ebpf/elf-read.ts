/** Sections and symbols of a little-endian ELF64 object, as far as compiled eBPF objects need them. */
import { readString } from './byte-writer.ts';

export interface ReadSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly bytes: Uint8Array;
}
export interface ReadSymbol {
  readonly name: string;
  /** STT_* */
  readonly type: number;
  /** STB_*: 0 local, 1 global, 2 weak. */
  readonly binding: number;
  /** 0: not defined here. */
  readonly section: number;
  readonly value: number;
  readonly size: number;
}
export interface ReadElf {
  readonly machine: number;
  readonly sections: readonly ReadSection[];
  readonly symbols: readonly ReadSymbol[];
}

const SHT_SYMTAB = 2;
const SHT_NOBITS = 8;

/** Throws RangeError with one sentence when `bytes` is not such an object. */
export function readElf(bytes: Uint8Array): ReadElf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 64 || view.getUint32(0, false) !== 0x7f454c46) throw new RangeError('not an ELF file');
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new RangeError('not a 64-bit little-endian ELF file');
  const number = (at: number): number => Number(view.getBigUint64(at, true));
  const tableAt = number(40);
  const count = view.getUint16(60, true);
  const raw = Array.from({ length: count }, (_, index) => {
    const at = tableAt + index * 64;
    const type = view.getUint32(at + 4, true);
    const offset = number(at + 24);
    const size = type === SHT_NOBITS ? 0 : number(at + 32);
    if (offset + size > bytes.byteLength) throw new RangeError('a section reaches past the end of the file');
    const link = view.getUint32(at + 40, true);
    return { index, nameAt: view.getUint32(at, true), type, link, bytes: bytes.subarray(offset, offset + size) };
  });
  const names = raw[view.getUint16(62, true)]?.bytes ?? new Uint8Array();
  const sections = raw.map(({ nameAt, ...section }) => ({ ...section, name: readString(names, nameAt) }));
  const table = sections.find((section) => section.type === SHT_SYMTAB);
  const symbols = table ? readSymbols(table.bytes, sections[table.link]?.bytes ?? new Uint8Array()) : [];
  return { machine: view.getUint16(18, true), sections, symbols };
}

function readSymbols(bytes: Uint8Array, names: Uint8Array): ReadSymbol[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / 24) }, (_, index) => {
    const at = index * 24;
    const info = view.getUint8(at + 4);
    return {
      name: readString(names, view.getUint32(at, true)),
      type: info & 15,
      binding: info >> 4,
      section: view.getUint16(at + 6, true),
      value: Number(view.getBigUint64(at + 8, true)),
      size: Number(view.getBigUint64(at + 16, true)),
    };
  });
}

/** The contents of a section, null when there is none of that name. */
export function sectionBytes(elf: ReadElf, name: string): Uint8Array | null {
  return elf.sections.find((section) => section.name === name)?.bytes ?? null;
}
