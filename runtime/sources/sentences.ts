import { type Compiled, compile } from '../../compiler/compile.ts';
import type { ExpectedPacket, ExpectedWait } from '../../compiler/model.ts';
import type { Diagnostic } from '../../grammar/diagnostic.ts';
import type { SourceText, Span } from '../../grammar/span.ts';
import { compileFile, type Sound } from './compile-file.ts';
import { readSource } from './read-source.ts';

/** As which file the sentences of a command line are spoken of. */
export const SENTENCES = 'the packet';
const HEAD = `expect "${SENTENCES}" {\n`;
const TAIL = ' is allowed';

export type Asked =
  | { readonly compiled: Sound; readonly steps: readonly (ExpectedPacket | ExpectedWait)[] }
  /** `sources` quotes the sentences as they were typed. */
  | { readonly diagnostics: readonly Diagnostic[]; readonly sources: readonly SourceText[] };

/**
 * A gateway file, and sentences of an `expect` about it: without `is …` (if there is one, it is no matter), or `wait TIME`. They are
 * read as a file of their own, with one `expect`, that includes the gateway's.
 */
export function askAbout(path: string, sentences: readonly string[]): Asked {
  const lines = sentences.flatMap((text) => text.split(/\r\n|[\r\n]/)).filter((text) => text.trim() !== '');
  const body = lines.map((text) => (/^\s*wait\b|\sis\s/.test(text) ? text : `${text}${TAIL}`)).join('\n');
  const entry = `${HEAD}${body}\n}\ninclude ${JSON.stringify(path)}\n`;
  const compiled = compile(SENTENCES, (file) => (file === SENTENCES ? { text: entry } : readSource(file)));
  const typed: SourceText = { file: SENTENCES, text: lines.join('\n') };
  const asked = compiled.model?.expectations.find(({ span }) => span.file === SENTENCES);
  if (compiled.model !== null && asked) return { compiled: withTyped(compiled, typed), steps: asked.steps };
  const alone = compileFile(path);
  if (alone.model === null) return { diagnostics: alone.diagnostics.filter(isError), sources: alone.sources };
  const starts = lines.map((_, i) => lines.slice(0, i).reduce((sum, line) => sum + line.length + 1, 0));
  const diagnostics = compiled.diagnostics.filter(isError).map((one) => moveAll(one, lines, starts));
  return { diagnostics, sources: withTyped(compiled, typed).sources };
}

const isError = ({ severity }: Diagnostic) => severity === 'error';

function withTyped<T extends Compiled>(compiled: T, typed: SourceText): T {
  return { ...compiled, sources: compiled.sources.map((one) => (one.file === SENTENCES ? typed : one)) };
}

/** From the text that was compiled to the lines that were typed. */
function moveAll(diagnostic: Diagnostic, lines: readonly string[], starts: readonly number[]): Diagnostic {
  const move = (span: Span): Span => {
    if (span.file !== SENTENCES) return span;
    const index = Math.min(Math.max(span.line - 2, 0), lines.length - 1);
    const [line, start] = [lines[index] ?? '', starts[index] ?? 0];
    const inLine = span.line - 2 === index ? span.column - 1 : line.length;
    const from = Math.min(inLine, line.length);
    const to = Math.min(Math.max(from + (span.end - span.start), from), line.length);
    return { file: SENTENCES, start: start + from, end: start + to, line: index + 1, column: from + 1 };
  };
  const related = diagnostic.related.map((one) => ({ ...one, span: move(one.span) }));
  const message = diagnostic.message.replace(/ before `is`$/, ''); // nobody typed that
  return { ...diagnostic, message, span: move(diagnostic.span), related, fixes: [] };
}
