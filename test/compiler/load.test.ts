import { suite as makeSuite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../compiler/compile.ts';
import { load, type ReadSource, resolvePath } from '../../compiler/load.ts';

const suite = makeSuite('loading');

const from =
  (files: Readonly<Record<string, string>>): ReadSource =>
  (path) => {
    const text = files[path];
    return text === undefined ? { problem: 'does not exist' } : { text };
  };
const codes = (entry: string, files: Record<string, string>) =>
  load(entry, from(files)).diagnostics.map(({ code, span }) => `${code} ${span.file}:${span.line}:${span.column}`);

suite('reads what is included, relative to the file that says so', () => {
  const { documents, sources, diagnostics } = load(
    'sites/a.masq',
    from({
      'sites/a.masq': 'include "lan/hosts.masq"\ninclude "../shared/sets.masq"\n',
      'sites/lan/hosts.masq': 'include "more.masq"\n',
      'sites/lan/more.masq': '',
      'shared/sets.masq': '',
    }),
  );
  assert.equal(diagnostics, []);
  const order = ['sites/a.masq', 'sites/lan/hosts.masq', 'sites/lan/more.masq', 'shared/sets.masq'];
  assert.equal(
    documents.map(({ file }) => file),
    order,
  );
  assert.equal(
    sources.map(({ file }) => file),
    order,
  );
});

suite('says what can not be read, at the include', () => {
  assert.equal(codes('a.masq', { 'a.masq': '\n  include "b.masq"\n' }), ['MQ030 a.masq:2:11']);
  const { diagnostics } = load('a.masq', (path) =>
    path === 'a.masq' ? { text: 'include "d"\n' } : { problem: 'is a directory, not a file' },
  );
  assert.is(diagnostics[0]?.message, 'd is a directory, not a file');
});

suite('says that the entry can not be read', () => {
  assert.equal(codes('a.masq', {}), ['MQ030 a.masq:1:1']);
  const compiled = compile('a.masq', from({}));
  assert.is(compiled.model, null);
  assert.equal(
    compiled.diagnostics.map(({ code }) => code),
    ['MQ030'],
    'and nothing about what is not in it',
  );
});

suite('names the files of a circle', () => {
  const files = {
    'a.masq': 'include "x/b.masq"\n',
    'x/b.masq': 'include "c.masq"\n',
    'x/c.masq': 'include "../a.masq"\n',
  };
  const { diagnostics } = load('a.masq', from(files));
  assert.is(diagnostics.length, 1);
  assert.is(diagnostics[0]?.code, 'MQ031');
  assert.is(diagnostics[0]?.span.file, 'x/c.masq');
  assert.match(diagnostics[0]?.message ?? '', 'a.masq → x/b.masq → x/c.masq → a.masq');
  assert.equal(codes('./a.masq', { './a.masq': 'include "a.masq"\n' }), ['MQ031 ./a.masq:1:9']);
});

suite('refuses a file that is included twice', () => {
  const files = { 'a.masq': 'include "b.masq"\ninclude "c.masq"\n', 'b.masq': 'include "c.masq"\n', 'c.masq': '' };
  const { diagnostics } = load('a.masq', from(files));
  assert.equal(
    diagnostics.map(({ code, span }) => `${code} ${span.file}:${span.line}`),
    ['MQ033 a.masq:2'],
  );
  assert.is(diagnostics[0]?.related[0]?.span.file, 'b.masq');
});

suite('ends where includes have no end', () => {
  const endless: ReadSource = (path) => ({ text: `include "${path}x"\n` });
  const { diagnostics, documents } = load('a', endless);
  assert.equal(
    diagnostics.map(({ code }) => code),
    ['MQ032'],
  );
  assert.ok(documents.length < 50);
});

suite('takes absolute paths as they are, and those of Windows', () => {
  assert.is(resolvePath('a/b.masq', '/etc/masqc/x.masq'), '/etc/masqc/x.masq');
  assert.is(resolvePath('/etc/masqc/b.masq', '../x.masq'), '/etc/x.masq');
  assert.is(resolvePath('b.masq', '../../x.masq'), '../../x.masq');
  assert.is(resolvePath('C:\\gw\\b.masq', 'x.masq'), 'C:\\gw\\x.masq');
  assert.is(resolvePath('b.masq', 'C:\\x.masq'), 'C:\\x.masq');
});

suite('checks names over all files, and points into the right one', () => {
  const files = {
    'gw.masq':
      'include "hosts.masq"\ninterface lan = eth0\ngateway gw {\n  deny from bad\n}\npolicy p from lan to self {\n  allow from hann\n  default deny\n}\n',
    'hosts.masq': 'network home = 192.168.1.0/24 on lan\nhost han = 192.168.1.20\nset bad = 192.0.2.1\n',
  };
  const { diagnostics } = compile('gw.masq', from(files));
  assert.equal(
    diagnostics.map(({ code, span }) => `${code} ${span.file}:${span.line}`),
    ['MQ202 gw.masq:7'],
  );
  assert.is(diagnostics[0]?.fixes[0]?.replacement, 'han');
  assert.is(diagnostics[0]?.related[0]?.span.file, 'hosts.masq');
});

suite('does not ask for names that may be in a file that could not be read', () => {
  const { diagnostics } = compile(
    'gw.masq',
    from({ 'gw.masq': 'include "hosts.masq"\ngateway gw {\n  deny from han\n}\n' }),
  );
  assert.equal(
    diagnostics.map(({ code }) => code),
    ['MQ030'],
  );
});

suite('measures the stages for whoever asks', () => {
  const stages: string[] = [];
  compile('gw.masq', from({ 'gw.masq': 'gateway gw {\n  default deny\n}\n' }), (stage, run) => {
    stages.push(stage);
    return run();
  });
  assert.equal(stages, ['load', 'check', 'diagram']);
});

suite.run();
