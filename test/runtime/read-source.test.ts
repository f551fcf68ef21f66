import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_SOURCE_BYTES, readSource } from '../../runtime/sources/read-source.ts';

const test = suite('read source');
let directory = '';
test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'masqc-source-'));
});
test.after(() => rmSync(directory, { recursive: true, force: true }));

function make(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}
function problem(path: string): string {
  const read = readSource(path);
  return 'problem' in read ? read.problem : (assert.unreachable(`${path} was read`) as never);
}

test('reads a text, an empty one too', () => {
  assert.equal(readSource(make('a', 'gateway ä {}\n')), { text: 'gateway ä {}\n' });
  assert.equal(readSource(make('b', '')), { text: '' });
});

test('says what is wrong with what is no text', () => {
  assert.match(problem(make('binary', new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0]))), 'zero byte at offset 4');
  assert.match(problem(make('latin1', new Uint8Array([0x67, 0xe4, 0x0a]))), 'UTF-8');
  assert.match(problem(directory), 'is a directory');
  assert.match(problem(join(directory, 'none')), 'does not exist');
  assert.match(problem(join(directory, 'a', 'b')), 'not a directory');
  symlinkSync('loop', join(directory, 'loop'));
  assert.match(problem(join(directory, 'loop')), 'leads back to itself');
});

test('refuses a large file by its size, without reading it', () => {
  const path = join(directory, 'large');
  const fd = openSync(path, 'w');
  ftruncateSync(fd, 50 * 1024 * 1024);
  closeSync(fd);
  const before = process.memoryUsage().rss;
  assert.match(problem(path), 'too large: 50 MiB, at most 16 MiB');
  assert.ok(process.memoryUsage().rss - before < 8 * 1024 * 1024);
});

test('stops reading what has no end', () => {
  assert.match(problem('/dev/zero'), 'too large');
});

test('takes a file of exactly the largest size', () => {
  assert.ok('text' in readSource(make('edge', Buffer.alloc(MAX_SOURCE_BYTES, '#'))));
});

test('reads a pipe', () => {
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  execFileSync('sh', ['-c', `(printf 'gateway' > ${path}) >/dev/null 2>&1 &`]);
  assert.equal(readSource(path), { text: 'gateway' });
});

test.run();
