/** docs/language.md and docs/tour.md: what is written by program is as the program writes it, examples are right, links lead somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../compiler/diagram/build.ts';
import { runExpectations } from '../../compiler/simulate/expect.ts';
import { format } from '../../grammar/format/format.ts';
import { declarations } from '../../grammar/words.ts';
import { checkText } from '../compiler/check/check-text.ts';
import { anchorOf, DIAGRAMS, DOCS, fileOf, refresh } from './pages.ts';
import { drawSentences } from './railroad.ts';

const read = (path: string): string => readFileSync(new URL(path, DOCS), 'utf8');
const test = suite('docs/language.md and docs/tour.md');
const language = read('language.md');
const WRITTEN = ['language.md', 'tour.md'];

for (const page of WRITTEN) {
  test(`docs/${page} is what \`npm run docs\` writes`, async () => {
    assert.is(await refresh(read(page)), read(page), 'run `npm run docs`, and read what has changed');
  });

  test(`the links of docs/${page} lead somewhere`, () => {
    for (const [, to = ''] of read(page).matchAll(/\]\(([^)]+)\)/g)) {
      const [path = '', anchor] = to.split('#');
      const file = path === '' ? page : path;
      assert.ok(existsSync(new URL(file, DOCS)), to);
      if (anchor === undefined) continue;
      const headings = [...read(file).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
      assert.ok(headings.includes(anchor), to);
    }
  });
}

test('the diagrams are as they are drawn, each is shown, and they need nothing from elsewhere', () => {
  const files = readdirSync(new URL('grammar/', DOCS)).map((name) => `grammar/${name}`);
  assert.equal(files.sort(), [...DIAGRAMS.keys()].map(fileOf).sort());
  for (const [name, sentences] of DIAGRAMS) {
    const svg = read(fileOf(name));
    assert.is(svg, drawSentences(sentences), `${name}: run \`npm run docs\``);
    assert.not.match(svg.replace('http://www.w3.org/2000/svg', ''), /https?:|href|<script|@import|url\(/);
    assert.ok(language.includes(`(${fileOf(name)})`), name);
  }
});

test('every declaration has a section, but for those that are not built', () => {
  const unbuilt = [...declarations.keys()].filter((word) => !language.includes(`\n## ${word}\n`));
  assert.equal(unbuilt, ['autofw']);
  const { diagnostics } = checkText('gateway g { default deny }\nautofw a {\n}\n');
  assert.ok(diagnostics.some(({ code }) => code === 'MQ390'));
});

const [network = '', ...examples] = [...language.matchAll(/```masq\n(.*?)```/gs)].map(([, text = '']) => text);
for (const [index, example] of ['', ...examples].entries()) {
  test(`example ${index} of docs/language.md is right: ${example.split('\n', 1)}`, () => {
    const { model, diagnostics } = checkText(/^gateway /m.test(example) ? example : network + example);
    const wrong = diagnostics.filter(({ code }) => code !== 'MQ402');
    assert.equal(
      wrong.map(({ code, span, message }) => `${code} line ${span.line}: ${message}`),
      [],
    );
    if (model === null) throw new Error('no model');
    const failed = runExpectations(model, buildPolicyDiagram(model)).flatMap(({ steps }) =>
      steps.filter((one) => !one.passed),
    );
    assert.equal(
      failed.map(({ diagnostic }) => diagnostic?.message),
      [],
    );
  });
}

test('each file of the tour is shown, and in the one form', () => {
  const tour = read('tour.md');
  const names = readdirSync(new URL('tour/', DOCS));
  assert.is(names.length, 10);
  for (const name of names) {
    const text = read(`tour/${name}`);
    assert.is(format({ file: name, text }).text, text, name);
    assert.match(tour, new RegExp(`^\\$ masqc .*\\b${name}\\b`, 'm'));
  }
});

test('a page that is out of date is seen', async () => {
  const stale = language.replace('established (recheck', 'established (perhaps');
  assert.not.equal(stale, language);
  assert.is(await refresh(stale), language);
});

test.run();
