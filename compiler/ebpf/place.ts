/**
 * From a graph of steps to a line of instructions. The graph is acyclic; every path ends in an `end`. Jumps of eBPF
 * reach 32,767 instructions (and a kernel that blinds constants may treble the distance), so a jump that would have to
 * go farther is met half-way: at a place that no instruction falls into, by a copy of a short end or a hop to the step.
 * (A copy of a test would be two more jumps to meet; copies of those, four: the far half of a large tree twice over.)
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
  /** Ends of up to so many slots are copied rather than hopped to. */
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
  const graph = number(sortTopologically(start));
  for (const limit of limits) {
    const placed = new Placer(graph, limit).run();
    if (placed) return placed;
  }
  throw new RangeError('the decision diagram is too wide for jumps of 16 bits');
}

/** The steps, each after all that lead to it, known by their number from here on. */
interface Graph {
  readonly steps: readonly Step[];
  /** The number of a test's `yes`; -1: none. */
  readonly yes: Int32Array;
  /** Of a test's `no` or what a `go` goes to; -1: none. */
  readonly next: Int32Array;
  /** How many steps lead to it. */
  readonly leading: Int32Array;
  /** Slots with the jumps that a copy needs. */
  readonly lengths: Int32Array;
}

/** Every step after all that lead to it; a step's `no` stands right behind it where possible. */
function sortTopologically(start: Step): Step[] {
  const seen = new Set<Step>([start]);
  const finished: Step[] = [];
  const path: { readonly step: Step; turn: number }[] = [{ step: start, turn: 0 }];
  for (let top = path.at(-1); top; top = path.at(-1)) {
    const next = followerAt(top.step, top.turn);
    top.turn += 1;
    if (!next) {
      finished.push(top.step);
      path.pop();
    } else if (!seen.has(next)) {
      seen.add(next);
      path.push({ step: next, turn: 0 });
    }
  }
  return finished.reverse();
}

function followerAt(step: Step, turn: number): Step | null {
  if (step.kind === 'test') return turn === 0 ? step.yes : turn === 1 ? step.no : null;
  return step.kind === 'go' && turn === 0 ? step.next : null;
}

function number(steps: readonly Step[]): Graph {
  const numbers = new Map(steps.map((step, index) => [step, index]));
  const column = () => new Int32Array(steps.length);
  const graph = { steps, yes: column().fill(-1), next: column().fill(-1), leading: column(), lengths: column() };
  const lead = (to: Step): number => {
    const index = numbers.get(to) as number;
    graph.leading[index]! += 1;
    return index;
  };
  for (const [index, step] of steps.entries()) {
    graph.lengths[index] = step.code.reduce((sum, one) => sum + slotsOf(one), step.kind === 'end' ? 0 : 2);
    if (step.kind === 'test') graph.yes[index] = lead(step.yes);
    if (step.kind !== 'end') graph.next[index] = lead(step.kind === 'test' ? step.no : step.next);
  }
  return graph;
}

/** A jump whose target is not known yet, at slot `at`. */
interface Site {
  readonly jump: Jump;
  readonly at: number;
}
/** Written before its offset is known. */
type Jump = { -readonly [K in keyof Branch]: Branch[K] } | { kind: 'jump'; offset: number };
type Branch = Instruction & { kind: 'branch' };

const NOWHERE = -1;
const OPPOSITES = { eq: 'ne', ne: 'eq', gt: 'le', le: 'gt', ge: 'lt', lt: 'ge' } as const;

class Placer {
  readonly #graph: Graph;
  readonly #limits: Limits;
  readonly #instructions: Instruction[] = [];
  readonly #lines: PlacedLine[] = [];
  #slots = 0;
  /** A jump turned out too long. */
  #failed = false;
  /** How many of a step's predecessors have not been placed. */
  readonly #awaited: Int32Array;
  /** The latest slot from which the step can be entered. */
  readonly #entrances: Int32Array;
  /** 1: placed itself, as opposed to being copied or hopped to. */
  readonly #done: Uint8Array;
  /** Jumps without a target by the step that they wait for, oldest first both inside a list and among the lists. */
  readonly #open = new Map<number, Site[]>();

  constructor(graph: Graph, limits: Limits) {
    this.#graph = graph;
    this.#limits = limits;
    this.#awaited = graph.leading.slice();
    this.#entrances = new Int32Array(graph.steps.length).fill(NOWHERE);
    this.#done = new Uint8Array(graph.steps.length);
  }

  /** null: some jump could not be met in time. */
  run(): Placed | null {
    for (let step = 0; step < this.#graph.steps.length; step++) {
      if (this.#done[step]) continue;
      // A step that copies have served everywhere is not needed any more.
      if (step > 0 && !this.#open.has(step)) this.#finish(step);
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

  /** Places a step and what can follow it without a jump, for a while. Ends where nothing falls through. */
  #chain(first: number): void {
    const end = this.#slots + this.#limits.reach / 4;
    for (let step = first; step !== NOWHERE; ) {
      this.#finish(step);
      const next = this.#body(step);
      if (next === NOWHERE || this.#slots < end) step = next;
      else {
        this.#jump({ kind: 'jump', offset: 0 }, next, this.#graph.steps[step]!.purpose);
        return;
      }
    }
  }

  /** Its followers wait for one less. */
  #finish(step: number): void {
    this.#done[step] = 1;
    const yes = this.#graph.yes[step]!;
    const next = this.#graph.next[step]!;
    if (yes >= 0) this.#awaited[yes]! -= 1;
    if (next >= 0) this.#awaited[next]! -= 1;
  }

  /** Writes the code of a step; the answer is a step to go on with in the same breath, or NOWHERE. */
  #body(index: number): number {
    const step = this.#graph.steps[index]!;
    this.#enterHere(index);
    for (const instruction of step.code) this.#push(instruction, step.purpose);
    if (step.kind === 'end') return NOWHERE;
    const yes = this.#graph.yes[index]!;
    let next = this.#graph.next[index]!;
    if (step.kind === 'test') {
      const inverts = this.#isNext(yes) && !this.#isNext(next);
      const { comparison, width, left, right } = step.condition;
      const holds = inverts ? OPPOSITES[comparison] : comparison;
      this.#jump(
        { kind: 'branch', comparison: holds, width, left, right, offset: 0 },
        inverts ? next : yes,
        step.purpose,
      );
      if (inverts) next = yes;
    }
    if (this.#isNext(next)) return next;
    const ends = this.#graph.steps[next]!.kind === 'end';
    if (ends && !this.#isNear(next) && this.#graph.lengths[next]! <= this.#limits.short) this.#body(next);
    else this.#jump({ kind: 'jump', offset: 0 }, next, step.purpose);
    return NOWHERE;
  }

  /** It can stand here: nothing else that leads to it is still to come. */
  #isNext(step: number): boolean {
    return this.#done[step] === 0 && this.#awaited[step] === 0;
  }

  /** A jump from here reaches it. */
  #isNear(step: number): boolean {
    const entrance = this.#entrances[step]!;
    return entrance !== NOWHERE && this.#slots + 1 - entrance <= this.#limits.reach;
  }

  /** From now on the step is entered here, also by all jumps that were waiting for it. */
  #enterHere(step: number): void {
    this.#entrances[step] = this.#slots;
    const sites = this.#open.get(step);
    if (!sites) return;
    for (const { jump, at } of sites) {
      jump.offset = this.#slots - at - 1;
      if (jump.offset > this.#limits.reach) this.#failed = true;
    }
    this.#open.delete(step);
  }

  #jump(jump: Jump, target: number, purpose: Purpose): void {
    if (this.#isNear(target)) jump.offset = this.#entrances[target]! - this.#slots - 1;
    else {
      const site = { jump, at: this.#slots };
      const sites = this.#open.get(target);
      if (sites) sites.push(site);
      else this.#open.set(target, [site]);
    }
    this.#push(jump, purpose);
  }

  /** Called where nothing falls through: serves the jumps that have waited for half the reach. */
  #meetOld(): boolean {
    const { reach, short } = this.#limits;
    // Hops for all of them would be old before the last is written.
    if (this.#open.size > reach / 2) return false;
    for (const [step, sites] of this.#open) {
      const age = this.#slots - (sites[0] as Site).at;
      if (age > reach || this.#failed) return false;
      if (age <= reach / 2) break;
      const ends = this.#graph.steps[step]!.kind === 'end';
      if (ends && this.#graph.lengths[step]! <= short) this.#body(step);
      else this.#hop(step);
    }
    return true;
  }

  #hop(step: number): void {
    const jump: Jump = { kind: 'jump', offset: 0 };
    this.#enterHere(step);
    this.#open.set(step, [{ jump, at: this.#slots }]);
    this.#push(jump, this.#graph.steps[step]!.purpose);
  }
}
