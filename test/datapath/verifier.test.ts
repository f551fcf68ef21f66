/**
 * What the kernel's verifier walks through before it takes a program: at a million instructions it refuses, and each
 * apply waits for it. A loop that is walked in every combination of what came before costs a hundred times its size;
 * one in a callback of bpf_loop, once.
 */
import { mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BpfObject, linkToBytes } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';

needs('linux', 'root', 'btf');

/** Instructions walked through, of one program: room for a policy's own, and for kernels that prune less. */
const LIMIT = 300_000;

const root = new URL('../../', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'masqc-verifier-'));
const pins = join(folder, 'bpf');
const test = suite('verifier');

test.before(() => {
  execaSync('mkdir', [pins]);
  execaSync('mount', ['-t', 'bpf', 'bpffs', pins]);
});
test.after(() => {
  execaSync('umount', [pins]);
  rmdirSync(pins);
  rmSync(folder, { recursive: true });
});

/** Programs of an object, with what the verifier walked through. */
async function load(bytes: Uint8Array): Promise<ReadonlyMap<string, number>> {
  using object = BpfObject.open(bytes, { name: 'verified', pinRoot: pins });
  for (const { name, maxEntries } of object.maps) if (maxEntries > 1024) object.setMaxEntries(name, 1024);
  await object.load();
  return new Map(object.programs.map(({ name }) => [name, object.program(name).info().verifiedInstructions]));
}

for (const family of [4, 6]) {
  const read = (name: string) => readFileSync(`${root}native/prebuilt/datapath/${name}${family}.bpf.o`);

  test(`the programs for known flows of IPv${family} are verified quickly`, async () => {
    for (const [name, walked] of await load(read('datapath'))) assert.ok(walked < LIMIT, `${name}: ${walked}`);
  });

  test(`the program that lists flows of IPv${family} is verified quickly`, async () => {
    assert.ok(((await load(read('list'))).get('list') ?? LIMIT) < 5000);
  });

  test(`the programs for new flows of IPv${family}, with the policy of the example, are verified quickly`, async () => {
    execaSync(process.execPath, [
      `${root}runtime/cli/masqc.ts`,
      'build',
      `${root}examples/deathstar.masq`,
      '-o',
      join(folder, 'built'),
    ]);
    const policy = readFileSync(join(folder, 'built/policy.o'));
    const linked = await linkToBytes([policy, read('miss')]);
    for (const [name, walked] of await load(linked)) assert.ok(walked < LIMIT, `${name}: ${walked}`);
  });
}

test.run();
