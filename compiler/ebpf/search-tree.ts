/**
 * One branch of a decision diagram as a binary search over the ends of its edges. Narrow fields (up to 32 bits) are
 * compared in one 32-bit instruction; IPv6 addresses as two 64-bit halves, the lower one loaded only where the upper
 * one did not decide.
 */
import type { Condition, Instruction, Register } from './instruction.ts';
import type { Purpose, Step } from './place.ts';

export interface Edge {
  readonly last: bigint;
  readonly to: Step;
}

/** r1 is the packet in the whole policy; these are free between two questions. */
export const PACKET: Register = 1;
export const VALUE: Register = 2;
const PART: Register = 3;
const CONSTANT: Register = 4;

const LOWER_ONES = 0xffff_ffff_ffff_ffffn;

/** A search for a value of `size` bytes at `offset` of the packet. */
export function searchNarrow(edges: readonly Edge[], offset: number, size: 1 | 2 | 4, purpose: Purpose): Step {
  const load: Instruction = { kind: 'load', size, to: VALUE, base: PACKET, offset };
  return divide(edges, 0, edges.length - 1, [load], (last) => last, 32, purpose);
}

/** A search for what `code` leaves in r2, a value of 32 bits. */
export function searchComputed(edges: readonly Edge[], code: readonly Instruction[], purpose: Purpose): Step {
  return divide(edges, 0, edges.length - 1, code, (last) => last, 32, purpose);
}

/** A search for the 128-bit value in four 32-bit words at `offset`, the most significant word first. */
export function searchWide(edges: readonly Edge[], offset: number, purpose: Purpose): Step {
  const all = { least: 0n, most: LOWER_ONES };
  return divideUpper(edges, 0, edges.length - 1, all, loadHalf(offset), offset, purpose);
}

function loadHalf(offset: number): Instruction[] {
  return [
    { kind: 'load', size: 4, to: VALUE, base: PACKET, offset },
    { kind: 'load', size: 4, to: PART, base: PACKET, offset: offset + 4 },
    { kind: 'alu', operator: 'lsh', width: 64, to: VALUE, from: { value: 32 } },
    { kind: 'alu', operator: 'or', width: 64, to: VALUE, from: { register: PART } },
  ];
}

type Edges = readonly Edge[];
type Code = readonly Instruction[];

function edgeAt(edges: Edges, index: number): Edge {
  const edge = edges[index];
  if (!edge) throw new RangeError('a branch without edges');
  return edge;
}

function compare(
  comparison: 'gt' | 'eq',
  width: 32 | 64,
  value: bigint,
): { readonly prepare: Code; readonly condition: Condition } {
  if (width === 32 || value <= 0x7fff_ffffn) {
    return { prepare: [], condition: { comparison, width, left: VALUE, right: { value: Number(value) } } };
  }
  return {
    prepare: [{ kind: 'load64', to: CONSTANT, value }],
    condition: { comparison, width, left: VALUE, right: { register: CONSTANT } },
  };
}

function after(code: Code, next: Step, purpose: Purpose): Step {
  return code.length === 0 ? next : { kind: 'go', code, next, purpose };
}

/** Edges `from`..`to`; `key` takes from an edge's end what VALUE is compared with. `code` runs first, once. */
function divide(
  edges: Edges,
  from: number,
  to: number,
  code: Code,
  key: (last: bigint) => bigint,
  width: 32 | 64,
  purpose: Purpose,
): Step {
  const first = edgeAt(edges, from);
  if (from === to) return after(code, first.to, purpose);
  const second = edgeAt(edges, from + 1);
  const isPoint = to === from + 2 && key(second.last) === key(first.last) + 1n;
  if (isPoint && edgeAt(edges, to).to === first.to) {
    const { prepare, condition } = compare('eq', width, key(second.last));
    return { kind: 'test', code: [...code, ...prepare], condition, yes: second.to, no: first.to, purpose };
  }
  const middle = (from + to - 1) >> 1;
  const { prepare, condition } = compare('gt', width, key(edgeAt(edges, middle).last));
  return {
    kind: 'test',
    code: [...code, ...prepare],
    condition,
    yes: divide(edges, middle + 1, to, [], key, width, purpose),
    no: divide(edges, from, middle, [], key, width, purpose),
    purpose,
  };
}

/** What is known of an upper half: `least..most`. */
interface Known {
  readonly least: bigint;
  readonly most: bigint;
}

/**
 * VALUE holds the upper half; all ends that share an upper half are settled by one search in the lower one. Never asks
 * what is known already: the verifier takes out branches that can't be taken one by one, which is quadratic in all.
 */
function divideUpper(
  edges: Edges,
  from: number,
  to: number,
  known: Known,
  code: Code,
  offset: number,
  purpose: Purpose,
): Step {
  if (from === to) return after(code, edgeAt(edges, from).to, purpose);
  const middle = (from + to - 1) >> 1;
  const upper = edgeAt(edges, middle).last >> 64n;
  const shares = (index: number) => index >= from && index < to && edgeAt(edges, index).last >> 64n === upper;
  let low = middle;
  while (shares(low - 1)) low -= 1;
  let high = middle;
  while (shares(high + 1)) high += 1;
  const isWhole = (edgeAt(edges, high).last & LOWER_ONES) === LOWER_ONES;
  const askGreater = upper < known.most;
  const askEqual = upper > known.least && !(isWhole && low === high);
  const test = (comparison: 'gt' | 'eq', before: Code, yes: Step, no: Step): Step => {
    const { prepare, condition } = compare(comparison, 64, upper);
    // The constant of `gt` is still there for `eq`.
    const both = comparison === 'eq' && askGreater ? before : [...before, ...prepare];
    return { kind: 'test', code: both, condition, yes, no, purpose };
  };
  const less = (before: Code) =>
    divideUpper(edges, from, low, { least: known.least, most: upper - 1n }, before, offset, purpose);
  const equal = (before: Code) => {
    const key = (last: bigint) => last & LOWER_ONES;
    const inside = [...before, ...loadHalf(offset + 8)];
    if (isWhole && low === high)
      return divideUpper(edges, from, low, { ...known, most: upper }, before, offset, purpose);
    return divide(edges, low, isWhole ? high : high + 1, inside, key, 64, purpose);
  };
  const notGreater = (before: Code) => (askEqual ? test('eq', before, equal([]), less([])) : equal(before));
  if (!askGreater) return notGreater(code);
  const greater = divideUpper(edges, high + 1, to, { ...known, least: upper + 1n }, [], offset, purpose);
  return test('gt', code, greater, notGreater([]));
}
