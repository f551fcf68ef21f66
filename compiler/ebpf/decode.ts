/** The inverse of instruction.ts's `encode`, for tests and for readers of built objects. */
import type { AluOperator, Comparison, Instruction, Operand, Register, Size } from './instruction.ts';

const SIZES: readonly Size[] = [4, 2, 1, 8];
const ALU: readonly (AluOperator | null)[] = [
  'add',
  'sub',
  'mul',
  'div',
  'or',
  'and',
  'lsh',
  'rsh',
  null,
  'mod',
  'xor',
  'mov',
];
const COMPARISONS: readonly (Comparison | null)[] = [
  null,
  'eq',
  'gt',
  'ge',
  null,
  'ne',
  null,
  null,
  null,
  null,
  'lt',
  'le',
];

/**
 * Reads instructions as `encode` writes them. 32-bit immediates come back signed for `alu` and `store`, unsigned for
 * 32-bit branches. Throws RangeError at the first code that masqc never writes.
 */
export function decode(bytes: Uint8Array): Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Instruction[] = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const instruction = decodeAt(view, at);
    found.push(instruction);
    at += instruction.kind === 'load64' ? 16 : 8;
  }
  return found;
}

function decodeAt(view: DataView, at: number): Instruction {
  const code = view.getUint8(at);
  const dst = (view.getUint8(at + 1) & 15) as Register;
  const src = (view.getUint8(at + 1) >> 4) as Register;
  const offset = view.getInt16(at + 2, true);
  const value = view.getInt32(at + 4, true);
  const operand: Operand = code & 0x08 ? { register: src } : { value };
  const size = SIZES[(code >> 3) & 3] as Size;
  const alu = ALU[code >> 4] ?? null;
  const comparison = COMPARISONS[code >> 4] ?? null;
  if (code === 0x18) {
    const high = view.getInt32(at + 12, true);
    return { kind: 'load64', to: dst, value: (BigInt(high >>> 0) << 32n) | BigInt(value >>> 0) };
  }
  if (code === 0xdc) return { kind: 'swap', to: dst };
  if (code === 0x95) return { kind: 'exit' };
  if (code === 0x85) return { kind: 'call', helper: value };
  if (code === 0x05) return { kind: 'jump', offset };
  if ((code & 0xe7) === 0x61) return { kind: 'load', size, to: dst, base: src, offset };
  if ((code & 0xe7) === 0x62) return { kind: 'store', size, base: dst, offset, from: { value } };
  if ((code & 0xe7) === 0x63) return { kind: 'store', size, base: dst, offset, from: { register: src } };
  const group = code & 7;
  if ((group === 4 || group === 7) && alu) {
    return { kind: 'alu', operator: alu, width: group === 7 ? 64 : 32, to: dst, from: operand };
  }
  if (group === 5 && comparison) return { kind: 'branch', comparison, width: 64, left: dst, right: operand, offset };
  if (group === 6 && comparison) {
    const right: Operand = code & 0x08 ? operand : { value: value >>> 0 };
    return { kind: 'branch', comparison, width: 32, left: dst, right, offset };
  }
  throw new RangeError(`unknown instruction 0x${code.toString(16)} at byte ${at}`);
}
