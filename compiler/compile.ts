/** The pipeline, from left to right: texts → documents → checked model → decision diagrams. */
import type { Document } from '../grammar/ast.ts';
import type { Diagnostic } from '../grammar/diagnostic.ts';
import type { SourceText } from '../grammar/span.ts';
import { check, type Declared } from './check/check.ts';
import { buildPolicyDiagram } from './diagram/build.ts';
import type { PolicyDiagram } from './diagram/diagram.ts';
import { createLists } from './lists.ts';
import { load, type ReadSource } from './load.ts';
import type { Model } from './model.ts';

export type Compiled = {
  /** Every text that was read, the entry first, files of addresses last. */
  readonly sources: readonly SourceText[];
  /** Errors and warnings of all stages, in the order of files and lines. */
  readonly diagnostics: readonly Diagnostic[];
  /** What was parsed: a target asks it which words stand in the file. */
  readonly documents: readonly Document[];
} & (
  | { readonly model: Model; readonly diagram: PolicyDiagram; readonly declared: Declared }
  /** There are errors. */
  | { readonly model: null; readonly diagram: null }
);

/** Around each stage, e.g. to measure it. */
export type Around = <T>(stage: 'load' | 'check' | 'diagram', run: () => T) => T;
const plainly: Around = (_stage, run) => run();

/** Never throws for a bad file: what is wrong with it is in `diagnostics`. */
export function compile(entry: string, read: ReadSource, around: Around = plainly): Compiled {
  const loaded = around('load', () => load(entry, read));
  const { documents } = loaded;
  const lists = createLists(read);
  const unread = loaded.diagnostics.length > 0;
  const checked = around('check', () => check(documents, { sources: loaded.sources, unread, lists }));
  const sources = [...loaded.sources, ...lists.sources];
  const diagnostics = inOrder(
    [...loaded.diagnostics, ...documents.flatMap((document) => document.diagnostics), ...checked.diagnostics],
    sources,
  ).map((one) => placeInJson(one, documents));
  const { model, declared } = checked;
  if (model === null) return { sources, diagnostics, documents, model: null, diagram: null };
  const diagram = around('diagram', () => buildPolicyDiagram(model));
  return { sources, diagnostics, documents, model, diagram, declared };
}

/** In JSON a mend in sentences would be none. */
function placeInJson(diagnostic: Diagnostic, documents: readonly Document[]): Diagnostic {
  const { file, start } = diagnostic.span;
  const json = documents.find((document) => document.file === file)?.json;
  return json === undefined ? diagnostic : { ...diagnostic, fixes: [], path: json.pathAt(start) };
}

function inOrder(diagnostics: readonly Diagnostic[], sources: readonly SourceText[]): Diagnostic[] {
  const rank = new Map(sources.map(({ file }, i) => [file, i]));
  const of = ({ span }: Diagnostic) => rank.get(span.file) ?? -1;
  return [...diagnostics].sort((a, b) => of(a) - of(b) || a.span.start - b.span.start);
}
