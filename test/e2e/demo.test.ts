/** The demo interrupted: nothing of it stays. (That it works is shown by running it.) */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findBpffs } from '../../runtime/machine/bpffs.ts';
import { needs } from '../lab/skip.ts';
import { compareSnapshots, takeSnapshot } from '../lab/snapshot.ts';
import { until } from '../lab/until.ts';

needs('root', 'linux', 'tun', 'btf');

const demo = suite('demo');
const script = fileURLToPath(new URL('../lab/demo.ts', import.meta.url));

const list = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);

demo('Ctrl-C takes it down, with what masqc had applied', async () => {
  const before = await takeSnapshot();
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const mine = () => list('/run/netns').filter((name) => name.startsWith(`mq${child.pid}-`));
  await until('the gateway is applied and in use', () => said.includes('luke asks a name server'), 60_000);
  const gateway = mine().find((name) => name.endsWith('-deathstar'));
  assert.ok(gateway !== undefined);
  const { ino } = statSync(`/run/netns/${gateway}`);
  const pins = () =>
    [...list('/run/masqc'), ...list(findBpffs() ?? '/run/masqc/bpf')].filter((name) => name.endsWith(`-${ino}`));
  assert.ok(pins().length > 0);

  child.kill('SIGINT');
  await until('it ends', () => child.exitCode !== null, 10_000);
  assert.is(child.exitCode, 130);
  assert.equal(mine(), []);
  assert.equal(pins(), []);
  assert.equal(compareSnapshots(before, await takeSnapshot()), []);
});

demo.run();
