import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from '../../grammar/parse.ts';
import { type DiagnosticsDocument, renderDiagnosticsJson } from '../../runtime/report/json.ts';

const test = suite('diagnostics for programs');
const schema = JSON.parse(readFileSync(new URL('../../docs/diagnostics.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true }).compile(schema);

const render = (text: string): DiagnosticsDocument =>
  JSON.parse(renderDiagnosticsJson(parse({ file: 'a.masq', text }).diagnostics)) as DiagnosticsDocument;
function expectValid(document: unknown): void {
  assert.ok(validate(document), JSON.stringify(validate.errors));
}

test('a text without errors gives an empty list', () => {
  const document = render('zone a = b');
  assert.equal(document, { version: 1, diagnostics: [] });
  expectValid(document);
});
test('a diagnostic has its code, place, expectation, other places and fixes', () => {
  const document = render('gateway g {\nzone a = b c\n');
  expectValid(document);
  const span = { file: 'a.masq', start: 12, end: 16, line: 2, column: 1, endColumn: 5 };
  assert.equal(document.diagnostics, [
    {
      code: 'MQ121',
      severity: 'error',
      message: '`gateway g` is still open: its `}` is missing before `zone`',
      expected: '`}` on a line of its own',
      span,
      related: [
        {
          message: '`gateway g` is opened here',
          span: { file: 'a.masq', start: 0, end: 9, line: 1, column: 1, endColumn: 10 },
        },
      ],
      fixes: [
        { title: 'close the block', span: { ...span, end: 12, endColumn: 1 }, replacement: '}\n', certain: true },
      ],
    },
  ]);
});
test('what is not said is null', () => {
  const span = { file: 'a.masq', start: 0, end: 0, line: 1, column: 1 };
  const document = JSON.parse(
    renderDiagnosticsJson([{ code: 'MQ400', severity: 'warning', message: 'x', span, related: [], fixes: [] }]),
  ) as DiagnosticsDocument;
  assert.is(document.diagnostics[0]!.expected, null);
  expectValid(document);
});
test('every kind of broken text gives a valid document', () => {
  const text = ['zone a b', 'host h = 1.2.3.4/40', 'policy p form', '}', '"', 'x;', '// y', 'gateway {'].join('\n');
  const document = render(text);
  assert.ok(document.diagnostics.length >= 7);
  expectValid(document);
  for (const one of ['\0', '\u202e', '']) expectValid(render(one));
});
test('the schema refuses what is no such document', () => {
  const good = render('zone a b');
  const [one] = good.diagnostics;
  for (const bad of [
    { ...good, version: 2 },
    { version: 1 },
    { ...good, extra: 1 },
    { ...good, diagnostics: [{ ...one, code: 'E1' }] },
    { ...good, diagnostics: [{ ...one, severity: 'hint' }] },
    { ...good, diagnostics: [{ ...one, span: { ...one!.span, line: 0 } }] },
    { ...good, diagnostics: [{ ...one, fixes: undefined }] },
  ]) {
    assert.not.ok(validate(bad), JSON.stringify(bad));
  }
});

test.run();
