/** Short ways to read a text and to say what is wrong with it. */
import * as assert from 'uvu/assert';
import type { Document } from '../../grammar/ast.ts';
import type { Diagnostic } from '../../grammar/diagnostic.ts';
import { parse } from '../../grammar/parse.ts';

export const read = (text: string): Document => parse({ file: 'test.masq', text });

/** An error as code, line and marked text, e.g. `MQ111 1 any`. */
export function describeError(text: string, { code, span }: Diagnostic): string {
  return `${code} ${span.line} ${text.slice(span.start, span.end)}`.trimEnd();
}

export function expectErrors(text: string, ...expected: readonly string[]): readonly Diagnostic[] {
  const { diagnostics } = read(text);
  assert.equal(
    diagnostics.map((one) => describeError(text, one)),
    expected,
  );
  for (const one of diagnostics) {
    assert.ok(one.expected, `${one.code} says what is expected`);
    checkSpan(text, one.span);
    for (const { span } of [...one.related, ...one.fixes]) checkSpan(text, span);
  }
  return diagnostics;
}

/** The only error of a text; its first fix, applied, must leave no error. */
export function expectMended(text: string, error: string, mended: string): void {
  const [diagnostic] = expectErrors(text, error);
  const fix = diagnostic?.fixes[0];
  assert.ok(fix, 'there is a fix');
  const { span, replacement } = fix;
  assert.is(text.slice(0, span.start) + replacement + text.slice(span.end), mended);
  expectErrors(mended);
}

/** A span lies in its text, on its line, and its line and column are those of its start. */
export function checkSpan(text: string, { start, end, line, column }: Diagnostic['span']): void {
  assert.ok(0 <= start && start <= end && end <= text.length, `span ${start}-${end} in a text of ${text.length}`);
  const before = text.slice(0, start).split('\n');
  assert.is(line, before.length, 'the line of a span');
  const bom = line === 1 && text.startsWith('\uFEFF') ? 1 : 0;
  assert.is(column, Math.max(1, before.at(-1)!.length + 1 - bom), 'the column of a span');
  assert.not.ok(text.slice(start, end).includes('\n'), 'a span stays on its line');
}

/** A tree without its spans; numbers of any size as text. */
export function shape(node: unknown): unknown {
  return JSON.parse(
    JSON.stringify(node, (key, value: unknown) => {
      if (/span$/i.test(key) || key === 'end' || key === 'incomplete') return undefined;
      return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
    }),
  );
}

/** The declarations of a text without errors. */
export function shapesOf(text: string): unknown[] {
  expectErrors(text);
  return read(text).declarations.map(shape);
}

/** The properties, lines, rules or steps of the only block of `text`. */
export function linesOf(text: string): unknown {
  const [block] = shapesOf(text) as Record<string, unknown>[];
  return block!.lines ?? block!.properties ?? block!.steps ?? block!.rules;
}
