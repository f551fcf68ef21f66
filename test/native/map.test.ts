import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { BpfError, BpfMap, BpfObject, idsOf, type MapType, possibleCpus } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { openWorkshop, refusal, type Workshop } from './workshop.ts';

const test = suite('native maps');
needs('linux', 'root');

const SOURCE = `
struct key { __u32 address; __u16 port; __u16 pad; };
struct value { __u64 bytes; __u32 flags; __u32 pad; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 100000); __type(key, struct key); __type(value, struct value); } flows SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 2); __type(key, __u32); __type(value, struct value); } drops SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, __u32); } policies SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LPM_TRIE); __uint(max_entries, 1000); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, struct { __u32 bits; __u32 address; }); __type(value, __u32); } prefixes SEC(".maps");
SEC("xdp") int drop(struct xdp_md *ctx)
{
	__u32 reason = 1;
	struct value *value = bpf_map_lookup_elem(&drops, &reason);
	if (value) value->bytes += 100;
	return XDP_DROP;
}
SEC("xdp") int jump(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &policies, 2);
	return XDP_PASS;
}
`;

let workshop: Workshop;
let object: BpfObject;
test.before(async () => {
  workshop = openWorkshop();
  object = BpfObject.open(workshop.compile('maps', SOURCE));
  await object.load();
});
test.after(() => {
  object.close();
  workshop.close();
});

const packet = new Uint8Array(64);
const make = (type: MapType, maxEntries = 1000, flags = 0): BpfMap =>
  BpfMap.create({ type, name: `test_${type}`.slice(0, 15), keySize: 4, valueSize: 8, maxEntries, flags });
const bytes8 = (value: number): Uint8Array => new Uint8Array(new BigUint64Array([BigInt(value)]).buffer);
const numberOf = (bytes: Uint8Array): number => Number(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));

async function readAll(map: BpfMap, size: number): Promise<Map<number, number>> {
  const all = new Map<number, number>();
  for await (const page of map.pages({ size }))
    for (const [key, value] of page) {
      assert.not(all.has(numberOf(key)), 'an element was seen twice');
      all.set(numberOf(key), numberOf(value));
    }
  return all;
}

test('writes, reads and deletes an element', async () => {
  using map = make('hash');
  map.set(5, bytes8(55));
  assert.equal(map.get(5), bytes8(55));
  assert.equal(map.get(new Uint8Array([5, 0, 0, 0])), bytes8(55));
  assert.is((await refusal(BpfError, () => map.set(5, bytes8(1), 'absent'))).code, 'EEXIST');
  assert.is((await refusal(BpfError, () => map.set(6, bytes8(1), 'present'))).code, 'ENOENT');
  assert.is(map.delete(5), true);
  assert.is(map.delete(5), false);
  assert.is(map.get(5), null);
  map.set(7, bytes8(77));
  assert.equal(map.take(7), bytes8(77));
  assert.is(map.take(7), null);
});

test('looks up many keys at once, and says which are not there', async () => {
  using map = make('hash');
  await map.setMany(Array.from({ length: 100 }, (_, i) => [2 * i, bytes8(i + 1)] as const));
  const keys = new Uint8Array(new Uint32Array(Array.from({ length: 200 }, (_, i) => 199 - i)).buffer);
  const { values, found } = await map.getMany(keys);
  for (let i = 0; i < 200; i += 1) {
    const key = 199 - i;
    assert.is(found[i], key % 2 === 0 ? 1 : 0);
    assert.is(numberOf(values.subarray(8 * i)), key % 2 === 0 ? key / 2 + 1 : 0);
  }
  assert.equal(await map.getMany(new Uint8Array(0)), { values: new Uint8Array(0), found: new Uint8Array(0) });
  await refusal(RangeError, () => map.getMany(new Uint8Array(5)));
  map.close();
  assert.is((await refusal(BpfError, () => map.getMany(keys))).op, 'lookup');
});

test('refuses keys and values of another size', async () => {
  using map = make('hash');
  assert.match((await refusal(RangeError, () => map.get(new Uint8Array(3)))).message, '3 bytes, 4 are expected');
  await refusal(RangeError, () => map.set(1, 5));
  await refusal(RangeError, () => map.set(-1, bytes8(5)));
  await refusal(TypeError, () => map.get('x' as unknown as number));
  await refusal(TypeError, () => map.get(null));
});

for (const [type, flags, size] of [
  ['hash', 0, 64],
  ['lru_hash', 0, 7],
  ['hash', 1, 1],
  ['hash', 0, 100000],
] as const)
  test(`reads a ${type} of 5000 in pages of ${size} (flags ${flags})`, async () => {
    using map = make(type, 10000, flags);
    const wanted = new Map(Array.from({ length: 5000 }, (_, index) => [index * 7, index]));
    assert.is(await map.setMany([...wanted].map(([key, value]) => [key, bytes8(value)])), 5000);
    const all = await readAll(map, size);
    assert.is(all.size, 5000);
    for (const [key, value] of wanted) if (all.get(key) !== value) assert.unreachable(`${key} is ${all.get(key)}`);
  });

test('reads an array and an empty map', async () => {
  using array = make('array', 100);
  array.set(42, bytes8(9));
  const all = await readAll(array, 33);
  assert.is(all.size, 100);
  assert.is(all.get(42), 9);
  using empty = make('hash');
  assert.is((await readAll(empty, 10)).size, 0);
});

test('writes keys and values that lie one behind the other', async () => {
  using map = make('hash');
  const keys = new Uint8Array(new Uint32Array([3, 4, 5]).buffer);
  const values = new Uint8Array(new BigUint64Array([30n, 40n, 50n]).buffer);
  assert.is(await map.setPacked(keys, values), 3);
  assert.equal(
    await readAll(map, 10),
    new Map([
      [3, 30],
      [4, 40],
      [5, 50],
    ]),
  );
  await refusal(RangeError, () => map.setPacked(keys.subarray(1), values));
  await refusal(RangeError, () => map.setPacked(keys, values.subarray(8)));
  assert.is((await refusal(BpfError, () => map.setPacked(keys, values, 'absent'))).code, 'EEXIST');
});

test('deletes many, also when some are not there', async () => {
  using map = make('hash');
  await map.setMany(Array.from({ length: 100 }, (_, index) => [index, bytes8(index)]));
  assert.is(await map.deleteMany(Array.from({ length: 60 }, (_, index) => index * 3)), 34);
  assert.is((await readAll(map, 10)).size, 66);
  assert.is(await map.deleteMany([]), 0);
  assert.is(await map.setMany([]), 0);
});

test('writes and reads a map type without batches one by one', async () => {
  using map = BpfMap.create({ type: 'stack_trace', keySize: 4, valueSize: 8, maxEntries: 4 });
  assert.is((await readAll(map, 2)).size, 0);
  const policies = object.map('policies');
  policies.set(2, object.program('drop'));
  policies.set(3, object.program('jump'));
  const found: number[] = [];
  for await (const [key, value] of policies.entries()) {
    found.push(numberOf(key));
    assert.ok([object.program('drop').id, object.program('jump').id].includes(numberOf(value)));
  }
  assert.equal(found, [2, 3]);
  policies.delete(2);
  policies.delete(3);
});

test('says what stopped a batch', async () => {
  using map = make('hash', 10);
  const error = await refusal(BpfError, () =>
    map.setMany(Array.from({ length: 11 }, (_, index) => [index, bytes8(index)])),
  );
  assert.is(error.code, 'E2BIG');
  assert.match(error.message, 'test_hash');
});

test('stores a program in a program array, which then runs', async () => {
  const jump = object.program('jump');
  assert.is((await jump.testRun({ data: packet })).retval, 2);
  const policies = object.map('policies');
  policies.set(2, object.program('drop'));
  assert.is((await jump.testRun({ data: packet })).retval, 1);
  assert.is(numberOf(policies.get(2) ?? new Uint8Array(4)), object.program('drop').id);
  policies.delete(2);
  assert.is((await jump.testRun({ data: packet })).retval, 2);
});

test('has a value for each CPU', async () => {
  const drops = object.map('drops');
  await object.program('drop').testRun({ data: packet, repeat: 10 });
  const { value } = drops.codec();
  const values = drops.getPerCpu(1) ?? [];
  assert.is(values.length, possibleCpus());
  const sum = values.reduce((total, bytes) => total + (value.decode(bytes) as { bytes: bigint }).bytes, 0n);
  assert.ok(sum >= 1000n);
  await refusal(TypeError, () => drops.get(1));
  drops.setPerCpu(
    1,
    values.map((_, cpu) => value.encode({ bytes: cpu })),
  );
  assert.equal(
    drops.getPerCpu(1)?.map((bytes) => (value.decode(bytes) as { bytes: bigint }).bytes),
    values.map((_, cpu) => BigInt(cpu)),
  );
  let pages = 0;
  for await (const page of drops.pages({ size: 10 })) {
    pages++;
    assert.is(page.count, 2);
    assert.is(drops.splitPerCpu(page.value(1)).length, possibleCpus());
  }
  assert.is(pages, 1);
});

test('reads and writes keys and values by their names in BTF', async () => {
  const flows = object.map('flows');
  const { key, value } = flows.codec();
  assert.is(key.size, 8);
  flows.set(key.encode({ address: 0x0a000001, port: 443 }), value.encode({ bytes: 1n << 60n, flags: 3 }));
  for await (const [keyBytes, valueBytes] of flows.entries()) {
    assert.equal(key.decode(keyBytes), { address: 0x0a000001, port: 443, pad: 0 });
    assert.equal(value.decode(valueBytes), { bytes: 1n << 60n, flags: 3, pad: 0 });
  }
  using again = BpfMap.byId(flows.id);
  assert.is(again.btf().sizeOf(again.btf().find('value', 'struct') ?? 0), 16);
  using bare = make('hash');
  assert.is((await refusal(BpfError, () => bare.codec())).code, 'ENODATA');
});

test('reads prefixes by pages', async () => {
  const prefixes = object.map('prefixes');
  const { key } = prefixes.codec();
  await prefixes.setMany(
    Array.from({ length: 200 }, (_, index) => [key.encode({ bits: 32, address: index * 256 }), index]),
  );
  const values = new Set<number>();
  for await (const page of prefixes.pages({ size: 30 })) for (const [, value] of page) values.add(numberOf(value));
  assert.is(values.size, 200);
});

test('is a queue where keys have no bytes', async () => {
  using queue = BpfMap.create({ type: 'queue', keySize: 0, valueSize: 4, maxEntries: 2 });
  queue.set(null, 11);
  queue.set(null, 22);
  assert.is((await refusal(BpfError, () => queue.set(null, 33))).code, 'E2BIG');
  assert.is(numberOf(queue.get(null) ?? new Uint8Array(4)), 11);
  assert.is(numberOf(queue.take(null) ?? new Uint8Array(4)), 11);
  assert.is(numberOf(queue.take(null) ?? new Uint8Array(4)), 22);
  assert.is(queue.take(null), null);
});

test('holds maps in maps', () => {
  using inner = make('hash');
  using outer = BpfMap.create({ type: 'array_of_maps', keySize: 4, valueSize: 4, maxEntries: 2, inner });
  outer.set(1, inner);
  assert.is(numberOf(outer.get(1) ?? new Uint8Array(4)), inner.id);
});

test('is not written any more once frozen', async () => {
  using map = make('array', 1);
  map.freeze();
  assert.is((await refusal(BpfError, () => map.set(0, bytes8(1)))).code, 'EPERM');
});

test('opens a pin for reading only', async () => {
  using map = make('hash');
  map.set(1, bytes8(10));
  map.pin(`${workshop.pins}/read_me`);
  using reader = BpfMap.openPinned(`${workshop.pins}/read_me`, { readOnly: true });
  assert.equal(reader.get(1), bytes8(10));
  assert.is((await refusal(BpfError, () => reader.set(1, bytes8(1)))).code, 'EPERM');
  const missing = await refusal(BpfError, () => BpfMap.openPinned(`${workshop.pins}/nothing`));
  assert.is(missing.code, 'ENOENT');
  assert.match(missing.message, 'bpf/nothing');
});

test('is found by its id', async () => {
  using map = make('hash', 123);
  assert.ok([...idsOf('map')].includes(map.id));
  using found = BpfMap.byId(map.id);
  assert.equal(found.info(), map.info());
  assert.is(found.maxEntries, 123);
  assert.is((await refusal(BpfError, () => BpfMap.byId(0xfffffff0))).code, 'ENOENT');
});

test('goes on reading while others delete', async () => {
  using map = make('hash', 10000);
  await map.setMany(Array.from({ length: 8000 }, (_, index) => [index, bytes8(index)]));
  const stay = new Set<number>();
  for await (const page of map.pages({ size: 500 })) {
    for (const [key] of page) stay.add(numberOf(key));
    await map.deleteMany(Array.from({ length: 400 }, () => 2 * Math.floor(Math.random() * 4000)));
  }
  for (let key = 1; key < 8000; key += 2) if (!stay.has(key)) assert.unreachable(`${key} was not seen`);
});

test.run();
