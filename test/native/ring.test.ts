import { spawnSync } from 'node:child_process';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { BpfError, BpfMap, BpfObject } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { countBpfFds, openWorkshop, refusal, type Workshop } from './workshop.ts';

const test = suite('native ring buffers');
needs('linux', 'root');

/** Sends the packet's length and a number that grows; a test run of 100 bytes sends a longer record. */
const SOURCE = `
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
__u64 next, lost;
SEC("xdp") int send(struct xdp_md *ctx)
{
	__u64 length = ctx->data_end - ctx->data;
	__u64 record[4] = { length, __sync_fetch_and_add(&next, 1) };
	if (bpf_ringbuf_output(&events, record, length == 100 ? 32 : 16, 0))
		__sync_fetch_and_add(&lost, 1);
	return XDP_PASS;
}
`;

let workshop: Workshop;
let path: string;
let object: BpfObject;
test.before(() => {
  workshop = openWorkshop();
  path = workshop.compile('ring', SOURCE);
});
test.after(() => workshop.close());
test.before.each(async () => {
  object = BpfObject.open(path);
  await object.load();
});
test.after.each(() => object.close());

const send = (repeat: number, size = 64) =>
  object.program('send').testRun({ data: new Uint8Array(size), repeat, context: {} });
const numberOf = (record: Uint8Array) => Number(new DataView(record.buffer, record.byteOffset).getBigUint64(8, true));

async function drain(): Promise<Uint8Array[]> {
  const records: Uint8Array[] = [];
  for await (const record of object.map('events').records({ follow: false })) records.push(record);
  return records;
}

test('reads what is there, in order, each record once and in its own length', async () => {
  await send(3);
  await send(1, 100);
  const records = await drain();
  assert.equal(records.map(numberOf), [0, 1, 2, 3]);
  assert.equal(
    records.map(({ byteLength }) => byteLength),
    [16, 16, 16, 32],
  );
  assert.equal(await drain(), []);
});

test('a full buffer takes no more, and what was read makes room again', async () => {
  await send(1000);
  const kept = await drain();
  assert.ok(kept.length > 64 && kept.length < 1000, `${kept.length} were kept`);
  assert.equal(
    kept.map(numberOf),
    kept.map((_, index) => index),
  );
  await send(1);
  assert.equal((await drain()).map(numberOf), [1000]);
});

test('waits for records that come later', async () => {
  const seen: number[] = [];
  const later = (async () => {
    for (let i = 0; i < 5; i++) {
      await new Promise((done) => setTimeout(done, 20));
      await send(1);
    }
  })();
  for await (const record of object.map('events').records()) {
    seen.push(numberOf(record));
    if (seen.length === 5) break;
  }
  await later;
  assert.equal(seen, [0, 1, 2, 3, 4]);
});

test('ends by a signal, at once', async () => {
  const stop = new AbortController();
  const began = performance.now();
  setTimeout(() => stop.abort(), 30);
  for await (const _ of object.map('events').records({ signal: stop.signal })) assert.unreachable('nothing was sent');
  assert.ok(performance.now() - began < 300);
  for await (const _ of object.map('events').records({ signal: stop.signal })) assert.unreachable('it had ended');
});

test('ends when the map is closed', async () => {
  const map = object.map('events').duplicate();
  setTimeout(() => map.close(), 30);
  for await (const _ of map.records()) assert.unreachable('nothing was sent');
});

test('a reader that stops leaves no descriptor', async () => {
  const events = object.map('events');
  await send(200);
  await drain();
  await send(200);
  const before = countBpfFds();
  assert.ok(events.id > 0);
  for (let i = 0; i < 3; i++) for await (const _ of events.records()) break;
  assert.is(countBpfFds(), before);
});

test('refuses maps of other types', async () => {
  using map = BpfMap.create({ type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 });
  await refusal(TypeError, () => map.records());
  object.close();
  await refusal(BpfError, () => object.map('events').records());
});

test('a process that waits for records can exit', () => {
  const library = new URL('../../native/lib/libbpf.ts', import.meta.url).href;
  const script = `
    import { BpfMap } from ${JSON.stringify(library)};
    const map = BpfMap.create({ type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 4096 });
    setTimeout(() => process.exit(7), 100);
    for await (const record of map.records()) console.log(record);`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { timeout: 8000 });
  assert.is(status, 7, String(stderr));
});

test.run();
