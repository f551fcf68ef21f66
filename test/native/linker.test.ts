import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { BpfError, BpfObject, linkObjects, linkToBytes } from '../../native/lib/libbpf.ts';
import { needs } from '../lab/skip.ts';
import { openWorkshop, refusal, type Workshop } from './workshop.ts';

const test = suite('native linker');
needs('linux', 'root');

const CALLER = `
struct question { __u32 port; __u32 answer; };
extern int decide(struct question *question);
SEC("xdp") int caller(struct xdp_md *ctx)
{
	struct question question = { .port = ctx->rx_queue_index + 40 };
	decide(&question);
	return question.answer;
}
`;
const CALLEE = `
struct question { __u32 port; __u32 answer; };
__attribute__((noinline)) int decide(struct question *question)
{
	if (!question) return 0;
	question->answer = question->port + 2;
	return 0;
}
`;

let workshop: Workshop;
let caller: string;
let callee: string;
test.before(() => {
  workshop = openWorkshop();
  caller = workshop.compile('caller', CALLER);
  callee = workshop.compile('callee', CALLEE);
});
test.after(() => workshop.close());

async function runLinked(source: string | Uint8Array): Promise<number> {
  using object = BpfObject.open(source);
  await object.load();
  return (await object.program('caller').testRun({ data: new Uint8Array(64) })).retval;
}

test('links a function to its caller', async () => {
  const out = `${workshop.directory}/linked.o`;
  await linkObjects(out, [caller, callee]);
  assert.is(await runLinked(out), 42);
  using object = BpfObject.open(out);
  await object.load();
  const program = object.program('caller');
  const options = { data: Uint8Array.from({ length: 64 }, (_, i) => i) };
  const [{ retval, data }, elsewhere] = [program.testRunSync(options), await program.testRun(options)];
  assert.equal([retval, data], [elsewhere.retval, elsewhere.data]);
  assert.throws(() => program.testRunSync({ data: new Uint8Array(3) }), /EINVAL/);
});

test('links bytes to bytes, the same as files', async () => {
  const bytes = await linkToBytes([readFileSync(caller), readFileSync(callee)]);
  assert.is(await runLinked(bytes), 42);
  const out = `${workshop.directory}/again.o`;
  await linkObjects(out, [caller, callee]);
  assert.equal(new Uint8Array(readFileSync(out)), bytes);
});

test('leaves no file when it fails', async () => {
  const out = `${workshop.directory}/failed.o`;
  const error = await refusal(BpfError, () => linkObjects(out, [caller, `${workshop.directory}/missing.o`]));
  assert.is(error.code, 'ENOENT');
  assert.match(error.message, 'missing.o');
  assert.not(existsSync(out));
  assert.equal(
    readdirSync(workshop.directory).filter((name) => name.includes('partial')),
    [],
  );
});

test('names the input that is no object', async () => {
  const error = await refusal(BpfError, () => linkToBytes([readFileSync(caller), new Uint8Array(64)]));
  assert.match(error.message, 'input 1');
  await refusal(RangeError, () => linkToBytes([]));
});

test('names a symbol that is defined twice', async () => {
  const error = await refusal(BpfError, () => linkToBytes([caller, callee, callee]));
  assert.match(error.message, 'decide');
});

test.run();
