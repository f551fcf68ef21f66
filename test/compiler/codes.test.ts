/** docs/codes.md beside all registries of codes: a section for each code, a code for each section, examples that raise it. */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CODES } from '../../compiler/check/codes.ts';
import { buildPolicyDiagram } from '../../compiler/diagram/build.ts';
import { runExpectations, UNEXPECTED } from '../../compiler/simulate/expect.ts';
import { codes } from '../../grammar/codes.ts';
import { checkText } from './check/check-text.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/codes.md');

/** Every registry: a new one belongs here, too. */
const REGISTRIES: readonly (readonly string[])[] = [
  Object.values(codes).map(({ code }) => code),
  Object.values(CODES).map(({ code }) => code),
  [UNEXPECTED],
];
const all = REGISTRIES.flat();

interface Section {
  readonly code: string;
  readonly title: string;
  readonly text: string;
  readonly example: string | null;
}
const sections = page
  .split(/^(?=###? )/m)
  .filter((part) => part.startsWith('### '))
  .map((part): Section => {
    const [head = '', ...lines] = part.split('\n');
    const [, code = '', title = ''] = /^### (MQ\d{3}) (.+)$/.exec(head) ?? [];
    const text = lines.join('\n');
    return { code, title, text, example: /```masq\n(.*?\n)```/s.exec(text)?.[1] ?? null };
  });
const network = /```masq\n(.*?\n)```/s.exec(page)?.[1] ?? '';

const test = suite('docs/codes.md');

test('no code is used twice, by whatever registry', () => {
  assert.equal([...new Set(all)].sort(), [...all].sort());
});

test('has a section for every code, and a code for every section, once', () => {
  assert.equal(
    [...new Set(all)].filter((code) => !sections.some((section) => section.code === code)),
    [],
  );
  assert.equal(
    sections.filter(({ code }) => !all.includes(code)).map(({ code, title }) => code || title),
    [],
  );
  const order = sections.map(({ code }) => code);
  assert.equal([...new Set(order)], order);
});

test('titles of syntax errors are those of the registry', () => {
  const titles = new Map(sections.map(({ code, title }) => [code, title]));
  for (const { code, title } of Object.values(codes)) assert.is(titles.get(code), title);
});

test('every section says what the code means, shows an example and how to mend it', () => {
  for (const { code, text, example } of sections) {
    assert.match(text, /^\n[A-Z0-9`"].{20}/s, code);
    assert.match(text, /^\*\*Mend:\*\* ./m, code);
    assert.ok(example !== null || text.includes('\n**For example:** '), `${code} has no example`);
  }
});

/** All codes that a text raises, those of its expectations included. */
function raise(text: string): string[] {
  const { model, diagnostics } = checkText(text);
  const unmet = model
    ? runExpectations(model, buildPolicyDiagram(model)).flatMap(({ steps }) =>
        steps.map(({ diagnostic }) => diagnostic),
      )
    : [];
  return [...diagnostics, ...unmet].flatMap((one) => (one ? [one.code] : []));
}

test('the lines that the examples stand below raise no error', () => {
  const errors = checkText(network).diagnostics.filter(({ severity }) => severity === 'error');
  assert.equal(errors, []);
});

for (const { code, example } of sections) {
  if (example === null) continue;
  test(`the example for ${code} raises it, and no other error`, () => {
    const raised = raise(/^gateway /m.test(example) ? example : network + example);
    assert.ok(raised.includes(code), `it raises ${raised.join(' ') || 'nothing'}`);
    const others = raised.filter((one) => one !== code && !one.startsWith('MQ4'));
    assert.equal(others, []);
  });
}

test('no code is written down outside of the registries', () => {
  const known = ['grammar/codes.ts', 'compiler/check/codes.ts', 'compiler/simulate/expect.ts'];
  const places = ['grammar', 'compiler', 'runtime', 'bin'].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true }).map((path) => `${folder}/${path}`),
  );
  const wild = places.filter(
    (path) => /\.(ts|js|mjs)$/.test(path) && !known.includes(path) && /['"`]MQ\d{3}['"`]/.test(read(path)),
  );
  assert.equal(wild, []);
});

test.run();
