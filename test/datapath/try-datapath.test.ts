/** How `masqc doctor` finds out whether a kernel takes the programs: each of them is judged. */
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as libbpf from '../../native/lib/libbpf.ts';
import { readDatapath } from '../../runtime/apply/datapath.ts';
import { makeProbe } from '../../runtime/doctor/probe-policy.ts';
import { tryDatapath } from '../../runtime/doctor/try-datapath.ts';
import { needs } from '../lab/skip.ts';

needs('linux', 'root', 'btf', 'file:native/prebuilt/datapath/datapath4.bpf.o');

const test = suite('try datapath');
const datapath = readDatapath();
const probe = makeProbe(datapath);
const bpffs = mkdtempSync(join(tmpdir(), 'masqc-try-'));
/** But for the kernel's own. */
const left = () => readdirSync(bpffs).filter((name) => !name.endsWith('.debug'));
test.before(() => void execaSync('mount', ['-t', 'bpf', 'bpffs', bpffs]));
test.after(() => {
  execaSync('umount', [bpffs]);
  rmdirSync(bpffs);
});

/** A program that no verifier takes: it reads where a packet's mark points to. */
function compileBad(): Uint8Array {
  const source = `
    #include <linux/bpf.h>
    __attribute__((section("tc"), used)) int bad(struct __sk_buff *skb) { return *(volatile int *)(long)skb->mark; }
    const volatile unsigned limits_used, logs_used, accounts_used;
    __attribute__((section("tc"), used)) unsigned all(void *ctx) { return limits_used + logs_used + accounts_used; }
    char _license[] __attribute__((section("license"), used)) = "GPL";`;
  const { stdout: multiarch } = execaSync('gcc', ['-print-multiarch']);
  const flags = ['-O2', '-g', '-target', 'bpf', '-isystem', `/usr/include/${multiarch}`, '-x', 'c', '-c', '-'];
  return execaSync('clang', [...flags, '-o', '-'], { input: source, encoding: 'buffer' }).stdout;
}

test('this kernel takes all of them, and nothing stays', async () => {
  assert.equal(await tryDatapath(libbpf, datapath, probe, bpffs), { ok: true, said: '' });
  assert.equal(left(), []);
});

test('names the one that it does not take', async () => {
  const bad = compileBad();
  for (const [change, name] of [
    [{ datapath: bad }, 'known flows'],
    [{ datapath6: bad }, 'known flows of IPv6'],
    [{ miss: bad }, 'new flows'],
    [{ miss6: bad }, 'new flows of IPv6'],
  ] as const) {
    const found = await tryDatapath(libbpf, { ...datapath, ...change }, probe, bpffs);
    assert.is(found?.ok, false, name);
    assert.ok(found?.said.startsWith(`${name}: `), found?.said);
    assert.equal(left(), []);
  }
});

test.run();
