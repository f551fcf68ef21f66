import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { BpfObject, Btf, makeCodec } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { openWorkshop, refusal, type Workshop } from './workshop.ts';

const test = suite('native BTF');
needs('linux', 'root');

const SOURCE = `
enum state { CLOSED, OPEN = 7 };
typedef __u16 port_t;
struct inner { __u8 a; __s16 b; };
struct everything {
	__u8 u8; __s8 s8; __u16 u16; __s16 s16; __u32 u32; __s32 s32; __u64 u64; __s64 s64;
	_Bool flag;
	enum state state;
	const volatile port_t port;
	struct inner inner;
	struct inner pair[2];
	__u32 grid[2][3];
	char name[8];
	__u8 mac[6];
	__s8 small[2];
	union { __u32 ip4; __u8 ip6[16]; };
	struct { __u16 x; __u16 y; };
	__u32 low : 3; __u32 : 5; __u32 mid : 12; __s32 high : 4;
	void *pointer;
	double ratio;
};
struct everything one;
SEC("xdp") int use(struct xdp_md *ctx) { return one.u8; }
`;

let workshop: Workshop;
let btf: Btf;
let everything: number;
test.before(() => {
  workshop = openWorkshop();
  using object = BpfObject.open(workshop.compile('btf', SOURCE));
  btf = object.btf();
  everything = btf.find('everything', 'struct') ?? 0;
});
test.after(() => workshop.close());

const FULL = {
  u8: 255,
  s8: -128,
  u16: 65535,
  s16: -2,
  u32: 0xffff_fffe,
  s32: -3,
  u64: 0xffff_ffff_ffff_fff0n,
  s64: -5n,
  flag: true,
  state: 7,
  port: 443,
  inner: { a: 1, b: -1 },
  pair: [
    { a: 2, b: 3 },
    { a: 4, b: 5 },
  ],
  grid: [
    [1, 2, 3],
    [4, 5, 6],
  ],
  name: new TextEncoder().encode('masqc\0\0\0'),
  mac: new Uint8Array([2, 0, 0, 0, 0, 1]),
  small: [-1, 1],
  ip4: 0x04030201,
  ip6: new Uint8Array([1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]),
  x: 10,
  y: 20,
  low: 5,
  mid: 4000,
  high: -8,
  pointer: 0xffff_8880_0000_0000n,
  ratio: 0.25,
};

test('encodes and decodes a member of every kind', () => {
  const codec = makeCodec(btf, everything);
  assert.equal(codec.decode(codec.encode(FULL)), FULL);
});

test('puts members where the C compiler puts them', () => {
  const text = execFileSync('bpftool', ['-j', 'btf', 'dump', 'file', `${workshop.directory}/btf.bpf.o`], {
    encoding: 'utf8',
  });
  const types = JSON.parse(text).types as { name: string; kind: string; size: number; members: unknown[] }[];
  const theirs = types.find((type) => type.kind === 'STRUCT' && type.name === 'everything');
  assert.is(btf.sizeOf(everything), theirs?.size);
  const codec = makeCodec(btf, everything);
  for (const member of (theirs?.members ?? []) as { name: string; bits_offset: number; bitfield_size?: number }[]) {
    if (!(member.name in FULL) || member.bitfield_size) continue;
    const bytes = codec.encode({ [member.name]: FULL[member.name as keyof typeof FULL] });
    const first = bytes.findIndex((byte) => byte !== 0);
    const start = member.bits_offset / 8;
    assert.ok(first >= start && first < start + 8, `${member.name} at ${first}, not ${start}`);
  }
});

test('sees every type that bpftool sees in the kernel', () => {
  const kernel = new Btf(readFileSync('/sys/kernel/btf/vmlinux'));
  const count = execFileSync('sh', ['-c', 'bpftool btf dump file /sys/kernel/btf/vmlinux | grep -c "^\\["'], {
    encoding: 'utf8',
  });
  assert.is(kernel.types.length - 1, Number(count));
  const id = kernel.find('sk_buff', 'struct');
  assert.ok(id !== null && kernel.sizeOf(id) > 200);
});

test('gives the values of an enum', () => {
  assert.equal(
    [...(btf.enumValues('state') ?? [])],
    [
      ['CLOSED', 0n],
      ['OPEN', 7n],
    ],
  );
  assert.is(btf.enumValues('nothing'), null);
});

test('reads signed enums and those of 64 bits, which newer compilers write', () => {
  // Two types by hand: enum small (kind flag: signed) { A = -1 }, enum64 wide { B = 2^32 + 5 }.
  const words = [1, 0x8600_0001, 4, 7, 0xffff_ffff, 9, 0x1300_0001, 8, 14, 5, 1];
  const strings = new TextEncoder().encode('\0small\0A\0wide\0B\0');
  const view = new DataView(new ArrayBuffer(24 + 4 * words.length + strings.length));
  [0x0001_eb9f, 24, 0, 4 * words.length, 4 * words.length, strings.length, ...words].forEach((word, index) => {
    view.setUint32(4 * index, word, true);
  });
  const bytes = new Uint8Array(view.buffer);
  bytes.set(strings, 24 + 4 * words.length);
  const made = new Btf(bytes);
  assert.is(made.enumValues('small')?.get('A'), -1n);
  assert.is(made.enumValues('wide')?.get('B'), 0x1_0000_0005n);
  assert.is(makeCodec(made, 1).decode(new Uint8Array([0xfe, 255, 255, 255])), -2);
  assert.is(makeCodec(made, 2).decode(new Uint8Array([1, 0, 0, 0, 1, 0, 0, 0])), 0x1_0000_0001n);
});

test('takes text for an array of char, and what is left out for zero', () => {
  const codec = makeCodec(btf, everything);
  const value = codec.decode(codec.encode({ name: 'abc' })) as typeof FULL;
  assert.equal(value.name, new TextEncoder().encode('abc\0\0\0\0\0'));
  assert.is(value.u64, 0n);
});

test('writes only the members given into bytes that are there', () => {
  const codec = makeCodec(btf, everything);
  const bytes = codec.encode(FULL);
  codec.encodeInto(bytes, { mid: 1, inner: { b: 7 } });
  assert.equal(codec.decode(bytes), { ...FULL, mid: 1, inner: { a: 1, b: 7 } });
});

test('names the member that does not fit', async () => {
  const codec = makeCodec(btf, everything);
  for (const [value, message] of [
    [{ u8: 256 }, 'u8: 256 does not fit an unsigned integer of 8 bits'],
    [{ s8: -129 }, 's8'],
    [{ low: 8 }, 'low: 8 does not fit an unsigned integer of 3 bits'],
    [{ high: 8 }, 'high'],
    [{ u64: -1n }, 'u64'],
    [{ pair: [{ a: 1 }] }, 'pair'],
    [{ name: 'too long a name' }, 'name'],
    [{ mac: new Uint8Array(5) }, 'mac'],
    [
      {
        grid: [
          [1, 2, 3],
          [4, 5, -6],
        ],
      },
      'grid[1][2]',
    ],
    [{ inner: { b: 40000 } }, 'inner.b'],
  ] as const)
    assert.match((await refusal(RangeError, () => codec.encode(value))).message, message);
  for (const [value, message] of [
    [{ u9: 1 }, 'the struct has no member u9'],
    [{ inner: { c: 1 } }, 'inner has no member c'],
    [{ u8: '1' }, 'u8: a whole number is expected'],
    [{ u8: 1.5 }, 'u8: a whole number is expected'],
    [{ flag: 2 }, 'flag: true or false is expected'],
  ] as const)
    assert.match((await refusal(TypeError, () => codec.encode(value))).message, message);
});

test('refuses bytes that are cut off', async () => {
  const codec = makeCodec(btf, everything);
  await refusal(RangeError, () => codec.decode(new Uint8Array(codec.size - 1)));
  await refusal(TypeError, () => new Btf(new Uint8Array(100)));
  await refusal(TypeError, () => new Btf(new Uint8Array(3)));
});

test('never fails on mutilated BTF but by TypeError or RangeError', () => {
  const raw = rawBtf();
  fc.assert(
    fc.property(fc.nat(raw.length - 1), fc.nat(255), fc.nat(raw.length), (at, byte, length) => {
      const bytes = raw.slice(0, Math.max(length, 1));
      if (at < bytes.length) bytes[at] = byte;
      try {
        const read = new Btf(bytes);
        for (let id = 0; id < Math.min(read.types.length, 60); id++) makeCodec(read, id);
      } catch (error) {
        if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error;
      }
    }),
    { numRuns: 2000 },
  );
});

/** The .BTF section of the object, by objcopy's own reading of ELF. */
function rawBtf(): Uint8Array {
  const to = `${workshop.directory}/raw.btf`;
  execFileSync('llvm-objcopy', ['--dump-section', `.BTF=${to}`, `${workshop.directory}/btf.bpf.o`]);
  return new Uint8Array(readFileSync(to));
}

test.run();
