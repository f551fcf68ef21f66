/**
 * `.BTF.ext` of one section: which type each function has and which source line each stretch of instructions belongs
 * to. Offsets here are bytes of the section, as in clang's objects; the loader turns them into instructions.
 */
import type { TypeId } from './btf.ts';
import { BTF_MAGIC } from './btf.ts';
import { ByteWriter, type StringTable } from './byte-writer.ts';
import type { Purpose } from './place.ts';

export interface FunctionInfo {
  readonly at: number;
  readonly type: TypeId;
}
export interface LineInfo {
  readonly at: number;
  readonly purpose: Purpose;
}

const HEADER_SIZE = 24;
/** line << 10 | column */
const LINE_LIMIT = 2 ** 22 - 1;
const COLUMN_LIMIT = 2 ** 10 - 1;

export function writeBtfExt(
  section: string,
  functions: readonly FunctionInfo[],
  lines: readonly LineInfo[],
  strings: StringTable,
): Uint8Array {
  const functionPart = new ByteWriter();
  functionPart.u32(8); // bytes a record
  functionPart.u32(strings.add(section));
  functionPart.u32(functions.length);
  for (const one of functions) {
    functionPart.u32(one.at);
    functionPart.u32(one.type);
  }
  const linePart = new ByteWriter();
  linePart.u32(16);
  linePart.u32(strings.add(section));
  linePart.u32(lines.length);
  for (const { at, purpose } of lines) {
    linePart.u32(at);
    linePart.u32(strings.add(purpose.file));
    linePart.u32(strings.add(purpose.text));
    linePart.u32(((Math.min(purpose.line, LINE_LIMIT) << 10) | Math.min(purpose.column, COLUMN_LIMIT)) >>> 0);
  }
  const all = new ByteWriter();
  all.u16(BTF_MAGIC);
  all.u8(1); // version
  all.u8(0); // flags
  all.u32(HEADER_SIZE);
  all.u32(0);
  all.u32(functionPart.length);
  all.u32(functionPart.length);
  all.u32(linePart.length);
  all.bytes(functionPart.take());
  all.bytes(linePart.take());
  return all.take();
}
