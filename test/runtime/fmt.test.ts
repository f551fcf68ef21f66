import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compareLines } from '../../runtime/report/line-diff.ts';
import { call } from './call.ts';

const test = suite('fmt');
const MASQC = fileURLToPath(new URL('../../runtime/cli/masqc.ts', import.meta.url));
const BEFORE = 'host  a=192.0.2.1 # a\nhost bc = ::1\n';
const AFTER = `host a  = 192.0.2.1${' '.repeat(19)}# a\nhost bc = ::1\n`;
let directory = '';
test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'masqc-fmt-'));
});
test.after.each(() => rmSync(directory, { recursive: true, force: true }));

function make(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}
const read = (path: string): string => readFileSync(path, 'utf8');

test('writes in place, says which files changed, and leaves the others alone', async () => {
  const [a, b] = [make('a.masq', BEFORE), make('b.masq', AFTER)];
  const { ino, mtimeMs } = statSync(b);
  assert.equal(await call('fmt', a, b), { code: 0, out: `${a}: formatted\n`, err: '' });
  assert.equal([read(a), read(b)], [AFTER, AFTER]);
  assert.equal([statSync(b).ino, statSync(b).mtimeMs], [ino, mtimeMs]);
  assert.equal(await call('fmt', a, b), { code: 0, out: '2 files are in form already\n', err: '' });
  assert.equal(readdirSync(directory).sort(), ['a.masq', 'b.masq']);
});
test('keeps mode and owner, whatever the umask, and what a link leads to', async () => {
  const file = make('a.masq', BEFORE);
  const link = join(directory, 'link.masq');
  symlinkSync('a.masq', link);
  chmodSync(file, 0o664);
  if (process.geteuid?.() === 0) chownSync(file, 12345, 54321);
  const { uid, gid } = statSync(file);
  const umask = process.umask(0o077);
  try {
    assert.is((await call('fmt', link)).code, 0);
  } finally {
    process.umask(umask);
  }
  assert.ok(lstatSync(link).isSymbolicLink());
  assert.is(read(file), AFTER);
  const after = statSync(file);
  assert.equal([after.mode & 0o7777, after.uid, after.gid], [0o664, uid, gid]);
});
test('--check writes nothing, names what differs, and says 1', async () => {
  const [a, b] = [make('a.masq', BEFORE), make('b.masq', AFTER)];
  assert.equal(await call('fmt', '--check', b, a), { code: 1, out: `${a}\n`, err: '' });
  assert.equal(await call('fmt', '--check', b), { code: 0, out: '', err: '' });
  assert.is(read(a), BEFORE);
});
test('--diff writes nothing and shows the lines', async () => {
  const file = make('a.masq', BEFORE);
  const { code, out } = await call('fmt', '--diff', file);
  const [old] = BEFORE.split('\n');
  const [now] = AFTER.split('\n');
  assert.is(code, 1);
  assert.is(out, `--- ${file}\n+++ ${file}\n@@ -1,2 +1,2 @@\n-${old}\n+${now}\n host bc = ::1\n`);
  assert.is(read(file), BEFORE);
  const windows = make('b.masq', AFTER.replaceAll('\n', '\r\n'));
  assert.equal(await call('fmt', '--diff', windows), { code: 1, out: `${windows}: only line ends differ\n`, err: '' });
});
test('a file with syntax errors is not touched and explained; the others are formatted', async () => {
  const [bad, good] = [make('bad.masq', 'zone  a = b {\n'), make('good.masq', BEFORE)];
  const { code, out, err } = await call('fmt', bad, good);
  assert.equal([code, out], [1, `${good}: formatted\n`]);
  assert.match(err, 'error[MQ123]');
  assert.match(err, 'bad.masq:1:13');
  assert.equal([read(bad), read(good)], ['zone  a = b {\n', AFTER]);
});
test('what is not there or no file is said, and nothing is written', async () => {
  mkdirSync(join(directory, 'd'));
  const { code, out, err } = await call('fmt', join(directory, 'none'), join(directory, 'd'));
  assert.equal([code, out], [1, '']);
  assert.match(err, 'none does not exist');
  assert.match(err, 'd is a directory');
});
test('`-` reads standard input and writes standard output', async () => {
  const run = (input: string, ...args: string[]) =>
    execa(process.execPath, [MASQC, 'fmt', ...args, '-'], { input, reject: false, stripFinalNewline: false });
  const good = await run(BEFORE);
  assert.equal([good.exitCode, good.stdout, good.stderr], [0, AFTER, '']);
  const bad = await run('zone a = \n');
  assert.equal([bad.exitCode, bad.stdout], [1, '']);
  assert.match(bad.stderr, '<stdin>:1');
  const checked = await run(BEFORE, '--check');
  assert.equal([checked.exitCode, checked.stdout, checked.stderr], [1, '<stdin>\n', '']);
});
test('a diff gives both texts back, and has no more lines than it needs', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  fc.assert(
    fc.property(lines, lines, (before, after) => {
      const edits = compareLines(before, after);
      const side = (other: string) => edits.filter(({ kind }) => kind !== other).map(({ text }) => text);
      assert.equal(side('new'), before);
      assert.equal(side('old'), after);
      assert.is(edits.filter(({ kind }) => kind === 'same').length, longestCommon(before, after));
    }),
  );
});
function longestCommon(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return 0;
  let row = new Array<number>(b.length + 1).fill(0);
  for (const one of a) {
    const next = [0];
    for (const [j, other] of b.entries()) {
      next.push(one === other ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!));
    }
    row = next;
  }
  return row.at(-1)!;
}

test.run();
