/** From a text to its syntax tree and everything that is wrong with its words and sentences. */
import type { Document } from './ast.ts';
import { BlockReader } from './block-reader.ts';
import { type Code, codes, makeError } from './codes.ts';
import { readPieces } from './reader.ts';
import { Reporter } from './reporter.ts';
import type { SourceText, Span } from './span.ts';

/** Longer texts are refused (UTF-16 units). */
export const LONGEST_TEXT = 16 * 1024 * 1024;

/** Reads any text at all; never throws. Takes time and memory in proportion to the text. */
export function parse(source: SourceText): Document {
  const { file, text } = source;
  if (text.length > LONGEST_TEXT) {
    const span = { file, start: 0, end: 0, line: 1, column: 1 };
    return refuse(file, codes.textTooLong, { size: text.length, limit: LONGEST_TEXT }, span, 'a text of at most 16 MB');
  }
  const binary = text.indexOf('\0');
  if (binary >= 0) return refuse(file, codes.notText, {}, locate(source, binary), 'a text in UTF-8');
  const reporter = new Reporter();
  const blocks = new BlockReader(file, reporter);
  for (const piece of readPieces(source, reporter)) blocks.take(piece);
  blocks.end();
  return { file, declarations: blocks.declarations, broken: blocks.broken, diagnostics: reporter.errors };
}

function refuse<P>(file: string, code: Code<P>, params: P, span: Span, expected: string): Document {
  return { file, declarations: [], broken: [], diagnostics: [makeError(code, params, span, { expected })] };
}

function locate({ file, text }: SourceText, offset: number): Span {
  let line = 1;
  let start = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++;
    start = at + 1;
  }
  return { file, start: offset, end: offset + 1, line, column: offset - start + 1 };
}
