import pc from 'picocolors';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CodeSection } from '../../runtime/report/codes-page.ts';
import { renderCode } from '../../runtime/report/explain.ts';
import { call } from './call.ts';

const test = suite('explain');
const section: CodeSection = {
  code: 'MQ304',
  title: 'A `default` of its own',
  chapter: 'Meaning',
  meaning: ['It would let *everything* through that no policy names, as in `default allow`.'],
  wrong: 'gateway g {\n  default allow\n}\n',
  right: 'gateway g {\n  default deny\n}\n',
  example: null,
  mend: 'write `default deny`.',
};

test('shows what a code means, wrong and mended, with marks at the lines that differ', () => {
  assert.is(
    renderCode(section, pc.createColors(false), 40),
    [
      'MQ304 A `default` of its own (error)',
      '',
      '  It would let everything through that',
      '  no policy names, as in',
      '  `default allow`.',
      '',
      'Wrong',
      '    gateway g {',
      '  -   default allow',
      '    }',
      '',
      'Right',
      '    gateway g {',
      '  +   default deny',
      '    }',
      '',
      'Mend',
      '  write `default deny`.',
      '',
    ].join('\n'),
  );
  const coloured = renderCode(section, pc.createColors(true), 40);
  assert.match(coloured, '\u001b[31m  -   default allow\u001b[39m');
  assert.match(coloured, '\u001b[36mdefault deny\u001b[39m');
});
test('tells an example in words where no lines can show it, and warnings from errors', () => {
  const told = { ...section, code: 'MQ408', wrong: null, right: null, example: 'a long list.' };
  const text = renderCode(told, pc.createColors(false), 80);
  assert.match(text, 'MQ408 A `default` of its own (warning)');
  assert.match(text, 'For example\n\n  a long list.\n\nMend');
});
test('finds a code however it is written, and several', async () => {
  const { code, out } = await call('explain', 'mq014', '401');
  assert.is(code, 0);
  assert.match(out, /^MQ014 A network with host bits \(error\)$/m);
  assert.match(out, /^MQ401 A line never reached \(warning\)$/m);
});
test('lists all codes by chapters', async () => {
  const { out } = await call('explain');
  assert.match(out, /^The text\n {2}MQ001 {2}The file is too long\n/);
  assert.match(out, /\n\nWarnings\n {2}MQ401 {2}A line never reached\n/);
});
test('gives both as JSON', async () => {
  const [one] = JSON.parse((await call('explain', 'MQ014', '--json')).out);
  assert.equal([one.code, one.severity, one.title], ['MQ014', 'error', 'A network with host bits']);
  assert.match(one.wrong, '192.168.1.5/24');
  assert.match(one.right, '192.168.1.0/24');
  assert.ok(JSON.parse((await call('explain', '--json')).out).length > 100);
});
test('says that there is no such code', async () => {
  const failed = await call('explain', 'MQ999').catch((error: Error) => error);
  assert.match(failed instanceof Error ? failed.message : '', 'There is no code MQ999');
});

test.run();
