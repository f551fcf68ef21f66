import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { call } from './call.ts';

const test = suite('check --fix');
const WRONG = 'gateway g {\n  default deny;\n}\niface wan = ppp0\ninclude "more.masq"\n';
const RIGHT = WRONG.replace(';', '').replace('iface', 'interface');
const MORE = 'policy in form any to self {\n  allow tcp 22\n  default deny\n}\n';
let directory = '';
let file = '';
let more = '';
test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'masqc-fix-'));
  file = join(directory, 'g.masq');
  more = join(directory, 'more.masq');
  writeFileSync(file, WRONG, { mode: 0o640 });
  writeFileSync(more, MORE);
});
test.after.each(() => rmSync(directory, { recursive: true, force: true }));
const read = (path: string): string => readFileSync(path, 'utf8');

test('mends the file and what it includes, shows each line, and checks again', async () => {
  const { code, out, err } = await call('check', file, '--fix');
  assert.equal([code, err], [0, '']);
  assert.equal([read(file), read(more)], [RIGHT, MORE.replace('form', 'from')]);
  assert.is(statSync(file).mode & 0o777, 0o640);
  assert.equal(readdirSync(directory).sort(), ['g.masq', 'more.masq']);
  assert.ok(
    out.startsWith(`${file}:2: no \`;\` is needed: a sentence ends with its line [MQ009]
  -   default deny;
  +   default deny

${file}:4: \`iface\` is called \`interface\` here [MQ107]
  - iface wan = ppp0
  + interface wan = ppp0

${more}:1: \`form\` means nothing here; it looks like \`from\` [MQ106]
  - policy in form any to self {
  + policy in from any to self {

3 mistakes mended
`),
  );
  assert.match(out, /g\.masq: fine, gateway g, /);
  const again = await call('check', file, '--fix');
  assert.not.match(again.out, 'mended');
});
test('--dry-run shows the same and writes nothing', async () => {
  const { code, out } = await call('check', file, '--fix', '--dry-run');
  assert.is(code, 0);
  assert.match(out, '3 mistakes would be mended; nothing is written');
  assert.equal([read(file), read(more)], [WRONG, MORE]);
});
test('what is not certain is left, told, and 1', async () => {
  writeFileSync(more, 'policy in from any to self {\n  allow tcp 22 from 192.0.2.7/24;\n  default deny\n}\n');
  const { code, out } = await call('check', file, '--fix');
  assert.is(code, 1);
  assert.match(out, '2 mistakes mended');
  assert.match(out, 'error[MQ014]');
  assert.match(out, 'help: write `192.0.2.0/24`');
  assert.match(read(more), '192.0.2.7/24;');
});
test('with JSON, what is left is on standard output, what was mended on standard error', async () => {
  const { out, err } = await call('check', file, '--fix', '--format', 'json');
  assert.ok(JSON.parse(out).diagnostics.every(({ severity }: { severity: string }) => severity === 'warning'));
  assert.match(err, '3 mistakes mended');
});
test('JSON says which mends are certain', async () => {
  writeFileSync(more, 'set s = 192.0.2.7/24\nzone z = wan;\n');
  const { out } = await call('check', file, '--format', 'json');
  const found = JSON.parse(out).diagnostics.flatMap(
    ({ code, fixes }: { code: string; fixes: { certain: boolean; replacement: string }[] }) =>
      fixes.map(({ certain, replacement }) => `${code} ${certain} ${replacement}`),
  );
  assert.equal(found, ['MQ009 true ', 'MQ107 true interface', 'MQ014 false 192.0.2.0/24', 'MQ009 true ']);
});
test('`--dry-run` alone is refused', async () => {
  const failed = await call('check', file, '--dry-run').catch((error: Error) => error);
  assert.match(failed instanceof Error ? failed.message : '', 'belongs to `--fix`');
});

test.run();
