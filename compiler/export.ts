/** A gateway file and all that it includes as one file in JSON. */
import type { Document } from '../grammar/ast.ts';
import { exportDeclaration, writeJson } from '../grammar/json/export.ts';
import type { SourceText, Span } from '../grammar/span.ts';
import { resolvePath } from './load.ts';

/** `documents`: without errors, the entry first. What they include stands in the place of its `include`'s file, in their order. */
export function exportDocuments(documents: readonly Document[], sources: readonly SourceText[]): string {
  const texts = new Map(sources.map(({ file, text }) => [file, text]));
  const said = ({ file, start, end }: Span) => {
    const text = (texts.get(file) ?? '').slice(start, end).trim();
    return text.startsWith('"') ? (JSON.parse(text) as string) : text.replace(/\s+/g, ' '); // JSON has it in quotes
  };
  const entry = documents[0]?.file ?? '';
  const namePath = (path: string, file: string) => relativeTo(entry, resolvePath(file, path), path);
  const declarations = documents
    .flatMap((document) => document.declarations)
    .filter(({ kind }) => kind !== 'include')
    .map((one) => exportDeclaration(one, { said, namePath }));
  return `${writeJson({ masqc: 1, declarations })}\n`;
}

/** A path as the file `entry` would name it. */
function relativeTo(entry: string, path: string, written: string): string {
  if (written.startsWith('/') || resolvePath(entry, written) === path) return written;
  const folder = resolvePath(entry, '.').split('/');
  const parts = path.split('/');
  while (folder.length > 0 && folder[0] === parts[0]) {
    folder.shift();
    parts.shift();
  }
  return [...folder.filter((part) => part !== '.').map(() => '..'), ...parts].join('/');
}
