/** What a file has that its predecessor has not. */
import { compareLines, type Edit } from '../../runtime/report/line-diff.ts';

/** New lines, with the first and last line of their block where that is not new; blank lines between what is apart. */
export function addedLines(before: string, after: string): string {
  const split = (text: string) => text.trimEnd().split('\n');
  const edits = slide(compareLines(split(before), split(after)).filter(({ kind }) => kind !== 'old'));
  const lines: string[] = [];
  let head: string | null = null;
  for (const [index, { kind, text }] of edits.entries()) {
    if (/^\S.*\{$/.test(text)) head = kind === 'new' ? null : text;
    if (kind === 'same') {
      if (edits[index - 1]?.kind === 'new') {
        if (head === null) lines.push('');
        else lines.push(...(text === '}' ? [] : ['  …']), '}', '');
      }
      if (text === '}') head = null;
      continue;
    }
    if (text.startsWith('  ') && head !== null && edits[index - 1]?.kind === 'same') {
      lines.push(head, ...(edits[index - 1]?.text === head ? [] : ['  …']));
    }
    if (text === '}') head = null;
    lines.push(text);
  }
  return lines
    .join('\n')
    .trim()
    .replace(/\n{3,}/g, '\n\n');
}

/** Of two equal lines, the one before a run of new lines and its last one, the former was there: a block is whole. */
function slide(edits: readonly Edit[]): readonly Edit[] {
  const slid = [...edits];
  for (let start = 0; start < slid.length; start++) {
    if (slid[start]?.kind !== 'new' || slid[start - 1]?.kind === 'new') continue;
    let end = start;
    while (slid[end + 1]?.kind === 'new') end++;
    const text = slid[start]?.text ?? '';
    if (text !== '}' || slid[end + 1]?.text !== text) continue;
    slid[start] = { kind: 'same', text };
    slid[end + 1] = { kind: 'new', text };
  }
  return slid;
}
