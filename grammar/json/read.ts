/**
 * A gateway file as JSON: written as sentences, which are then read as any others; every place is led back to the value that it
 * comes from.
 */
import type { Declaration, Document } from '../ast.ts';
import { codes, makeError } from '../codes.ts';
import type { Diagnostic } from '../diagnostic.ts';
import { LONGEST_TEXT, parse } from '../parse.ts';
import type { SourceText, Span } from '../span.ts';
import { DECLARATIONS } from './declarations.ts';
import { pathAt } from './path.ts';
import { membersOf, ShapeError } from './shape.ts';
import { JsonError, type JsonNode, parseJson } from './tree.ts';
import { SentenceWriter } from './writer.ts';

export const isJson = (file: string): boolean => file.endsWith('.json');

/** As `parse`: reads any text at all; never throws. */
export function readJson(source: SourceText): Document {
  const { file, text } = source;
  if (text.length > LONGEST_TEXT) return parse(source);
  const out = new SentenceWriter(text);
  const refuse = (diagnostic: Diagnostic): Document => ({
    file,
    declarations: [],
    broken: [],
    diagnostics: [diagnostic],
  });
  let root: JsonNode | null = null;
  try {
    root = parseJson(text);
    writeAll(root, out);
  } catch (error) {
    if (error instanceof JsonError) {
      const { problem, at, expected } = error;
      return refuse(makeError(codes.notJson, { problem }, out.at(file, at), { expected }));
    }
    if (!(error instanceof ShapeError) || root === null) throw error;
    const path = pathAt(root, error.node.start);
    const span = out.spanOf(file, error.node);
    return refuse({ ...makeError(codes.wrongJson, { path }, span, { expected: error.expected }), path });
  }
  const tree = root;
  const read = parse({ file, text: out.text });
  const locate = (span: Span): Span => out.locate(file, span);
  const sentences = new Map<number, string>();
  for (const match of out.text.matchAll(/^ *(\S.*?)(?: \{)?$/gm)) {
    const start = match.index + match[0].indexOf(match[1] as string);
    sentences.set(locate({ file, start, end: start + 1, line: 1, column: 1 }).start, match[1] as string);
  }
  return {
    file,
    declarations: relocate(read.declarations, locate) as readonly Declaration[],
    broken: relocate(read.broken, locate) as Document['broken'],
    diagnostics: (relocate(read.diagnostics, locate) as Document['diagnostics']).map((one) => ({
      ...one,
      fixes: [],
      path: pathAt(tree, one.span.start),
    })),
    json: { sentences, pathAt: (offset) => pathAt(tree, offset) },
  };
}

function writeAll(root: JsonNode, out: SentenceWriter): void {
  const { declarations } = membersOf(
    root,
    ['$schema', 'masqc', 'declarations'],
    ['masqc', 'declarations'],
    'a gateway file in JSON',
  );
  const version = membersOf(root, ['$schema', 'masqc', 'declarations'], [], 'a gateway file in JSON').masqc;
  if (version?.kind !== 'number' || version.value !== 1)
    throw new ShapeError(version ?? root, 'the version of the format: 1');
  if (declarations?.kind !== 'array') throw new ShapeError(declarations ?? root, 'an array of declarations');
  const kinds = Object.keys(DECLARATIONS);
  for (const one of declarations.items) {
    const asked = `an object with one key: ${kinds.join(', ')}`;
    const [only, second] = one.kind === 'object' ? one.members : [];
    const shape = only === undefined || second !== undefined ? undefined : DECLARATIONS[only[0]];
    if (only === undefined || shape === undefined || !kinds.includes(only[0])) throw new ShapeError(one, asked);
    shape(only[1], out);
  }
}

/** A copy with every span at its place in the JSON text. */
function relocate(value: unknown, locate: (span: Span) => Span): unknown {
  if (Array.isArray(value)) return value.map((one) => relocate(one, locate));
  if (typeof value !== 'object' || value === null) return value;
  if ('start' in value && 'column' in value) return locate(value as unknown as Span);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, relocate(one, locate)]));
}
