import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IngressLeaf, NatLeaf, PolicyDiagram, PolicyLeaf } from '../../../compiler/diagram/diagram.ts';
import { createStore } from '../../../compiler/diagram/store.ts';
import type { BtfType } from '../../../compiler/ebpf/btf.ts';
import { readBtf } from '../../../compiler/ebpf/btf-read.ts';
import { readString } from '../../../compiler/ebpf/byte-writer.ts';
import { decode } from '../../../compiler/ebpf/decode.ts';
import { readElf, sectionBytes } from '../../../compiler/ebpf/elf-read.ts';
import { EM_BPF, writeElf } from '../../../compiler/ebpf/elf-write.ts';
import { emitPolicy, FORWARD, INGRESS, placePolicy } from '../../../compiler/ebpf/emit.ts';
import { compareLayout, type DatapathLayout, layoutText, readLayout } from '../../../compiler/ebpf/layout.ts';
import { findUnresolved } from '../../../compiler/ebpf/unresolved.ts';
import { makeLayout, makeListen, makeMasquerade, makeModel, makeRedirect } from './fixtures.ts';

const model = makeModel(['default deny', 'allow tcp 22', 'masquerade home-out {', 'listen tcp 80 to self'], {
  masquerades: [makeMasquerade(3, null)],
  redirects: [makeRedirect([makeListen(4, { first: 80, last: 80 }, { kind: 'own', interface: 2 })])],
});

function makeDiagram(): PolicyDiagram {
  const key = (leaf: unknown) => JSON.stringify(leaf);
  const policy = createStore<PolicyLeaf>(key);
  const deny = policy.leaf({ verdict: 'deny', rule: 1, log: false });
  const allow = policy.leaf({ verdict: 'allow', rule: 2, log: false });
  const nat = createStore<NatLeaf>(key);
  return {
    ingress: createStore<IngressLeaf>(key).leaf({ verdict: 'continue' }),
    policy: policy.branch('dport', [
      { last: 21n, to: deny },
      { last: 22n, to: allow },
      { last: 65535n, to: deny },
    ]),
    nat: nat.leaf({ nat: 3, untranslated: false }),
    redirected: nat.leaf({ nat: 0, untranslated: false }),
  };
}
const sources = [{ file: 'small.masq', text: `${'\r\n'.repeat(11)}    allow tcp 22  # admin\r\n` }];
const layout = makeLayout();
const object = emitPolicy(model, makeDiagram(), layout, sources);

interface Line {
  readonly at: number;
  readonly file: string;
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

/** The line info of .BTF.ext, read by the kernel's documentation rather than by the writer. */
function readLines(bytes: Uint8Array): Line[] {
  const elf = readElf(bytes);
  const btf = sectionBytes(elf, '.BTF')!;
  const btfView = new DataView(btf.buffer, btf.byteOffset, btf.byteLength);
  const stringsAt = btfView.getUint32(4, true) + btfView.getUint32(16, true);
  const name = (offset: number) => readString(btf, stringsAt + offset);
  const ext = sectionBytes(elf, '.BTF.ext')!;
  const view = new DataView(ext.buffer, ext.byteOffset, ext.byteLength);
  const u32 = (at: number) => view.getUint32(at, true);
  const start = u32(4) + u32(16);
  assert.is(u32(start), 16);
  assert.is(name(u32(start + 4)), '.text');
  return Array.from({ length: u32(start + 8) }, (_, index) => {
    const at = start + 12 + index * 16;
    const position = u32(at + 12);
    const [line, column] = [position >>> 10, position & 1023];
    return { at: u32(at), file: name(u32(at + 4)), text: name(u32(at + 8)), line, column };
  });
}

const test = suite('the policy object');

test('is a relocatable eBPF object with both functions, of their exact sizes', () => {
  const elf = readElf(object);
  assert.is(elf.machine, EM_BPF);
  const names = ['', '.text', '.BTF', '.BTF.ext', '.symtab', '.strtab'];
  assert.equal(
    elf.sections.map((section) => section.name),
    names,
  );
  const text = sectionBytes(elf, '.text')!;
  const [, ingress, forward] = elf.symbols;
  assert.equal([ingress?.name, ingress?.value, ingress?.binding, ingress?.type], [INGRESS, 0, 1, 2]);
  assert.equal([forward?.name, forward?.value], [FORWARD, ingress?.size]);
  assert.is(ingress!.size + forward!.size, text.length);
  assert.is(decode(text.subarray(forward!.value))[0]?.kind, 'branch');
});

test('says int f(struct masqc_packet *packet) of both, as global functions', () => {
  const types = readBtf(sectionBytes(readElf(object), '.BTF')!);
  const at = (id: number) => types[id - 1] as BtfType;
  const functions = types.filter((type) => type.kind === 'function');
  assert.equal(
    functions.map(({ name, linkage }) => [name, linkage]),
    [
      [INGRESS, 'global'],
      [FORWARD, 'global'],
    ],
  );
  for (const one of functions) {
    const prototype = at(one.prototype);
    assert.ok(prototype.kind === 'prototype');
    assert.equal(at(prototype.returns), { kind: 'int', name: 'int', size: 4, encoding: 1 });
    assert.is(prototype.parameters.length, 1);
    const pointer = at(prototype.parameters[0]!.type);
    assert.is(prototype.parameters[0]?.name, 'packet');
    assert.ok(pointer.kind === 'pointer');
    const struct = at(pointer.type);
    assert.ok(struct.kind === 'struct' && struct.name === 'masqc_packet');
  }
});

test('describes the packet as the datapath does', () => {
  const { size, members } = readLayout(object);
  assert.equal({ size, members }, { size: layout.size, members: layout.members });
  assert.equal(compareLayout(readLayout(object), layout), []);
});

test('a struct that has changed since is noticed, whatever has changed', () => {
  const changed = (change: (members: DatapathLayout['members'][number][]) => void, size = layout.size) => {
    const members = layout.members.map((member) => ({ ...member }));
    change(members);
    return compareLayout(layout, { ...layout, size, members });
  };
  assert.match(changed(() => {}, 100).join(), /has \d+ bytes in the policy, 100 in the datapath/);
  assert.equal(
    changed((members) => (members[2] = { ...members[2]!, offset: 99 })),
    ['daddr is 16 bytes at 32 (4 elements) in the policy, 16 bytes at 99 (4 elements) in the datapath'],
  );
  assert.equal(
    changed((members) => (members[6] = { ...members[6]!, name: 'line' })),
    ['rule is missing in the datapath', 'line is missing in the policy'],
  );
  assert.is(changed((members) => (members[6] = { ...members[6]!, size: 4 })).length, 1);
  assert.is(changed((members) => (members[0] = { ...members[0]!, count: 2 })).length, 1);
  assert.equal(
    changed((members) => members.push({ name: 'zone', offset: 84, size: 1, count: 1 })),
    ['zone is missing in the policy'],
  );
});

test('the text of a layout changes with any member', () => {
  assert.is(layoutText(layout), layoutText(makeLayout()));
  const members = layout.members.map((member) => (member.name === 'own' ? { ...member, offset: 77 } : member));
  assert.is.not(layoutText({ ...layout, members }), layoutText(layout));
});

test('the instructions of a line lead to its text, line and column', () => {
  const lines = readLines(object);
  const forwardAt = readElf(object).symbols.find((symbol) => symbol.name === FORWARD)!.value;
  assert.is(lines[0]?.at, 0);
  assert.ok(
    lines.some((line) => line.at === forwardAt),
    'the loader wants line info at each function',
  );
  const of = (rule: number) => lines.filter((line) => line.line === rule + 10);
  assert.equal(
    of(2).map(({ at, ...line }) => line),
    [{ file: 'small.masq', text: 'allow tcp 22  # admin', line: 12, column: 3 }],
  );
  assert.is(of(1)[0]?.text, 'default deny');
  assert.is(of(3)[0]?.text, 'masquerade home-out {');
  const code = decode(sectionBytes(readElf(object), '.text')!);
  const [value, store] = code.slice(of(2)[0]!.at / 8);
  const { offset } = layout.members.find((member) => member.name === 'verdict')!;
  assert.equal(value, { kind: 'alu', operator: 'mov', width: 32, to: 2, from: { value: 1 } });
  assert.equal(store, { kind: 'store', size: 1, base: 1, offset, from: { register: 2 } });
});

test('line info ascends and never points into the middle of a constant', () => {
  const lines = readLines(object);
  for (const [index, line] of lines.slice(1).entries()) assert.ok(line.at > lines[index]!.at);
  const text = sectionBytes(readElf(object), '.text')!;
  for (const line of lines) assert.is.not(text[line.at], 0);
});

test('the same input gives the same bytes', () => {
  assert.equal(emitPolicy(model, makeDiagram(), makeLayout(), sources), object);
});

test('a layout without a member that the policy needs is refused', () => {
  const members = layout.members.filter((member) => member.name !== 'rule');
  assert.throws(() => emitPolicy(model, makeDiagram(), { ...layout, members }, []), /the packet has no rule/);
});

test('a redirect to an own address that the packet does not have is refused', () => {
  const ingress = createStore<IngressLeaf>(JSON.stringify).leaf({ verdict: 'redirect', rule: 4, log: false });
  assert.throws(() => placePolicy(model, { ...makeDiagram(), ingress }, layout, []), /not built yet/);
});

test('what no object defines is found', () => {
  assert.equal(findUnresolved(object), []);
  const text = {
    name: '.text',
    type: 'progbits',
    flags: 6,
    align: 8,
    bytes: new Uint8Array(8),
    relocations: [],
  } as const;
  const symbol = { name: 'masqc_policy_forward', type: 'none', section: null, at: 0, size: 0 } as const;
  assert.equal(findUnresolved(writeElf([text], [symbol])), ['masqc_policy_forward']);
});

test('what is no object is refused with a sentence', () => {
  assert.throws(() => readLayout(new Uint8Array(3)), /not an ELF file/);
  assert.throws(() => readLayout(writeElf([], [])), /has no \.BTF section/);
  const cut = object.slice();
  new DataView(cut.buffer).setBigUint64(40 + 0, BigInt(object.length - 64 * 6), true);
  assert.throws(() => readLayout(cut.subarray(0, 300)), RangeError);
});

test.run();
