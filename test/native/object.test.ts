import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { BpfError, BpfMap, BpfObject, BpfProgram, kindOfPin } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { openWorkshop, refusal, type Workshop } from './workshop.ts';

const test = suite('native objects');
needs('linux', 'root');

const COUNTER = `
struct stats { __u64 packets; __u32 marks[3]; __u8 mac[6]; char name[6]; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 100); __type(key, __u32); __type(value, struct stats); } seen SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64);
  __uint(pinning, LIBBPF_PIN_BY_NAME); } shared SEC(".maps");
const volatile __u32 verdict = 2;
const volatile struct { __u16 port; __u64 limit; } config = { 7, 8 };
__u64 total = 5;
SEC("xdp") int count(struct xdp_md *ctx)
{
	__u32 key = ctx->ingress_ifindex;
	struct stats fresh = { .packets = config.limit, .marks = { config.port, ctx->rx_queue_index, 3 }, .mac = {1,2,3,4,5,6}, .name = "hello" };
	bpf_map_update_elem(&seen, &key, &fresh, BPF_ANY);
	__sync_fetch_and_add(&total, 1);
	return verdict;
}
SEC("tc") int classify(struct __sk_buff *skb) { return skb->mark; }
`;
const REFUSED = `
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } box SEC(".maps");
SEC("xdp") int careless(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&box, &key);
	return *value;
}
`;

const LIBRARY = new URL('../../native/lib/libbpf.ts', import.meta.url).href;

let workshop: Workshop;
let counter: string;
test.before(() => {
  workshop = openWorkshop();
  counter = workshop.compile('counter', COUNTER);
});
test.after(() => workshop.close());

const packet = new Uint8Array(64);
const openCounter = (): BpfObject => BpfObject.open(counter, { pinRoot: workshop.pins });

test('lists programs and maps before they are loaded', () => {
  const object = openCounter();
  assert.equal(
    object.programs.map(({ name, section, type, autoload }) => [name, section, type, autoload]),
    [
      ['count', 'xdp', 'xdp', true],
      ['classify', 'tc', 'sched_cls', true],
    ],
  );
  const seen = object.maps.find((map) => map.name === 'seen');
  assert.is(seen?.type, 'hash');
  assert.is(seen?.keySize, 4);
  assert.is(seen?.valueSize, 32);
  assert.is(object.maps.find((map) => map.name === 'shared')?.pinPath, `${workshop.pins}/shared`);
  object.close();
});

test('runs a program on a packet with a context and reads what it wrote', async () => {
  using object = openCounter();
  await object.load();
  const run = await object.program('count').testRun({ data: packet, context: { ingressIfindex: 1 }, repeat: 3 });
  assert.is(run.retval, 2);
  assert.is(run.data.byteLength, 64);
  assert.is(run.context.byteLength, 24);
  const seen = object.map('seen');
  const value = seen.get(1);
  assert.ok(value);
  assert.equal(seen.codec().value.decode(value), {
    packets: 8n,
    marks: [7, 0, 3],
    mac: new Uint8Array([1, 2, 3, 4, 5, 6]),
    name: new TextEncoder().encode('hello\0'),
  });
  assert.is(seen.get(77), null);
  assert.equal(object.map('.data').get(0), new Uint8Array([8, 0, 0, 0, 0, 0, 0, 0]));
});

test('passes the mark of an skb', async () => {
  using object = openCounter();
  await object.load();
  const run = await object.program('classify').testRun({ data: packet, context: { mark: 0x1234 } });
  assert.is(run.retval, 0x1234);
  const error = await refusal(TypeError, () =>
    object.program('classify').testRun({ data: packet, context: { rxQueueIndex: 1 } }),
  );
  assert.match(error.message, 'sched_cls has no rxQueueIndex');
});

test('opens an object from bytes', async () => {
  using object = BpfObject.open(readFileSync(counter), { name: 'memory', pinRoot: workshop.pins });
  assert.is(object.name, 'memory');
  await object.load();
  assert.is(object.program('count').type, 'xdp');
});

test('knows the layout of a map before it is loaded', async () => {
  using object = openCounter();
  const { key, value } = object.codec('seen');
  assert.is(key.size, 4);
  assert.is((value.decode(value.encode({ packets: 9n })) as { packets: bigint }).packets, 9n);
  assert.is((await refusal(BpfError, () => object.codec('unseen'))).code, 'ENOENT');
});

test('sends live frames, whose verdicts are carried out', async () => {
  using object = openCounter();
  object.setGlobal('.rodata', { verdict: 1 });
  await object.load();
  const run = await object.program('count').testRun({ data: packet, live: true, repeat: 100, batchSize: 32 });
  assert.is(run.data.byteLength, 0);
  const total = object.map('.data').get(0) ?? new Uint8Array(8);
  assert.is(new DataView(total.buffer).getBigUint64(0, true), 105n);
});

test('asks for more room when the packet that comes out is longer', async () => {
  using object = openCounter();
  await object.load();
  const error = await refusal(BpfError, () => object.program('count').testRun({ data: packet, dataOutSize: 10 }));
  assert.is(error.code, 'ENOSPC');
  assert.match(error.message, 'has 64 bytes: raise dataOutSize');
  await refusal(RangeError, () => object.program('count').testRun({ data: packet, dataOutSize: 2 ** 31 }));
});

test('sets constants and first values by their types', async () => {
  using object = openCounter();
  object.setGlobal('.rodata', { verdict: 1, config: { port: 443, limit: 1n << 40n } });
  object.setGlobal('.data', { total: 100n });
  await object.load();
  assert.is((await object.program('count').testRun({ data: packet, context: { ingressIfindex: 1 } })).retval, 1);
  const stats = object
    .map('seen')
    .codec()
    .value.decode(object.map('seen').get(1) ?? new Uint8Array());
  assert.is((stats as { packets: bigint }).packets, 1n << 40n);
  assert.equal((stats as { marks: number[] }).marks[0], 443);
});

test('refuses a constant that is unknown or does not fit', async () => {
  using object = openCounter();
  const unknown = await refusal(BpfError, () => object.setGlobal('.rodata', { verdikt: 1 }));
  assert.match(unknown.message, 'it has verdict, config');
  await refusal(RangeError, () => object.setGlobal('.rodata', { verdict: 2 ** 33 }));
  await refusal(RangeError, () => object.setGlobal('.rodata', { config: { port: 65536 } }));
  const member = await refusal(TypeError, () => object.setGlobal('.rodata', { config: { prot: 1 } }));
  assert.match(member.message, 'config has no member prot: port, limit');
});

test('loads only what is switched on', async () => {
  using object = openCounter();
  object.setAutoload('classify', false);
  await object.load();
  assert.ok(object.program('count').id > 0);
  const error = await refusal(BpfError, () => object.program('classify').id);
  assert.is(error.code, 'ENOENT');
  assert.match(error.message, 'switched on');
});

test('sizes a map before loading and refuses it afterwards', async () => {
  using object = openCounter();
  object.map('seen').setMaxEntries(1234);
  await object.load();
  assert.is(object.map('seen').maxEntries, 1234);
  assert.is((await refusal(BpfError, () => object.map('seen').setMaxEntries(5))).code, 'EBUSY');
});

test('shares a map that is pinned by its name', async () => {
  using first = openCounter();
  await first.load();
  using second = openCounter();
  await second.load();
  assert.is(first.map('shared').id, second.map('shared').id);
  assert.is.not(first.map('seen').id, second.map('seen').id);
});

test('reuses a map that is handed over, but none of other sizes', async () => {
  using first = openCounter();
  await first.load();
  using second = openCounter();
  second.reuseMap('seen', first.map('seen'));
  await second.load();
  assert.is(second.map('seen').id, first.map('seen').id);
  using third = openCounter();
  using other = BpfMap.create({ type: 'hash', keySize: 4, valueSize: 8, maxEntries: 100 });
  const error = await refusal(BpfError, () => third.reuseMap('seen', other));
  assert.is(error.code, 'EINVAL');
  assert.match(error.message, 'valueSize is 8, the object wants 32');
});

test('pins programs and maps and finds them again', async () => {
  using object = openCounter();
  await object.load();
  object.program('count').pin(`${workshop.pins}/count`);
  object.map('seen').pin(`${workshop.pins}/seen_map`);
  using program = BpfProgram.openPinned(`${workshop.pins}/count`);
  using map = BpfMap.openPinned(`${workshop.pins}/seen_map`);
  assert.is(program.id, object.program('count').id);
  assert.is(program.name, 'count');
  assert.is(map.id, object.map('seen').id);
  using again = BpfProgram.byId(program.id);
  assert.is(again.info().tag, program.info().tag);
  assert.ok(program.info().mapIds.includes(map.id));
  const error = await refusal(BpfError, () => BpfMap.openPinned(`${workshop.pins}/count`));
  assert.match(error.message, 'it is not a map');
  assert.is(kindOfPin(`${workshop.pins}/count`), 'prog');
  assert.is(kindOfPin(`${workshop.pins}/seen_map`), 'map');
  assert.is(kindOfPin(`${workshop.pins}/nothing`), null);
  const exists = await refusal(BpfError, () => object.program('count').pin(`${workshop.pins}/count`));
  assert.is(exists.code, 'EEXIST');
});

test('pins all maps in a directory, or each where it is told', async () => {
  using object = openCounter();
  object.setPinPath('shared', null);
  object.setPinPath('seen', `${workshop.pins}/elsewhere`);
  await object.load();
  using elsewhere = BpfMap.openPinned(`${workshop.pins}/elsewhere`);
  assert.is(elsewhere.id, object.map('seen').id);
  using other = openCounter();
  other.setPinPath('shared', null);
  await other.load();
  mkdirSync(`${workshop.pins}/all`);
  other.pinMaps(`${workshop.pins}/all`);
  using pinned = BpfMap.openPinned(`${workshop.pins}/all/seen`);
  assert.is(pinned.id, other.map('seen').id);
});

test('refuses to pin outside of a bpffs', async () => {
  using object = openCounter();
  object.setPinPath('shared', null);
  await object.load();
  const error = await refusal(BpfError, () => object.pinMaps(workshop.directory));
  assert.match(error.message, 'is not on BPF FS');
});

test('refuses a pin of other sizes, and says which', async () => {
  using first = openCounter();
  await first.load();
  using second = openCounter();
  second.setMaxEntries('shared', 8);
  const error = await refusal(BpfError, () => second.load());
  assert.is(error.code, 'EINVAL');
  assert.match(error.message, "couldn't reuse pinned map");
});

test('loads several objects at the same time', async () => {
  const objects = Array.from({ length: 8 }, openCounter);
  await Promise.all(objects.map((object) => object.load()));
  const runs = await Promise.all(objects.map((object) => object.program('count').testRun({ data: packet })));
  assert.equal(
    runs.map((run) => run.retval),
    Array(8).fill(2),
  );
  for (const object of objects) object.close();
});

test("cuts the verifier's useful lines out of its log", async () => {
  using object = BpfObject.open(workshop.compile('refused', REFUSED));
  const error = await refusal(BpfError, () => object.load());
  assert.is(error.code, 'EACCES');
  assert.is(error.op, 'load');
  assert.equal(error.lines[0], 'program careless');
  assert.match(error.message, "R0 invalid mem access 'map_value_or_null'");
  assert.match(error.message, 'return *value;');
  assert.not.match(error.message, 'processed');
  assert.ok(error.lines.length <= 6, error.message);
  assert.match(error.log, 'processed');
});

test('shows who waited for what failed on another thread', async () => {
  async function applyEverything(): Promise<void> {
    using object = BpfObject.open(workshop.compile('refused', REFUSED));
    await object.load();
  }
  const error = await refusal(BpfError, applyEverything);
  assert.match(error.stack ?? '', 'applyEverything');
  assert.match(error.stack ?? '', "R0 invalid mem access 'map_value_or_null'");
});

test('says which extern nobody defines', async () => {
  const path = workshop.compile(
    'extern',
    `extern int missing_policy(struct xdp_md *ctx) __ksym;
     SEC("xdp") int caller(struct xdp_md *ctx) { return missing_policy(ctx); }`,
  );
  const error = await refusal(BpfError, async () => {
    using object = BpfObject.open(path);
    await object.load();
  });
  assert.match(error.message, 'missing_policy');
  assert.match(error.message, 'an extern symbol is defined nowhere');
});

test('names the file that is none, or is no object', async () => {
  const missing = await refusal(BpfError, () => BpfObject.open(`${workshop.directory}/nothing.o`));
  assert.is(missing.code, 'ENOENT');
  assert.match(missing.message, 'nothing.o');
  const garbage = await refusal(BpfError, () => BpfObject.open(new Uint8Array(100)));
  assert.match(garbage.code, /^(LIBBPF_FORMAT|LIBBPF_LIBELF|EINVAL)$/);
  await refusal(TypeError, () => BpfObject.open(''));
  await refusal(BpfError, () => BpfObject.open(new Uint8Array(0)));
});

test('says that an object was closed', async () => {
  const object = openCounter();
  await object.load();
  const program = object.program('count');
  const map = object.map('seen');
  object.close();
  object.close();
  for (const use of [
    () => object.programs,
    () => object.load(),
    () => object.map('shared').id,
    () => program.testRun({ data: packet }),
    () => program.id,
    () => map.get(1),
    () => map.pages().next(),
  ]) {
    const error = await refusal(BpfError, use);
    assert.is(error.code, 'ECLOSED', String(use));
    assert.match(error.message, 'it was closed before');
  }
});

test('refuses a second use while it is being loaded, and may be closed then', async () => {
  const object = openCounter();
  const loading = object.load();
  assert.is((await refusal(BpfError, () => object.programs)).code, 'EBUSY');
  object.close();
  await loading;
  assert.is((await refusal(BpfError, () => object.programs)).code, 'ECLOSED');
});

test('keeps a duplicate when the object is closed', async () => {
  const object = openCounter();
  await object.load();
  using map = object.map('seen').duplicate();
  object.close();
  map.set(9, new Uint8Array(32).fill(1));
  assert.is(map.get(9)?.[0], 1);
});

test('works in worker threads', async () => {
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     import(workerData.library).then(async ({ BpfObject }) => {
       for (let round = 0; round < 5; round++) {
         const object = BpfObject.open(workerData.counter, { pinRoot: workerData.pins });
         await object.load();
         const { retval } = await object.program('count').testRun({ data: new Uint8Array(64) });
         let code = '';
         try { object.map('seen').set(99, new Uint8Array(32), 'present'); } catch (error) { code = error.code; }
         object.close();
         parentPort.postMessage([retval, code]);
       }
     });`,
    { eval: true, workerData: { library: LIBRARY, counter, pins: workshop.pins } },
  );
  const messages: unknown[] = [];
  worker.on('message', (message) => messages.push(message));
  const [code] = await once(worker, 'exit');
  assert.is(code, 0);
  assert.equal(messages, Array(5).fill([2, 'ENOENT']));
});

test('says to an ordinary user what is missing', () => {
  const script = `
    import { BpfObject } from ${JSON.stringify(LIBRARY)};
    const object = BpfObject.open(${JSON.stringify(counter)});
    process.setgroups([]);
    process.setgid(65534);
    process.setuid(65534);
    try { await object.load(); } catch (error) { console.log(error.message); }`;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.match(text, '(EPERM)');
  assert.match(text, 'it takes root, or the capabilities');
  assert.not.match(text, 'RLIMIT');
});

test.run();
