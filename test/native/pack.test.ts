import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { needs } from '../lab/skip.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const test = suite('native package');
needs('linux', 'root');

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NATIVE = join(ROOT, 'native');
const CONSUMER = `
import { attachXdp, BpfError, BpfObject, linkToBytes, type MapInfo } from 'libbpf-ts';
const [path] = process.argv.slice(2);
const object = BpfObject.open(await linkToBytes([path ?? '']));
await object.load();
const run = await object.program('pass').testRun({ data: new Uint8Array(64) });
const info: MapInfo = object.map('box').info();
let code = '';
try {
  await attachXdp(object.program('pass'), 0x7ffffff0);
} catch (error) {
  if (error instanceof BpfError) code = error.code;
}
object.close();
console.log(JSON.stringify({ retval: run.retval, size: info.valueSize, code }));
`;

let workshop: Workshop;
let app: string;
let object: string;

test.before(() => {
  workshop = openWorkshop();
  object = workshop.compile(
    'pack',
    `struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } box SEC(".maps");
     SEC("xdp") int pass(struct xdp_md *ctx) { __u32 key = 0; return bpf_map_lookup_elem(&box, &key) ? XDP_PASS : XDP_DROP; }`,
  );
  execFileSync('npm', ['pack', '--silent', '--pack-destination', workshop.directory], { cwd: NATIVE, stdio: 'pipe' });
  const tarball = readdirSync(workshop.directory).find((name) => name.endsWith('.tgz')) ?? 'none';
  app = join(workshop.directory, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }');
  execFileSync('npm', ['install', '--silent', '--offline', '--no-audit', join(workshop.directory, tarball)], {
    cwd: app,
    stdio: 'pipe',
  });
  writeFileSync(join(app, 'app.ts'), CONSUMER);
  writeFileSync(join(app, 'app.mjs'), CONSUMER.replace('type MapInfo', 'BpfMap').replace(': MapInfo', ''));
});
test.after(() => workshop.close());

/** A PATH with nothing but node, and libraries of the package only: what a router has. */
function runBare(node: string): unknown {
  const words = [
    ...['--mount', 'sh', '-c'],
    // The libraries of the build machine are hidden; so the package's own must be found.
    `for library in /usr/lib/*/libbpf.so* /usr/lib/*/libelf*.so*; do [ -e "$library" ] && mount --bind /dev/null "$library"; done
     exec env -i PATH=/nonexistent "$0" app.mjs "$1"`,
  ];
  return JSON.parse(execFileSync('unshare', [...words, node, object], { cwd: app, encoding: 'utf8' }));
}

test('installs into a clean folder and works without compiler, headers or libbpf', () => {
  assert.equal(
    readdirSync(join(app, 'node_modules')).filter((name) => !name.startsWith('.')),
    ['libbpf-ts'],
  );
  assert.equal(runBare(process.execPath), { retval: 2, size: 8, code: 'ENODEV' });
});

test("works in the machine's own Node, 20 or later, too", () => {
  const node = process.env.npm_node_execpath ?? '/usr/bin/node'; // npm tells which one it runs in
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' });
  assert.match(version, /^v2\d/);
  assert.equal(runBare(node), { retval: 2, size: 8, code: 'ENODEV' });
});

test('brings the libraries that the addon needs, and finds them beside itself', () => {
  const prebuilt = join(app, 'node_modules/libbpf-ts/prebuilt', `linux-${process.arch}`);
  const carried = readdirSync(prebuilt).sort();
  assert.equal(
    carried.filter((name) => !name.endsWith('.copyright')),
    ['libbpf.node', 'libbpf.so.1', 'libelf.so.1', 'libz.so.1'],
  );
  if (existsSync('/usr/share/doc/libbpf1/copyright')) assert.ok(carried.includes('libbpf1.copyright'));
  const needed = execFileSync('ldd', [join(prebuilt, 'libbpf.node')], { encoding: 'utf8' });
  for (const library of ['libbpf.so.1', 'libelf.so.1', 'libz.so.1'])
    assert.match(needed, `${library} => ${prebuilt}/${library}`);
  assert.not.match(needed, 'libstdc++');
});

test('has types that a strict program compiles with', () => {
  mkdirSync(join(app, 'node_modules/@types'));
  symlinkSync(join(ROOT, 'node_modules/@types/node'), join(app, 'node_modules/@types/node'));
  symlinkSync(join(ROOT, 'node_modules/undici-types'), join(app, 'node_modules/undici-types'));
  const flags = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024', '--types', 'node'];
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['--ignoreConfig', ...flags, 'app.ts'], {
    cwd: app,
    stdio: 'inherit',
  });
});

test.run();
