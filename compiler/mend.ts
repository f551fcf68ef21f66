/** Does the mends that are certain to texts, until none is left. The reading is given: this module does no I/O. */
import type { Diagnostic, Fix } from '../grammar/diagnostic.ts';
import { parse } from '../grammar/parse.ts';
import { type Compiled, compile } from './compile.ts';
import type { ReadSource } from './load.ts';

/** One mistake that was mended: the whole lines that it was on, before and after. */
export interface Mend {
  readonly diagnostic: Diagnostic;
  readonly fix: Fix;
  readonly before: string;
  readonly after: string;
}

export interface Mended {
  /** What the mended texts give. */
  readonly compiled: Compiled;
  readonly mends: readonly Mend[];
  /** The texts that have changed, by their files. */
  readonly texts: ReadonlyMap<string, string>;
}

/** One mend may bring the next mistake of its line to light; so many times it is looked again. */
const MOST_ROUNDS = 50;

/**
 * Mends what is wrong with a gateway file and those that it includes: of errors that have one mend, which is certain. Everything
 * outside of their spans stays as it is. A mend that gives a text more errors is not done.
 */
export function mendAll(entry: string, read: ReadSource): Mended {
  const texts = new Map<string, string>();
  const mends: Mend[] = [];
  const originals = new Map<string, ReturnType<ReadSource>>();
  const readMended: ReadSource = (path) => {
    const text = texts.get(path);
    if (text !== undefined) return { text };
    const known = originals.get(path) ?? read(path);
    originals.set(path, known);
    return known;
  };
  let compiled = compile(entry, readMended);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const before = mends.length;
    for (const { file, text } of compiled.sources) {
      const mended = mendText(text, file, compiled.diagnostics);
      if (mended === null) continue;
      texts.set(file, mended.text);
      mends.push(...mended.mends);
    }
    if (mends.length === before) break;
    compiled = compile(entry, readMended);
  }
  return { compiled, mends, texts };
}

/** Does to one text what is certain of its diagnostics. null: nothing. */
export function mendText(text: string, file: string, diagnostics: readonly Diagnostic[]) {
  const count = (candidate: string): number => parse({ file, text: candidate }).diagnostics.length;
  const wanted = diagnostics.flatMap((diagnostic): Mend[] => {
    const [fix, other] = diagnostic.fixes;
    if (fix?.certain !== true || other !== undefined || fix.span.file !== file) return [];
    return [{ diagnostic, fix, ...showLines(text, fix) }];
  });
  const mends = withoutOverlaps(wanted);
  const errors = count(text);
  const whole = apply(text, mends);
  if (mends.length === 0) return null;
  if (count(whole) <= errors) return { text: whole, mends };
  const harmless = mends.filter((mend) => count(apply(text, [mend])) <= errors);
  const rest = apply(text, harmless);
  return harmless.length === 0 || count(rest) > errors ? null : { text: rest, mends: harmless };
}

function withoutOverlaps(mends: readonly Mend[]): Mend[] {
  let end = -1;
  return mends
    .toSorted((a, b) => a.fix.span.start - b.fix.span.start)
    .filter(({ fix: { span } }) => {
      if (span.start <= end) return false;
      end = span.end;
      return true;
    });
}

/** `mends` in the order of the text, apart from each other. */
function apply(text: string, mends: readonly Mend[]): string {
  const parts: string[] = [];
  let at = 0;
  for (const { fix } of mends) {
    parts.push(text.slice(at, fix.span.start), fix.replacement);
    at = fix.span.end;
  }
  return parts.join('') + text.slice(at);
}

function showLines(text: string, { span, replacement }: Fix): { readonly before: string; readonly after: string } {
  const from = span.start === 0 ? 0 : text.lastIndexOf('\n', span.start - 1) + 1;
  const newline = text.indexOf('\n', span.end);
  const before = text.slice(from, newline < 0 ? text.length : newline);
  return { before, after: before.slice(0, span.start - from) + replacement + before.slice(span.end - from) };
}
