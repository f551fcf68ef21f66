/** `npm run docs`: writes anew what is written by program in docs/language.md and docs/tour.md, and the diagrams. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { DIAGRAMS, DOCS, fileOf, refresh } from './pages.ts';
import { drawSentences } from './railroad.ts';

mkdirSync(new URL('grammar/', DOCS), { recursive: true });
for (const [name, sentences] of DIAGRAMS) writeFileSync(new URL(fileOf(name), DOCS), drawSentences(sentences));
for (const page of ['language.md', 'tour.md']) {
  const path = new URL(page, DOCS);
  writeFileSync(path, await refresh(readFileSync(path, 'utf8')));
}
