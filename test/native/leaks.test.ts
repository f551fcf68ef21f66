import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { BpfError, BpfObject } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { countBpfFds, openWorkshop, refusal, residentSize, type Workshop } from './workshop.ts';

const test = suite('native leaks');
needs('linux', 'root');

const SOURCE = `
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, __u32); __type(value, __u64); } seen SEC(".maps");
const volatile __u32 verdict = 2;
SEC("xdp") int pass(struct xdp_md *ctx) { __u32 key = 0; return bpf_map_lookup_elem(&seen, &key) ? 1 : verdict; }
SEC("?xdp") int careless(struct xdp_md *ctx) { __u32 key = 0; __u64 *value = bpf_map_lookup_elem(&seen, &key); return *value; }
`;
const NATIVE = fileURLToPath(new URL('../../native/', import.meta.url));

let workshop: Workshop;
test.before(() => {
  workshop = openWorkshop();
});
test.after(() => workshop.close());

test('keeps descriptors and memory level over 200 rounds of open, load, close', async () => {
  const path = workshop.compile('leaks', SOURCE);
  const play = async (round: number): Promise<void> => {
    const object = BpfObject.open(path);
    if (round % 4 === 0) object.setAutoload('careless', true);
    if (round % 4 === 0) await refusal(BpfError, () => object.load());
    else {
      await object.load();
      object.map('seen').set(0, new Uint8Array(8));
      await object.program('pass').testRun({ data: new Uint8Array(64) });
    }
    object.close();
  };
  const kept = BpfObject.open(path);
  await kept.load();
  assert.ok(kept.map('seen').id > 0 && countBpfFds() >= 4, 'an open object has descriptors');
  for (let round = 0; round < 50; round++) await play(round);
  const fds = countBpfFds();
  const memory = residentSize();
  for (let round = 0; round < 200; round++) await play(round);
  assert.is(countBpfFds(), fds);
  kept.close();
  assert.is(countBpfFds(), 0);
  // One round holds more than 100 kB of libbpf's memory: lost, it would be 20 MB.
  assert.ok(residentSize() - memory < 10_000, `it grew by ${residentSize() - memory} kB`);
});

test('closes what was only forgotten', async () => {
  const path = workshop.compile('forgotten', SOURCE);
  const script = `
    import { readdirSync } from 'node:fs';
    import { BpfObject } from ${JSON.stringify(`${NATIVE}lib/libbpf.ts`)};
    const count = () => readdirSync('/proc/self/fd').length;
    const forget = async () => { const object = BpfObject.open(${JSON.stringify(path)}); await object.load(); object.map('seen').id; };
    await forget();
    const settle = async () => { for (let i = 0; i < 10; i++) { gc(); await new Promise((done) => setTimeout(done, 5)); } };
    await settle();
    const before = count();
    for (let i = 0; i < 20; i++) await forget();
    const held = count();
    await settle();
    console.log(JSON.stringify({ held: held - before, after: count() - before }));`;
  const text = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  const { held, after } = JSON.parse(text);
  assert.ok(held > 20, `${held} held`);
  assert.ok(after <= 0, `${after} left`);
});

test('leaks nothing under the sanitizers', () => {
  execFileSync('make', ['-C', NATIVE, '-s', 'asan'], { stdio: 'pipe' });
  const run = (env: Record<string, string>) =>
    spawnSync('npm', ['run', '--silent', 'leaks'], { cwd: NATIVE, encoding: 'utf8', env: { ...process.env, ...env } });
  const clean = run({ ROUNDS: '5' });
  assert.is(clean.status, 0, clean.stderr);
  const control = run({ ROUNDS: '1', CONTROL: '1' });
  assert.is(control.status, 1, 'the leak made on purpose was not found');
  assert.match(control.stdout, '1 leaks');
});

test.run();
