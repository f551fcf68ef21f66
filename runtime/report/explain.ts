/** Sections about codes for a terminal. */
import { NFT_CODES } from '../../compiler/nftables/codes.ts';
import type { Severity } from '../../grammar/diagnostic.ts';
import type { Colours } from '../cli/io.ts';
import type { CodeSection } from './codes-page.ts';
import { compareLines, type Edit } from './line-diff.ts';

const WIDEST = 100;
const INDENT = 2;

/** All codes with their titles, by chapters. */
export function renderCodeList(sections: readonly CodeSection[], colours: Colours): string {
  const lines: string[] = [];
  for (const [i, { code, title, chapter }] of sections.entries()) {
    if (chapter !== sections[i - 1]?.chapter) lines.push(...(i > 0 ? [''] : []), colours.bold(chapter));
    lines.push(`  ${colours.cyan(code)}  ${paint(title, colours)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** Everything about one code, in at most `width` columns. */
export function renderCode(section: CodeSection, colours: Colours, width: number): string {
  const { code, title, meaning, wrong, right, example, mend } = section;
  const { bold, red, green, cyan, yellow } = colours;
  const severity = severityOf(code);
  const painted = { error: red, warning: yellow, note: cyan }[severity](severity);
  const wrapped = (text: string) => wrap(text, Math.min(width, WIDEST), colours);
  const parts = [`${bold(cyan(code))} ${bold(paint(title, colours))} (${painted})`, ...meaning.map(wrapped)];
  if (example !== null) parts.push(bold('For example'), wrapped(example));
  if (wrong !== null) {
    const edits = compareLines(linesOf(wrong), linesOf(right ?? wrong));
    parts.push(`${bold('Wrong')}\n${showExample(edits, 'old', '-', red)}`);
    if (right !== null) parts.push(`${bold('Right')}\n${showExample(edits, 'new', '+', green)}`);
  }
  parts.push(`${bold('Mend')}\n${wrapped(mend)}`);
  return `${parts.join('\n\n')}\n`;
}

/** Warnings have numbers of their own. */
export function severityOf(code: string): Severity {
  const ofTarget = Object.values(NFT_CODES).find((one) => one.code === code);
  return ofTarget?.severity ?? (code.startsWith('MQ4') ? 'warning' : 'error');
}

const linesOf = (text: string): string[] => text.trimEnd().split('\n');

/** One side of what differs; the lines that the other side does not have are marked. */
function showExample(edits: readonly Edit[], side: Edit['kind'], sign: string, mark: (text: string) => string): string {
  return edits
    .filter(({ kind }) => kind === 'same' || kind === side)
    .map(({ kind, text }) => (kind === 'same' ? `    ${text}` : mark(`  ${sign} ${text}`)))
    .join('\n');
}

function wrap(text: string, width: number, colours: Colours): string {
  const rows: string[] = [];
  let row = '';
  // What is quoted is not broken.
  for (const word of text.replaceAll(/\*\*?([^*]+)\*\*?/g, '$1').match(/(?:`[^`]*`|[^\s`])+/g) ?? []) {
    if (row !== '' && INDENT + row.length + 1 + word.length > width) {
      rows.push(row);
      row = '';
    }
    row += row === '' ? word : ` ${word}`;
  }
  return [...rows, row].map((one) => ' '.repeat(INDENT) + paint(one, colours)).join('\n');
}

/** What is quoted in its colour; without colours the quotes stay. */
function paint(text: string, { cyan }: Colours): string {
  return text.replaceAll(/`[^`]*`/g, (quoted) => (cyan('') === '' ? quoted : cyan(quoted.slice(1, -1))));
}
