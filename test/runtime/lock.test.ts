import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../runtime/cli/refusal.ts';
import { readStartTime, takeLock } from '../../runtime/machine/lock.ts';

const test = suite('lock');
let directory = '';
const path = () => join(directory, 'run', 'x.lock');
test.before.each(() => {
  directory = mkdtempSync(join(tmpdir(), 'masqc-lock-'));
});
test.after.each(() => rmSync(directory, { recursive: true, force: true }));

test('makes its directory, and leaves nothing after release', async () => {
  const lock = await takeLock(path(), 'apply', 0);
  assert.is(JSON.parse(readFileSync(path(), 'utf8')).pid, process.pid);
  lock.release();
  assert.not(existsSync(path()));
});

test('refuses with the pid of a living holder', async () => {
  const lock = await takeLock(path(), 'apply', 0);
  const error = await takeLock(path(), 'down', 0).catch((thrown) => thrown);
  assert.instance(error, Refusal);
  assert.match(error.message, `process ${process.pid}`);
  assert.match(error.message, 'masqc apply');
  lock.release();
});

test('waits for a holder that ends in time', async () => {
  const lock = await takeLock(path(), 'apply', 0);
  setTimeout(() => lock.release(), 120);
  (await takeLock(path(), 'down', 3000)).release();
});

test('takes over the lock of a dead process', async () => {
  const child = spawn('sleep', ['60']);
  await takeLock(path(), 'apply', 0);
  writeFileSync(path(), JSON.stringify({ pid: child.pid, started: readStartTime(child.pid ?? 0), verb: 'apply' }));
  const held = await takeLock(path(), 'apply', 0).catch((thrown) => thrown);
  assert.instance(held, Refusal);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));
  (await takeLock(path(), 'apply', 0)).release();
});

test('sees through a pid that was given to another process', async () => {
  (await takeLock(path(), 'apply', 0)).release();
  writeFileSync(path(), JSON.stringify({ pid: process.pid, started: '1', verb: 'apply' }));
  (await takeLock(path(), 'apply', 0)).release();
});

test('takes over a lock file that is not one', async () => {
  (await takeLock(path(), 'apply', 0)).release();
  writeFileSync(path(), 'rubbish');
  (await takeLock(path(), 'apply', 0)).release();
});

test('is held by one process at a time when many take over a dead one', async () => {
  await takeLock(path(), 'apply', 0);
  writeFileSync(path(), JSON.stringify({ pid: 2 ** 22 + 1, started: '1', verb: 'apply' }));
  const script = `
    import { takeLock } from ${JSON.stringify(new URL('../../runtime/machine/lock.ts', import.meta.url).href)};
    import { closeSync, openSync, rmSync } from 'node:fs';
    const lock = await takeLock(${JSON.stringify(path())}, 'apply', 20000);
    closeSync(openSync(${JSON.stringify(join('DIR', 'inside'))}.replace('DIR', ${JSON.stringify(directory)}), 'wx'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    rmSync(${JSON.stringify(join('DIR', 'inside'))}.replace('DIR', ${JSON.stringify(directory)}));
    lock.release();`;
  const children = Array.from({ length: 6 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'ignore', 'inherit'] }),
  );
  const codes = await Promise.all(children.map((child) => new Promise((resolve) => child.on('exit', resolve))));
  assert.equal(codes, [0, 0, 0, 0, 0, 0]);
  await sleep(0);
  assert.not(existsSync(path()));
});

test.run();
