/** What `masqc check --fix` has mended, or would. */
import type { Mend } from '../../compiler/mend.ts';
import type { Colours } from '../cli/io.ts';
import { showText } from './text-width.ts';

/** Each mistake with its lines before and after; the last line counts them. `done`: they are in the files. */
export function renderMends(mends: readonly Mend[], done: boolean, { bold, cyan, green, red }: Colours): string {
  const parts = mends.map(({ diagnostic: { code, message, span }, before, after }) => {
    const sides = [...signed('-', before).map(red), ...signed('+', after).map(green)];
    return [`${bold(`${showText(span.file)}:${span.line}`)}: ${showText(message)} ${cyan(`[${code}]`)}`, ...sides];
  });
  const count = `${mends.length} ${mends.length === 1 ? 'mistake' : 'mistakes'}`;
  const sum = done ? `${count} mended` : `${count} would be mended; nothing is written`;
  return `${parts.map((lines) => `${lines.join('\n')}\n`).join('\n')}\n${bold(green(sum))}\n`;
}

const signed = (sign: string, text: string): string[] =>
  text.split('\n').map((line) => `  ${sign} ${showText(line.trimEnd())}`.trimEnd());
