/** What the usual tools make of the generated object, where they are installed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execaSync } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitPolicy } from '../../../compiler/ebpf/emit.ts';
import { compareLayout, readLayout } from '../../../compiler/ebpf/layout.ts';
import { findUnresolved } from '../../../compiler/ebpf/unresolved.ts';
import { makeLayout, makeMasquerade, makeModel } from './fixtures.ts';
import { makePolicy, makeRandom } from './generate.ts';

const directory = mkdtempSync(join(tmpdir(), 'masqc-tools-'));
const object = join(directory, 'policy.o');
const model = makeModel(['default deny', 'allow web', 'masquerade home-out {'], {
  masquerades: [makeMasquerade(3, [{ first: 0xcb007101, last: 0xcb007102 }])],
});
const diagram = makePolicy(
  makeRandom(7),
  {
    ingress: [{ verdict: 'continue' }, { verdict: 'forged' }, { verdict: 'reject', rule: 1, log: true }],
    policy: [
      { verdict: 'deny', rule: 1, log: false },
      { verdict: 'allow', rule: 2, log: false },
    ],
    nat: [
      { nat: 0, untranslated: false },
      { nat: 0, untranslated: true },
      { nat: 3, untranslated: false },
    ],
  },
  30,
);

const test = suite('tools');
test.after(() => rmSync(directory, { recursive: true, force: true }));

const has = (tool: string) => !execaSync('which', [tool], { reject: false }).failed;
const find = (...names: string[]) => names.find(has);
function given(
  tools: readonly (string | undefined)[],
  missing: string,
  name: string,
  run: (...found: string[]) => void,
) {
  if (tools.every((tool) => tool !== undefined)) test(name, () => run(...(tools as string[])));
  else console.log(`skipped: needs ${missing}`);
}

writeFileSync(object, emitPolicy(model, diagram, makeLayout(), []));

given([find('llvm-objdump-14', 'llvm-objdump')], 'llvm-objdump', 'llvm-objdump reads every instruction', (objdump) => {
  const { stdout, stderr } = execaSync(objdump!, ['-d', object]);
  assert.is(stderr, '');
  assert.match(stdout, '<masqc_policy_ingress>:');
  assert.match(stdout, '<masqc_policy_forward>:');
  assert.not.match(stdout, '<unknown>');
});

given(
  [find('llvm-readelf-14', 'llvm-readelf')],
  'llvm-readelf',
  'llvm-readelf finds the object in order',
  (readelf) => {
    const { stdout, stderr } = execaSync(readelf!, ['-h', '-S', '-s', object]);
    assert.is(stderr, '');
    assert.match(stdout, /Machine:\s+EM_BPF/);
    assert.match(stdout, /FUNC\s+GLOBAL\s+DEFAULT\s+1 masqc_policy_ingress/);
  },
);

given([find('bpftool')], 'bpftool', 'bpftool reads its types', () => {
  const { stdout } = execaSync('bpftool', ['btf', 'dump', 'file', object]);
  assert.match(stdout, /FUNC 'masqc_policy_forward' type_id=\d+ linkage=global/);
  const { stdout: c } = execaSync('bpftool', ['btf', 'dump', 'file', object, 'format', 'c']);
  assert.match(c, 'unsigned int to_addr[4];');
});

given([find('clang'), find('bpftool')], 'clang and bpftool', 'a changed packet.h is noticed, an extern too', () => {
  const include = fileURLToPath(new URL('../../../native/datapath', import.meta.url));
  const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
  const build = (name: string, text: string) => {
    const path = join(directory, `${name}.o`);
    const source = `${text}
int ask(struct masqc_packet *packet) { return masqc_policy_ingress(packet) + masqc_policy_forward(packet); }
`;
    writeFileSync(join(directory, `${name}.c`), source);
    const flags = ['-O2', '-g', '-target', 'bpf', '-I', include, '-I', `/usr/include/${triplet}`];
    execaSync('clang', [...flags, '-c', join(directory, `${name}.c`), '-o', path]);
    return readFileSync(path);
  };
  const header = readFileSync(join(include, 'packet.h'), 'utf8');
  const now = readLayout(build('now', header));
  assert.equal(compareLayout(readLayout(emitPolicy(model, diagram, now, [])), now), []);
  assert.match(header, '__u16 rule;');
  const later = readLayout(build('later', header.replace('__u16 rule;', '__u32 rule;')));
  assert.ok(compareLayout(readLayout(emitPolicy(model, diagram, now, [])), later).length >= 2);

  writeFileSync(object, emitPolicy(model, diagram, now, []));
  const linked = join(directory, 'linked.o');
  execaSync('bpftool', ['gen', 'object', linked, join(directory, 'now.o')]);
  assert.equal(findUnresolved(readFileSync(linked)), ['masqc_policy_forward', 'masqc_policy_ingress']);
  execaSync('bpftool', ['gen', 'object', linked, object, join(directory, 'now.o')]);
  assert.equal(findUnresolved(readFileSync(linked)), []);
});

test.run();
