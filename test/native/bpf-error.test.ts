import { execFileSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { BpfError, usefulLines } from '../../native/lib/libbpf.ts';

const test = suite('native errors');

test('names errors as the C library does', () => {
  for (const [errno, code, text] of [
    [1, 'EPERM', 'operation not permitted'],
    [2, 'ENOENT', 'no such file or directory'],
    [95, 'EOPNOTSUPP', 'operation not supported'],
    [524, 'ENOTSUPP', 'the kernel does not support this'],
    [4002, 'LIBBPF_FORMAT', 'not a BPF object file'],
    [-1, 'ECLOSED', 'it was closed before'],
    [499, 'E499', 'error 499'],
    [9999, 'E9999', 'error 9999'],
  ] as const) {
    const error = new BpfError('load', errno, 'thing.o', '');
    assert.is(error.code, code);
    assert.is(error.errno, errno);
    assert.match(error.message, `load thing.o: ${text} (${code})`);
    assert.is(error.name, 'BpfError');
    assert.instance(error, Error);
  }
});

const LOOP = `libbpf: prog 'endless': BPF program load failed: Invalid argument
libbpf: prog 'endless': -- BEGIN PROG LOAD LOG --
; if (i == 100000000) break; @ loop.bpf.c:7
5: (61) r1 = *(u32 *)(r10 -4)         ; R1=scalar(smin=0)
6: (56) if w1 != 0x5f5e100 goto pc-5 infinite loop detected at insn 2
cur state: R1=scalar(smin=0) R10=fp0
old state: R1=scalar(smin=0) R10=fp0
processed 17 insns (limit 1000000) max_states_per_insn 0
-- END PROG LOAD LOG --
libbpf: prog 'endless': failed to load: -22
libbpf: failed to load object 'loop.o'
`;

test('keeps the instruction, the source line and the verdict of the verifier', () => {
  assert.equal(usefulLines(LOOP), [
    'program endless',
    'if (i == 100000000) break; @ loop.bpf.c:7',
    '6: (56) if w1 != 0x5f5e100 goto pc-5 infinite loop detected at insn 2',
  ]);
});

test('takes the log of the last program that was refused', () => {
  const lines = usefulLines(LOOP + LOOP.replaceAll('endless', 'second').replace('w1 !=', 'w9 !='));
  assert.is(lines[0], 'program second');
  assert.match(lines[2] ?? '', 'w9 !=');
});

test('keeps what libbpf itself complains of', () => {
  assert.equal(
    usefulLines("libbpf: elf: /tmp/x.o is not a valid eBPF object file\nlibbpf: failed to load object 'x'\n"),
    ['elf: /tmp/x.o is not a valid eBPF object file'],
  );
  assert.equal(usefulLines(''), []);
});

test('keeps a log without its end', () => {
  const cut = LOOP.slice(0, LOOP.indexOf('cur state'));
  assert.match(usefulLines(cut).at(-1) ?? '', 'infinite loop');
});

test('says that the addon can not be loaded, and why', () => {
  const library = new URL('../../native/lib/libbpf.ts', import.meta.url).href;
  const script = `
    import { BpfObject, whyNoAddon } from ${JSON.stringify(library)};
    const reason = whyNoAddon();
    let thrown = '';
    try { BpfObject.open('x.o'); } catch (error) { thrown = error.code; }
    console.log(JSON.stringify([reason?.code, reason?.message, thrown]));`;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: { ...process.env, LIBBPF_TS_ADDON: '/nowhere/libbpf.node' },
  });
  const [code, message, thrown] = JSON.parse(text);
  assert.is(code, 'ENOADDON');
  assert.is(thrown, 'ENOADDON');
  assert.match(message, '/nowhere/libbpf.node');
});

test.run();
