/**
 * From a graph of steps to a line of instructions. The graph is acyclic; every path ends in an `end`. Jumps of eBPF
 * reach 32,767 instructions (and a kernel that blinds constants may treble the distance), so a jump that would have to
 * go farther is met half-way: at a place that no instruction falls into, by a copy of a short step or a hop to it.
 */
import { type Condition, type Instruction, slotsOf } from './instruction.ts';

/** What an instruction is there for; equal purposes are one object. */
export interface Purpose {
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

export type Step =
  | {
      readonly kind: 'test';
      readonly code: readonly Instruction[];
      readonly condition: Condition;
      readonly yes: Step;
      readonly no: Step;
      readonly purpose: Purpose;
    }
  | { readonly kind: 'go'; readonly code: readonly Instruction[]; readonly next: Step; readonly purpose: Purpose }
  | { readonly kind: 'end'; readonly code: readonly Instruction[]; readonly purpose: Purpose };

export interface PlacedLine {
  /** In slots from the start. */
  readonly at: number;
  readonly purpose: Purpose;
}
export interface Placed {
  readonly instructions: readonly Instruction[];
  readonly slots: number;
  /** Where the purpose changes, ascending; the first is at 0. */
  readonly lines: readonly PlacedLine[];
}

export interface Limits {
  /** How far a jump may go, in slots. */
  readonly reach: number;
  /** Steps of up to so many slots are copied rather than hopped to. */
  readonly short: number;
}

/** The first that fits is taken: a third of the reach, for blinded constants (bpf_jit_harden = 2), then all of it. */
const LIMITS: readonly Limits[] = [
  { reach: 10_900, short: 12 },
  { reach: 32_000, short: 12 },
  { reach: 32_000, short: 40 },
];

/** Lays out the graph below `start`. Throws RangeError when no placing fits (never seen; the bounds are wide). */
export function place(start: Step, limits: readonly Limits[] = LIMITS): Placed {
  const order = sortTopologically(start);
  for (const { reach, short } of limits) {
    const placed = new Placer(order, reach, short).run();
    if (placed) return placed;
  }
  throw new RangeError('the decision diagram is too wide for jumps of 16 bits');
}

function followers(step: Step): readonly Step[] {
  if (step.kind === 'test') return [step.yes, step.no];
  return step.kind === 'go' ? [step.next] : [];
}

const OPPOSITES = { eq: 'ne', ne: 'eq', gt: 'le', le: 'gt', ge: 'lt', lt: 'ge' } as const;

function invert(condition: Condition): Condition {
  if (condition.comparison === 'set') throw new RangeError('a test of bits has no opposite');
  return { ...condition, comparison: OPPOSITES[condition.comparison] };
}

/** Every step after all that lead to it; a step's `no` stands right behind it where possible. */
function sortTopologically(start: Step): Step[] {
  const seen = new Set<Step>([start]);
  const finished: Step[] = [];
  const stack: { step: Step; rest: Step[] }[] = [{ step: start, rest: [...followers(start)] }];
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const next = top.rest.shift();
    if (!next) {
      finished.push(top.step);
      stack.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      stack.push({ step: next, rest: [...followers(next)] });
    }
  }
  return finished.reverse();
}

function shortness(step: Step): number {
  return step.code.reduce((sum, instruction) => sum + slotsOf(instruction), 0) + (step.kind === 'end' ? 0 : 2);
}

/** A jump whose target is not known yet: `index` in the instructions, `at` in slots. */
interface Site {
  readonly index: number;
  readonly at: number;
}

class Placer {
  readonly #order: readonly Step[];
  readonly #reach: number;
  readonly #short: number;
  readonly #instructions: Instruction[] = [];
  readonly #lines: PlacedLine[] = [];
  #slots = 0;
  /** A jump turned out too long. */
  #failed = false;
  /** How many of a step's predecessors have not been placed. */
  readonly #awaited = new Map<Step, number>();
  /** The latest place from which the step can be entered. */
  readonly #entrances = new Map<Step, number>();
  /** Steps placed themselves, as opposed to being copied or hopped to. */
  readonly #done = new Set<Step>();
  /** Jumps without a target, oldest first both inside a step's list and among the lists. */
  readonly #open = new Map<Step, Site[]>();

  constructor(order: readonly Step[], reach: number, short: number) {
    this.#order = order;
    this.#reach = reach;
    this.#short = short;
    for (const step of order) {
      for (const next of followers(step)) this.#awaited.set(next, (this.#awaited.get(next) ?? 0) + 1);
    }
  }

  /** null: some jump could not be met in time. */
  run(): Placed | null {
    for (const [index, step] of this.#order.entries()) {
      if (this.#done.has(step)) continue;
      // A step that copies have served everywhere is not needed any more.
      if (index > 0 && !this.#open.has(step)) this.#finish(step);
      else this.#chain(step);
      if (!this.#meetOld()) return null;
    }
    return this.#failed ? null : { instructions: this.#instructions, slots: this.#slots, lines: this.#lines };
  }

  #push(instruction: Instruction, purpose: Purpose): void {
    if (this.#lines.at(-1)?.purpose !== purpose) this.#lines.push({ at: this.#slots, purpose });
    this.#instructions.push(instruction);
    this.#slots += slotsOf(instruction);
  }

  /** Places `step` and what can follow it without a jump. Ends where nothing falls through. */
  #chain(first: Step): void {
    let step: Step | null = first;
    while (step) {
      this.#finish(step);
      step = this.#body(step);
    }
  }

  /** Its followers wait for one less. */
  #finish(step: Step): void {
    this.#done.add(step);
    for (const next of followers(step)) this.#awaited.set(next, (this.#awaited.get(next) ?? 0) - 1);
  }

  /** Writes the code of a step; the answer is a step to go on with in the same breath. */
  #body(step: Step): Step | null {
    this.#enterHere(step);
    for (const instruction of step.code) this.#push(instruction, step.purpose);
    if (step.kind === 'end') return null;
    let next: Step;
    if (step.kind === 'test') {
      const inverts = this.#isNext(step.yes) && !this.#isNext(step.no);
      next = inverts ? step.yes : step.no;
      const condition = inverts ? invert(step.condition) : step.condition;
      this.#jump({ kind: 'branch', offset: 0, ...condition }, inverts ? step.no : step.yes, step.purpose);
    } else next = step.next;
    if (this.#isNext(next)) return next;
    const entrance = this.#entrances.get(next);
    const near = entrance !== undefined && this.#slots + 1 - entrance <= this.#reach;
    if (!near && shortness(next) <= this.#short && next.kind === 'end') {
      this.#body(next);
      return null;
    }
    this.#jump({ kind: 'jump', offset: 0 }, next, step.purpose);
    return null;
  }

  /** It can stand here: nothing else that leads to it is still to come. */
  #isNext(step: Step): boolean {
    return !this.#done.has(step) && this.#awaited.get(step) === 0;
  }

  /** From now on `step` is entered here, also by all jumps that were waiting for it. */
  #enterHere(step: Step): void {
    this.#entrances.set(step, this.#slots);
    for (const site of this.#open.get(step) ?? []) {
      const jump = this.#instructions[site.index] as Instruction & { kind: 'branch' | 'jump' };
      const offset = this.#slots - site.at - 1;
      if (offset > this.#reach) this.#failed = true;
      this.#instructions[site.index] = { ...jump, offset };
    }
    this.#open.delete(step);
  }

  #jump(jump: Instruction & { kind: 'branch' | 'jump' }, target: Step, purpose: Purpose): void {
    const entrance = this.#entrances.get(target);
    if (entrance !== undefined && this.#slots + 1 - entrance <= this.#reach) {
      this.#push({ ...jump, offset: entrance - this.#slots - 1 }, purpose);
      return;
    }
    const site = { index: this.#instructions.length, at: this.#slots };
    const sites = this.#open.get(target);
    if (sites) sites.push(site);
    else this.#open.set(target, [site]);
    this.#push(jump, purpose);
  }

  /** Called where nothing falls through: serves the jumps that have waited for half the reach. */
  #meetOld(): boolean {
    for (const [step, sites] of this.#open) {
      const oldest = (sites[0] as Site).at;
      const age = this.#slots - oldest;
      if (age > this.#reach || this.#failed) return false;
      if (age <= this.#reach / 2) break;
      if (shortness(step) <= this.#short) this.#copy(step);
      else this.#hop(step);
    }
    return true;
  }

  #copy(step: Step): void {
    const next = this.#body(step);
    // A body that would be gone on with is gone on with by a jump: its turn in the order comes.
    if (next) this.#jump({ kind: 'jump', offset: 0 }, next, step.purpose);
  }

  #hop(step: Step): void {
    const purpose = step.purpose;
    this.#enterHere(step);
    const site = { index: this.#instructions.length, at: this.#slots };
    this.#open.set(step, [site]);
    this.#push({ kind: 'jump', offset: 0 }, purpose);
  }
}
