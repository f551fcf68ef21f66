/**
 * eBPF instructions as values, and their 8-byte form (RFC 9669, little-endian machines). Offsets of jumps count
 * instructions from the one after the jump; `load64` and `map` take two slots.
 */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;
/** Bytes of a memory access. */
export type Size = 1 | 2 | 4 | 8;
export type AluOperator = 'add' | 'sub' | 'mul' | 'div' | 'or' | 'and' | 'lsh' | 'rsh' | 'mod' | 'xor' | 'mov';
export type Comparison = 'eq' | 'gt' | 'ge' | 'ne' | 'lt' | 'le';
/** A register, or an immediate of 32 bits (signed or unsigned; as the instruction's width extends it). */
export type Operand = { readonly register: Register } | { readonly value: number };

/** A test of `left` against `right`; unsigned. `width` 32 looks at the lower halves only. */
export interface Condition {
  readonly comparison: Comparison;
  readonly width: 32 | 64;
  readonly left: Register;
  readonly right: Operand;
}

export type Instruction =
  | {
      readonly kind: 'load';
      readonly size: Size;
      readonly to: Register;
      readonly base: Register;
      readonly offset: number;
    }
  | {
      readonly kind: 'store';
      readonly size: Size;
      readonly base: Register;
      readonly offset: number;
      readonly from: Operand;
    }
  | {
      readonly kind: 'alu';
      readonly operator: AluOperator;
      readonly width: 32 | 64;
      readonly to: Register;
      readonly from: Operand;
    }
  | { readonly kind: 'load64'; readonly to: Register; readonly value: bigint }
  /** The address of a map, filled in by whoever loads the object: `symbol` is the map's name. */
  | { readonly kind: 'map'; readonly to: Register; readonly symbol: string }
  /** The lower 32 bits in network order, the upper ones 0. */
  | { readonly kind: 'swap'; readonly to: Register }
  | ({ readonly kind: 'branch'; readonly offset: number } & Condition)
  | { readonly kind: 'jump'; readonly offset: number }
  | { readonly kind: 'call'; readonly helper: number }
  | { readonly kind: 'exit' };

const SIZE_BITS: Record<Size, number> = { 4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18 };
const ALU: Record<AluOperator, number> = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
};
const COMPARISON: Record<Comparison, number> = {
  eq: 0x10,
  gt: 0x20,
  ge: 0x30,
  ne: 0x50,
  lt: 0xa0,
  le: 0xb0,
};
const SOURCE_REGISTER = 0x08;
const EXIT = 0x95;
const CALL = 0x85;
const JUMP = 0x05;
const LOAD64 = 0x18;
const SWAP = 0xdc; // BPF_ALU | BPF_END | BPF_TO_BE

/** Slots of 8 bytes. */
export function slotsOf(instruction: Instruction): 1 | 2 {
  return instruction.kind === 'load64' || instruction.kind === 'map' ? 2 : 1;
}

function put(to: DataView, at: number, code: number, dst: number, src: number, offset: number, value: number): void {
  if (offset < -32768 || offset > 32767) throw new RangeError(`offset ${offset} does not fit 16 bits`);
  if (!Number.isInteger(value) || value < -0x80000000 || value > 0xffffffff) {
    throw new RangeError(`immediate ${value} does not fit 32 bits`);
  }
  to.setUint8(at, code);
  to.setUint8(at + 1, dst | (src << 4));
  to.setInt16(at + 2, offset, true);
  to.setInt32(at + 4, value | 0, true);
}

function registerOf(operand: Operand): number {
  return 'register' in operand ? operand.register : 0;
}
function immediateOf(operand: Operand): number {
  return 'value' in operand ? operand.value : 0;
}
function sourceBit(operand: Operand): number {
  return 'register' in operand ? SOURCE_REGISTER : 0;
}

/** Writes one instruction at byte `at`. Throws RangeError for an offset or an immediate that does not fit. */
export function encodeAt(to: DataView, at: number, instruction: Instruction): void {
  const i = instruction;
  switch (i.kind) {
    case 'load':
      put(to, at, 0x61 | SIZE_BITS[i.size], i.to, i.base, i.offset, 0);
      return;
    case 'store': {
      const code = 'register' in i.from ? 0x63 : 0x62;
      put(to, at, code | SIZE_BITS[i.size], i.base, registerOf(i.from), i.offset, immediateOf(i.from));
      return;
    }
    case 'alu': {
      const code = (i.width === 64 ? 0x07 : 0x04) | ALU[i.operator] | sourceBit(i.from);
      put(to, at, code, i.to, registerOf(i.from), 0, immediateOf(i.from));
      return;
    }
    case 'load64':
      put(to, at, LOAD64, i.to, 0, 0, Number(i.value & 0xffffffffn));
      put(to, at + 8, 0, 0, 0, 0, Number((i.value >> 32n) & 0xffffffffn));
      return;
    case 'map':
      put(to, at, LOAD64, i.to, 0, 0, 0);
      put(to, at + 8, 0, 0, 0, 0, 0);
      return;
    case 'swap':
      put(to, at, SWAP, i.to, 0, 0, 32);
      return;
    case 'branch': {
      const code = (i.width === 64 ? 0x05 : 0x06) | COMPARISON[i.comparison] | sourceBit(i.right);
      put(to, at, code, i.left, registerOf(i.right), i.offset, immediateOf(i.right));
      return;
    }
    case 'jump':
      put(to, at, JUMP, 0, 0, i.offset, 0);
      return;
    case 'call':
      put(to, at, CALL, 0, 0, 0, i.helper);
      return;
    case 'exit':
      put(to, at, EXIT, 0, 0, 0, 0);
      return;
    default:
      throw new RangeError(`no such instruction: ${i satisfies never}`);
  }
}

/** The bytes of a sequence. */
export function encode(instructions: readonly Instruction[]): Uint8Array {
  const slots = instructions.reduce((sum, instruction) => sum + slotsOf(instruction), 0);
  const bytes = new Uint8Array(slots * 8);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const instruction of instructions) {
    encodeAt(view, at, instruction);
    at += slotsOf(instruction) * 8;
  }
  return bytes;
}
