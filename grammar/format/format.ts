/** The one form of a text: the same words in the same order, with its comments and blank lines. */
import type { Diagnostic } from '../diagnostic.ts';
import { parse } from '../parse.ts';
import type { SourceText } from '../span.ts';
import { alignComments } from './comments.ts';
import { gather } from './gather.ts';
import { layOut } from './lay-out.ts';

export type Formatted =
  | { readonly text: string; readonly diagnostics: readonly [] }
  /** The text has syntax errors: nobody knows where its sentences end. */
  | { readonly text: null; readonly diagnostics: readonly Diagnostic[] };

/** Lines end with `\n`, the last one too; formatting what it gives changes nothing. Takes time in proportion to the text. */
export function format(source: SourceText): Formatted {
  const { diagnostics } = parse(source);
  if (diagnostics.length > 0) return { text: null, diagnostics };
  const lines = alignComments(layOut(gather(source)));
  return { text: lines.map((line) => `${line}\n`).join(''), diagnostics: [] };
}
