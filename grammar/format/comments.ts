import type { Row } from './lay-out.ts';

/** Where comments begin behind what is short enough (UTF-16 units before them). */
const USUAL = 38;
const APART = 2;

/** Rows as lines: comments in the usual column; those of neighbouring rows that reach further in one of their own. */
export function alignComments(rows: readonly Row[]): readonly string[] {
  const lines: string[] = [];
  let run: Row[] = [];
  for (const row of rows) {
    if (row.comment !== null) run.push(row);
    else {
      lines.push(...alignRun(run), row.text);
      run = [];
    }
  }
  lines.push(...alignRun(run));
  return lines;
}

/** Neighbouring rows that all have comments. */
function alignRun(run: readonly Row[]): string[] {
  const far = run.reduce((most, { text }) => Math.max(most, text.length + APART), USUAL);
  let column = USUAL;
  return run.map(({ text, comment, follows }) => {
    if (!follows) column = text.length + APART > USUAL ? far : USUAL;
    return text.padEnd(column) + comment;
  });
}
