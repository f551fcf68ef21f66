/** A relocatable ELF64 object for EM_BPF, little-endian (System V ABI; the relocation types are in llvm's BPF.def). */
import { ByteWriter, StringTable } from './byte-writer.ts';

export interface Section {
  readonly name: string;
  readonly type: 'progbits' | 'nobits';
  readonly flags: number;
  readonly align: number;
  readonly bytes: Uint8Array;
  readonly relocations: readonly Relocation[];
}
/** R_BPF_64_64 (a map's address in a load64) or R_BPF_64_32 (a call). */
export interface Relocation {
  readonly at: number;
  readonly type: 1 | 10;
  readonly symbol: string;
}
export interface ElfSymbol {
  readonly name: string;
  readonly type: 'function' | 'object' | 'none';
  /** null: defined in another object. */
  readonly section: string | null;
  readonly at: number;
  readonly size: number;
}

export const SHF_WRITE = 1;
export const SHF_ALLOC = 2;
export const SHF_EXECINSTR = 4;
/** As clang sets it: libbpf's linker joins relocations of equal flags only. */
const SHF_INFO_LINK = 0x40;
export const EM_BPF = 247;
const SYMBOL_TYPES = { none: 0, object: 1, function: 2 } as const;
const HEADER_SIZE = 64;
const SECTION_HEADER_SIZE = 64;
const SYMBOL_SIZE = 24;
const RELOCATION_SIZE = 16;

interface Header {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entry: number;
}

/** All symbols are global; the order of sections and symbols is kept, so equal input gives equal bytes. */
export function writeElf(sections: readonly Section[], symbols: readonly ElfSymbol[]): Uint8Array {
  const strings = new StringTable();
  const sectionIndex = (name: string | null): number => {
    if (name === null) return 0;
    const index = sections.findIndex((section) => section.name === name);
    if (index === -1) throw new RangeError(`no section ${name}`);
    return index + 1;
  };
  const symbolIndex = new Map(symbols.map((symbol, index) => [symbol.name, index + 1]));
  const relocated = sections.filter((section) => section.relocations.length > 0);
  const symtab = sections.length + relocated.length + 1;
  const symbolBytes = new ByteWriter();
  symbolBytes.bytes(new Uint8Array(SYMBOL_SIZE));
  for (const symbol of symbols) {
    symbolBytes.u32(strings.add(symbol.name));
    symbolBytes.u8((1 << 4) | SYMBOL_TYPES[symbol.type]); // STB_GLOBAL
    symbolBytes.u8(0); // STV_DEFAULT
    symbolBytes.u16(sectionIndex(symbol.section));
    symbolBytes.u64(symbol.at);
    symbolBytes.u64(symbol.size);
  }
  const headers: Header[] = sections.map((section) => ({
    ...section,
    type: section.type === 'progbits' ? 1 : 8,
    link: 0,
    info: 0,
    entry: 0,
  }));
  for (const section of relocated) {
    const bytes = new ByteWriter();
    for (const relocation of section.relocations) {
      const symbol = symbolIndex.get(relocation.symbol);
      if (symbol === undefined) throw new RangeError(`no symbol ${relocation.symbol}`);
      bytes.u64(relocation.at);
      bytes.u64((BigInt(symbol) << 32n) | BigInt(relocation.type));
    }
    const info = sectionIndex(section.name);
    const name = `.rel${section.name}`;
    headers.push({
      name,
      type: 9,
      flags: SHF_INFO_LINK,
      bytes: bytes.take(),
      link: symtab,
      info,
      align: 8,
      entry: RELOCATION_SIZE,
    });
  }
  const symbolTable = { name: '.symtab', type: 2, flags: 0, bytes: symbolBytes.take(), link: symtab + 1 };
  headers.push({ ...symbolTable, info: 1, align: 8, entry: SYMBOL_SIZE });
  for (const header of headers) strings.add(header.name);
  strings.add('.strtab');
  headers.push({ name: '.strtab', type: 3, flags: 0, bytes: strings.take(), link: 0, info: 0, align: 1, entry: 0 });
  return assemble(headers, strings);
}

/** Header, contents, section headers. The last section is the table of all names. */
function assemble(headers: readonly Header[], strings: StringTable): Uint8Array {
  const body = new ByteWriter();
  const places: number[] = [];
  body.bytes(new Uint8Array(HEADER_SIZE));
  for (const header of headers) {
    body.align(header.align);
    places.push(body.length);
    body.bytes(header.bytes);
  }
  body.align(8);
  const tableAt = body.length;
  body.bytes(new Uint8Array(SECTION_HEADER_SIZE));
  for (const [index, header] of headers.entries()) {
    body.u32(strings.add(header.name));
    body.u32(header.type);
    body.u64(header.flags);
    body.u64(0);
    body.u64(places[index] as number);
    body.u64(header.bytes.length);
    body.u32(header.link);
    body.u32(header.info);
    body.u64(header.align);
    body.u64(header.entry);
  }
  const bytes = body.take();
  const head = new ByteWriter();
  head.bytes(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  head.u16(1); // ET_REL
  head.u16(EM_BPF);
  head.u32(1);
  head.u64(0);
  head.u64(0);
  head.u64(tableAt);
  head.u32(0);
  head.u16(HEADER_SIZE);
  head.u16(0);
  head.u16(0);
  head.u16(SECTION_HEADER_SIZE);
  head.u16(headers.length + 1);
  head.u16(headers.length); // .strtab
  bytes.set(head.take());
  return bytes;
}
