/** What differs between two texts, line by line, as `diff -u` shows it. */
import type { Colours } from '../cli/io.ts';
import { showText } from './text-width.ts';

export interface Edit {
  readonly kind: 'same' | 'old' | 'new';
  readonly text: string;
}
/** Lines of the same text around what differs. */
const CONTEXT = 2;
/** Beyond so many pairs of lines, a part that differs is shown as a whole. */
const MOST_PAIRS = 4_000_000;

/** Both texts with headers and hunks; '' where they are the same. Line ends and a missing last one are not shown. */
export function renderDiff(file: string, before: string, after: string, { bold, cyan, red, green }: Colours): string {
  const edits = compareLines(splitLines(before), splitLines(after));
  const near = edits.map(({ kind }) => kind !== 'same');
  const shown = edits.map((_, i) => near.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).includes(true));
  if (!shown.includes(true)) return '';
  const lines = [bold(`--- ${showText(file)}`), bold(`+++ ${showText(file)}`)];
  const at = { old: 1, new: 1 };
  for (const [i, { kind, text }] of edits.entries()) {
    if (shown[i] && !shown[i - 1]) lines.push(cyan(describeHunk(edits.slice(i, endOf(shown, i)), at)));
    if (shown[i]) lines.push(kind === 'same' ? ` ${text}` : kind === 'old' ? red(`-${text}`) : green(`+${text}`));
    if (kind !== 'new') at.old++;
    if (kind !== 'old') at.new++;
  }
  return `${lines.join('\n')}\n`;
}

function endOf(shown: readonly boolean[], from: number): number {
  const end = shown.indexOf(false, from);
  return end < 0 ? shown.length : end;
}

function describeHunk(edits: readonly Edit[], at: { readonly old: number; readonly new: number }): string {
  const place = (first: number, other: Edit['kind']) => {
    const count = edits.filter(({ kind }) => kind !== other).length;
    return `${count === 0 ? first - 1 : first},${count}`;
  };
  return `@@ -${place(at.old, 'new')} +${place(at.new, 'old')} @@`;
}

const splitLines = (text: string): string[] => (text === '' ? [] : text.replace(/\r?\n$/, '').split(/\r?\n/)).map(show);
const show = (line: string): string => showText(line);

/** The fewest lines out and in; what is alike at both ends is not compared. */
export function compareLines(before: readonly string[], after: readonly string[]): Edit[] {
  const same = (text: string): Edit => ({ kind: 'same', text });
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  const most = Math.min(before.length, after.length) - head;
  while (tail < most && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  const middle = compareMiddle(before.slice(head, before.length - tail), after.slice(head, after.length - tail));
  return [...before.slice(0, head).map(same), ...middle, ...before.slice(before.length - tail).map(same)];
}

function compareMiddle(a: readonly string[], b: readonly string[]): Edit[] {
  const width = b.length + 1;
  const whole = a.length * b.length > MOST_PAIRS;
  /** The longest common subsequence of a from i and b from j, at i * width + j. */
  const common = new Uint32Array(whole ? 0 : (a.length + 1) * width);
  if (!whole) {
    for (let i = a.length - 1; i >= 0; i--) {
      for (let j = b.length - 1; j >= 0; j--) {
        const at = i * width + j;
        common[at] = a[i] === b[j] ? common[at + width + 1]! + 1 : Math.max(common[at + width]!, common[at + 1]!);
      }
    }
  }
  const edits: Edit[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const at = i * width + j;
    if (!whole && i < a.length && j < b.length && a[i] === b[j]) {
      edits.push({ kind: 'same', text: a[i++]! });
      j++;
    } else if (i < a.length && (whole || j === b.length || common[at + width]! >= common[at + 1]!)) {
      edits.push({ kind: 'old', text: a[i++]! });
    } else edits.push({ kind: 'new', text: b[j++]! });
  }
  return edits;
}
