import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { VERBS } from '../../runtime/cli/verbs.ts';
import { asOrdinaryUser } from '../lab/ordinary-user.ts';

const test = suite('command line');
const MASQC = fileURLToPath(new URL('../../runtime/cli/masqc.ts', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../examples/deathstar.masq', import.meta.url));
const IS_ROOT = process.geteuid?.() === 0;
let directory = '';

test.before(() => {
  directory = mkdtempSync(join(tmpdir(), 'masqc-cli-'));
});
test.after(() => rmSync(directory, { recursive: true, force: true }));

interface Ran {
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}
async function masqc(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return finish(await execa(process.execPath, [MASQC, ...args], { reject: false, env, stdin: 'ignore' }));
}
/** As an ordinary user: the same when the test is one. */
async function masqcAsUser(args: readonly string[]): Promise<Ran> {
  if (!IS_ROOT) return await masqc(args);
  const [file = '', ...rest] = asOrdinaryUser([process.execPath, MASQC, ...args]);
  return finish(await execa(file, rest, { reject: false, stdin: 'ignore' }));
}
function finish(result: { exitCode?: number; stdout: string; stderr: string }): Ran {
  return { code: result.exitCode, out: result.stdout, err: result.stderr };
}
function make(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}
/** One clear sentence: no stack, no talk of a bug. */
function assertClear({ out, err }: Ran): void {
  assert.not.match(out + err, /\n\s+at |this is a bug|undefined|\[object/);
}

test('prints its version', async () => {
  const { code, out } = await masqc(['--version']);
  assert.is(code, 0);
  assert.match(out, /^\d+\.\d+\.\d+$/);
});

test('teaches by example, for every verb', async () => {
  const all = await masqc(['--help']);
  assert.is(all.code, 0);
  const helps = await Promise.all(VERBS.map((verb) => masqc([verb.name, '--help'])));
  for (const [index, verb] of VERBS.entries()) {
    assert.match(all.out, verb.name);
    const { code, out } = helps[index] as Ran;
    assert.is(code, 0, verb.name);
    assert.match(out, 'Examples:');
    assert.match(out, 'Exit codes:');
    for (const example of verb.examples) assert.ok(out.includes(example.line), example.line);
  }
});

test('has a verb and its examples in the documentation', () => {
  const text = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  for (const verb of VERBS)
    assert.ok(text.includes(`| \`${verb.name} `) || text.includes(`| \`${verb.name}\``), verb.name);
});

test('refuses a wrong command line with 1', async () => {
  for (const args of [
    [],
    ['chekc', 'x'],
    ['check'],
    ['check', 'a', 'b'],
    ['check', '--colour', 'x'],
    ['show', 'foo'],
    ['show', 'connections', '--state', 'idle'],
    ['show', 'rules', '--host', '192.168.1.20'],
    ['build', 'x'],
  ]) {
    const ran = await masqc(args);
    assert.is(ran.code, 1, args.join(' '));
    assertClear(ran);
  }
  assert.match((await masqc(['chekc', 'x'])).err, 'Did you mean check?');
  assert.is((await masqc(['check', EXAMPLE, '--format', 'xml'])).code, 1);
});

test('finds the example fine, and its expectations hold', async () => {
  const checked = await masqc(['check', EXAMPLE]);
  assert.is(checked.code, 0, checked.out + checked.err);
  const tested = await masqc(['test', EXAMPLE]);
  assert.is(tested.code, 0, tested.out);
  const json = JSON.parse((await masqc(['test', EXAMPLE, '--json'])).out);
  assert.is(json.passed, true);
  assert.ok(json.expectations.length > 0);
});

test('says which expectation fails, and why, with 1', async () => {
  const text = `${readFileSync(EXAMPLE, 'utf8')}\nexpect "nonsense" {\n  tcp from 198.51.100.9 on wan to han:22 is allowed\n}\n`;
  const { code, out } = await masqc(['test', make('wrong.masq', text)]);
  assert.is(code, 1);
  assert.match(out, '✗ nonsense');
  assert.match(out, 'expected  is allowed');
});

test('traces a packet, and marks what is wrong with its sentence', async () => {
  const told = await masqc(['trace', EXAMPLE, 'tcp from han:61500 on lan to 192.0.2.80:80', 'wait 1s']);
  assert.is(told.code, 0, told.err);
  assert.match(told.out, /deathstar\.masq:\d+ {2}deny tcp 25 {3}it asks for port 25/);
  assert.match(told.out, '✓ is masqueraded by home-out as wan:61500');
  assert.match(told.out, /answer .* is allowed by lan-out to 192\.168\.1\.20:61500/);
  const json = JSON.parse(
    (await masqc(['trace', EXAMPLE, 'tcp from han:61500 on lan to 192.0.2.80:80', '--json'])).out,
  );
  assert.is(json.schema, 'masqc/trace@1');
  assert.is(json.steps[0].stories[0].leaves.ends, 'wan:61500 → 192.0.2.80:80');
  const wrong = await masqc([
    'trace',
    EXAMPLE,
    'tcp from han on lan to 192.0.2.80:80',
    'tcp from hann on lan to 192.0.2.80:80',
  ]);
  assert.is(wrong.code, 1);
  assert.match(wrong.err, /the packet:2:10\n.*\n.*tcp from hann on.*\n *\| {10}\^\^\^\^/);
  const short = await masqc(['trace', EXAMPLE, 'tcp from han']);
  assert.match(short.err, /`on` is missing\n --> the packet:1:13/);
  const none = await masqc(['trace', 'none.masq', 'tcp from han on lan to 192.0.2.80:80']);
  assert.is(none.code, 1);
  assert.match(none.err, 'none.masq does not exist');
  assert.not.match(none.err, 'the packet');
  assert.is((await masqc(['trace', EXAMPLE, ' '])).code, 1);
  for (const ran of [told, wrong, short, none]) assertClear(ran);
});

test('tests several files, and one with errors keeps no other from it', async () => {
  const bad = make('errors.masq', 'gateway x {\n  default allow\n}\n');
  const { code, out, err } = await masqc(['test', bad, EXAMPLE]);
  assert.is(code, 1);
  assert.match(err, 'errors.masq:2');
  assert.match(out, /errors\.masq\n {2}✗ it has errors/);
  assert.match(out, /expectations hold, \d+ packets asked\n1 of 2 files has errors/);
  assert.is((await masqc(['test', EXAMPLE, EXAMPLE])).code, 0);
  assert.is((await masqc(['test', bad])).out, '');
  const json = JSON.parse((await masqc(['test', bad, EXAMPLE, '--format', 'json'])).out);
  assert.is(json.passed, false);
  assert.equal(
    json.files.map((one: { passed: boolean }) => one.passed),
    [false, true],
  );
  assert.match((await masqc(['test', bad, EXAMPLE, '--format', 'tap'])).out, /^TAP version 14\n1\.\.\d+\nnot ok 1/);
  assert.match((await masqc(['test', bad, EXAMPLE, '--format', 'junit'])).out, /^<\?xml.*\n<testsuites .* errors="1"/);
});

test('reports errors with 1, as text and as JSON', async () => {
  const file = make('bad.masq', 'gateway x {\n  default allow\n}\n');
  const human = await masqc(['check', file]);
  assert.is(human.code, 1);
  assert.match(human.out, 'bad.masq:2');
  const json = await masqc(['check', file, '--format', 'json']);
  assert.is(json.code, 1);
  assert.ok(JSON.parse(json.out).diagnostics.length > 0);
  for (const verb of ['test', 'plan', 'apply']) assert.is((await masqc([verb, file])).code, 1, verb);
  assert.is((await masqc(['build', file, '-o', join(directory, 'never')])).code, 1);
  assert.not(readdirSync(directory).includes('never'));
});

test('answers bad files with one clear sentence and 1', async () => {
  const large = join(directory, 'large.masq');
  const fd = openSync(large, 'w');
  ftruncateSync(fd, 50 * 1024 * 1024);
  closeSync(fd);
  mkdirSync(join(directory, 'folder'));
  writeFileSync(join(directory, 'loop.masq'), 'include "pool.masq"\n');
  writeFileSync(join(directory, 'pool.masq'), 'include "loop.masq"\n');
  const cases: [string, RegExp][] = [
    [make('empty.masq', ''), /gateway/],
    [make('binary.masq', new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 1, 0, 0])), /not a text/],
    [make('latin.masq', new Uint8Array([0x23, 0xe4, 0x0a])), /UTF-8/],
    [large, /too large: 50 MiB/],
    [join(directory, 'folder'), /is a directory/],
    [join(directory, 'none.masq'), /does not exist/],
    [join(directory, 'loop.masq'), /pool\.masq/],
  ];
  for (const [path, expected] of cases) {
    const ran = await masqc(['check', path]);
    assert.is(ran.code, 1, path);
    assert.match(ran.out, expected);
    assertClear(ran);
  }
});

test('answers an unreadable file with one clear sentence and 1', async () => {
  const path = make('secret.masq', 'gateway x { default deny }\n');
  const { chmodSync } = await import('node:fs');
  chmodSync(directory, 0o755);
  chmodSync(path, 0o000);
  const ran = await masqcAsUser(['check', path]);
  assert.is(ran.code, 1);
  assert.match(ran.out, /may not be read/);
  assertClear(ran);
});

test('builds the same bytes twice, and finds nothing to change against them', async () => {
  const [one, two] = [join(directory, 'one'), join(directory, 'two')];
  for (const target of [one, two]) {
    const ran = await masqc(['build', EXAMPLE, '-o', target]);
    assert.is(ran.code, 0, ran.err);
  }
  for (const name of ['policy.o', 'maps.json', 'manifest.json']) {
    assert.equal(readFileSync(join(one, name)), readFileSync(join(two, name)), name);
  }
  const same = await masqc(['plan', two, '--against', one]);
  assert.is(same.code, 0, same.err);
  assert.match(same.out, 'nothing changes');
});

test('says what changes against a built directory, with 2, and needs no root for it', async () => {
  const built = join(directory, 'before');
  assert.is((await masqc(['build', EXAMPLE, '-o', built])).code, 0);
  const changed = make('changed.masq', readFileSync(EXAMPLE, 'utf8').replace('deny tcp 25 ', 'deny tcp 25, 465 '));
  const ran = await masqcAsUser(['plan', changed, '--against', built]);
  assert.is(ran.code, 2, ran.err);
  assert.match(ran.out, '- lan-out: deny tcp 25');
  assert.match(ran.out, '+ lan-out: deny tcp 25, 465');
  const json = await masqcAsUser(['plan', changed, '--against', built, '--json']);
  assert.is(json.code, 2);
  assert.is(JSON.parse(json.out).changes.length, 2);
});

test('refuses a directory that build did not write, or that was changed since', async () => {
  const stranger = await masqc(['plan', directory, '--against', directory]);
  assert.is(stranger.code, 1);
  assert.match(stranger.err, 'did not write');
  const built = join(directory, 'bent');
  await masqc(['build', EXAMPLE, '-o', built]);
  writeFileSync(join(built, 'policy.o'), 'x');
  const bent = await masqc(['plan', built, '--against', built]);
  assert.is(bent.code, 1);
  assert.match(bent.err, 'not the object');
  writeFileSync(join(built, 'manifest.json'), '{"schema":"masqc/manifest@1"}');
  const odd = await masqc(['plan', built, '--against', built]);
  assert.is(odd.code, 1);
  assert.match(odd.err, 'is not a manifest');
  assertClear(odd);
});

test('prints or writes an nftables ruleset, the same one', async () => {
  assert.is((await masqcAsUser(['build', EXAMPLE, '--target', 'nftables'])).code, 0);
  const printed = await masqc(['build', EXAMPLE, '--target', 'nftables']);
  assert.is(printed.code, 0, printed.err);
  assert.match(printed.out, /^#!\/usr\/sbin\/nft -f\n/);
  assert.match(printed.err, 'note[MQ603]');
  const path = join(directory, 'gateway.nft');
  const written = await masqc(['build', EXAMPLE, '-t', 'nftables', '-o', path]);
  assert.is(written.code, 0, written.err);
  assert.match(written.out, 'gateway.nft has a ruleset');
  assert.is(readFileSync(path, 'utf8').trimEnd(), printed.out);
});

test('writes no ruleset that means less than the file, with 1', async () => {
  const text = readFileSync(EXAMPLE, 'utf8').replace('ports     61000-65095', 'filtering endpoint-independent\n ');
  const path = join(directory, 'less.nft');
  const ran = await masqc(['build', make('less.masq', text), '-t', 'nftables', '-o', path]);
  assert.is(ran.code, 1);
  assert.match(ran.err, 'error[MQ602]');
  assert.not(readdirSync(directory).includes('less.nft'));
  const device = await masqc(['build', EXAMPLE, '-t', 'nftables', '-o', '/dev/null']);
  assert.is(device.code, 3);
  assert.match(device.err, '/dev/null cannot be written: it is no file');
  assertClear(device);
});

test('refuses to build where it may not write, with 3', async () => {
  const ran = await masqcAsUser(['build', EXAMPLE, '-o', '/proc/masqc']);
  assert.is(ran.code, 3);
  assert.match(ran.err, 'cannot be written');
  assertClear(ran);
});

test('tells an ordinary user that root is needed, with 3', async () => {
  for (const args of [['apply', EXAMPLE], ['plan', EXAMPLE], ['show', 'connections'], ['down']]) {
    const ran = await masqcAsUser(args);
    assert.is(ran.code, 3, args.join(' '));
    assert.match(ran.err, /needs root/);
    assertClear(ran);
  }
});

test('keeps colours from pipes', async () => {
  const file = make('colour.masq', 'gateway x {\n  default allow\n}\n');
  const plain = await masqc(['check', file], { CI: '1', FORCE_COLOR: '1' });
  assert.not.match(plain.out, '\u001b[');
});

test('ends quietly when its reader has seen enough', async () => {
  const { exitCode, stderr } = await execa('sh', ['-c', `"${process.execPath}" "${MASQC}" --help | head -1`], {
    reject: false,
  });
  assert.is(exitCode, 0);
  assert.is(stderr, '');
});

test('a read-only /run without our directory is a refusal', async () => {
  if (!IS_ROOT) return;
  const script = 'mount -t tmpfs -o ro none /run && exec "$@"';
  const argv = ['-n', '-m', 'sh', '-c', script, 'sh', process.execPath, MASQC, 'down'];
  const { exitCode, stderr } = await execa('unshare', argv, { reject: false, stdin: 'ignore' });
  assert.is(exitCode, 3);
  assert.match(stderr, '/run/masqc cannot be used');
  assert.not.match(stderr, 'bug');
});

test.run();
