/** docs/codes.md beside all registries of codes: a section for each code, a code for each section, examples that raise it. */
import { readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CODES } from '../../compiler/check/codes.ts';
import { buildPolicyDiagram } from '../../compiler/diagram/build.ts';
import { NFT_CODES } from '../../compiler/nftables/codes.ts';
import { complain } from '../../compiler/nftables/complain.ts';
import { runExpectations, UNEXPECTED } from '../../compiler/simulate/expect.ts';
import { codes } from '../../grammar/codes.ts';
import { readCodesPage } from '../../runtime/report/codes-page.ts';
import { checkText } from './check/check-text.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/codes.md');

/** Every registry: a new one belongs here, too. */
const REGISTRIES: readonly (readonly string[])[] = [
  Object.values(codes).map(({ code }) => code),
  Object.values(CODES).map(({ code }) => code),
  [UNEXPECTED],
  Object.values(NFT_CODES).map(({ code }) => code),
];
const all = REGISTRIES.flat();

const { network, sections } = readCodesPage(page);

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
  for (const { code, meaning, wrong, right, example, mend } of sections) {
    assert.match(meaning[0] ?? '', /^[A-Z0-9`"].{20}/, code);
    assert.match(mend, /^.{8}/, code);
    assert.ok(wrong === null ? example !== null : right !== null, `${code} has no example, or none that is mended`);
  }
});

/**
 * All codes that an example raises below other lines, those of its expectations included. For a code of the nftables target
 * also what that calls an error.
 */
function raise(lines: string, example: string, asked: string): string[] {
  const { model, document, diagnostics } = checkText(lines + example);
  const unmet = model
    ? runExpectations(model, buildPolicyDiagram(model)).flatMap(({ steps }) =>
        steps.map(({ diagnostic }) => diagnostic),
      )
    : [];
  const own = diagnostics.filter(({ span }) => span.start >= lines.length || span.start === 0);
  const nft = model !== null && asked.startsWith('MQ6') ? complain(model, [document]) : [];
  const refused = nft.filter(({ code, severity }) => code === asked || severity === 'error');
  return [...own, ...unmet, ...refused].flatMap((one) => (one ? [one.code] : []));
}

test('the lines that the examples stand below raise no error', () => {
  const errors = checkText(network).diagnostics.filter(({ severity }) => severity === 'error');
  assert.equal(errors, []);
});

const above = (example: string): string => (/^gateway /m.test(example) ? '' : network);
for (const { code, wrong, right } of sections) {
  if (wrong === null || right === null) continue;
  test(`the example for ${code} raises it, and no other error`, () => {
    const raised = raise(above(wrong), wrong, code);
    assert.ok(raised.includes(code), `it raises ${raised.join(' ') || 'nothing'}`);
    const others = raised.filter((one) => one !== code && !one.startsWith('MQ4'));
    assert.equal(others, []);
  });
  test(`the example for ${code}, mended, raises neither it nor any error`, () => {
    assert.equal(
      raise(above(right), right, code).filter((one) => one === code || !one.startsWith('MQ4')),
      [],
    );
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
