/**
 * Where the second column of a sentence begins: behind the first word of a property, at the `=` of a declaration, at the
 * `is` of a step. The sentences of a block share it, and so do neighbouring declarations of one kind.
 */
import type { IToken } from 'chevrotain';
import { isOf } from '../expectations.ts';
import { Action, Colon, Comma, Equals, KIs } from '../tokens.ts';
import type { Item, SentenceItem } from './gather.ts';

export interface Column {
  /** The word that begins it. */
  readonly word: number;
  /** Of all that stands before it, with the blank behind it. */
  readonly width: number;
}

/** For each sentence its second column, if it has one. */
export function findColumns(items: readonly Item[]): ReadonlyMap<SentenceItem, Column> {
  const groups: { readonly item: SentenceItem; readonly column: Column }[][] = [];
  let block: (typeof groups)[number] = [];
  let run: (typeof groups)[number] = [];
  let kind: string | null = null;
  for (const item of items) {
    if (item.kind === 'close') block = [];
    if (item.kind === 'aside' && !item.inBlock && item.line.comment === null) kind = null;
    if (item.kind !== 'sentence') continue;
    const { words } = item.lines[0]!;
    // A block between two interfaces does not part them.
    if (item.block === null && words[0]!.image !== kind) run = [];
    if (item.block === null) kind = words[0]!.image;
    const word = findSecond(item.block, words);
    if (word < 1 || word >= words.length) continue;
    const group = item.block === null ? run : block;
    if (group.length === 0) groups.push(group);
    group.push({ item, column: { word, width: join(words.slice(0, word)).length + 1 } });
  }
  return new Map(groups.flatMap(align));
}

function align(group: readonly { item: SentenceItem; column: Column }[]): [SentenceItem, Column][] {
  const width = group.reduce((most, { column }) => Math.max(most, column.width), 0);
  return group.map(({ item, column }) => [item, { ...column, width }]);
}

/** The word that begins the second column; -1 for none. */
function findSecond(block: string | null, words: readonly IToken[]): number {
  switch (block) {
    case null:
      return words[2]?.tokenType === Equals ? 2 : -1;
    case 'policy':
      return -1;
    case 'expect':
      return words.findIndex(({ tokenType }) => tokenType === KIs);
    case 'gateway':
      return isOf(words[0]!.tokenType, Action) ? -1 : 1;
    default:
      return 1;
  }
}

/** Words as they stand beside each other. */
export function join(words: readonly IToken[]): string {
  let text = '';
  let glued = true;
  for (const { image, tokenType } of words) {
    text += glued || tokenType === Comma || tokenType === Colon ? image : ` ${image}`;
    glued = tokenType === Colon;
  }
  return text;
}
