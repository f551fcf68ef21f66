/** Runs the instructions that the policy is made of on a packet in memory: an independent reading of RFC 9669. */
import type { Condition, Instruction, Operand, Register } from '../../../compiler/ebpf/instruction.ts';

const ALL = (1n << 64n) - 1n;

/** `packet` is changed; r1 points at its first byte, null: r1 is 0. Returns r0. */
export function interpret(instructions: readonly Instruction[], packet: Uint8Array | null): bigint {
  const slots = instructions.flatMap((one): (Instruction | null)[] => (one.kind === 'load64' ? [one, null] : [one]));
  const registers = new Array<bigint | null>(11).fill(null);
  registers[1] = packet ? 1n : 0n;
  const view = packet && new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const read = (register: Register): bigint => {
    const value = registers[register];
    if (value === null || value === undefined) throw new Error(`r${register} was never written`);
    return value;
  };
  const operand = (one: Operand): bigint =>
    'register' in one ? read(one.register) : BigInt.asUintN(64, BigInt(one.value | 0));
  const memory = (base: Register): DataView => {
    if (base !== 1 || !view) throw new Error('not the packet');
    return view;
  };
  for (let at = 0, steps = 0; ; at++, steps++) {
    const one = slots[at];
    if (!one || steps > 1_000_000) throw new Error(`nothing to run at ${at}`);
    switch (one.kind) {
      case 'load':
        registers[one.to] = load(memory(one.base), one.offset, one.size);
        break;
      case 'store':
        store(memory(one.base), one.offset, one.size, operand(one.from));
        break;
      case 'load64':
        registers[one.to] = one.value;
        at++;
        break;
      case 'alu': {
        const mask = one.width === 64 ? ALL : 0xffff_ffffn;
        const left = one.operator === 'mov' ? 0n : read(one.to) & mask;
        registers[one.to] = calculate(one.operator, left, operand(one.from) & mask) & mask;
        break;
      }
      case 'branch': {
        const mask = one.width === 64 ? ALL : 0xffff_ffffn;
        if (holds(one.comparison, read(one.left) & mask, operand(one.right) & mask)) at += one.offset;
        break;
      }
      case 'jump':
        at += one.offset;
        break;
      case 'exit':
        return read(0);
      case 'call':
        throw new Error('the policy calls nothing');
    }
  }
}

function load(from: DataView, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(from.getUint8(at + i));
  return value;
}

function store(to: DataView, at: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) to.setUint8(at + i, Number((value >> BigInt(8 * i)) & 255n));
}

function calculate(operator: string, left: bigint, right: bigint): bigint {
  if (operator === 'mov') return right;
  if (operator === 'add') return left + right;
  if (operator === 'or') return left | right;
  if (operator === 'lsh') return left << right;
  if (operator === 'mod') return right === 0n ? left : left % right;
  throw new Error(`the policy does not use ${operator}`);
}

function holds(comparison: Condition['comparison'], left: bigint, right: bigint): boolean {
  if (comparison === 'eq') return left === right;
  if (comparison === 'ne') return left !== right;
  if (comparison === 'gt') return left > right;
  if (comparison === 'ge') return left >= right;
  if (comparison === 'lt') return left < right;
  return left <= right;
}
