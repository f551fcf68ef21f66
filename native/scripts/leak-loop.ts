/**
 * Uses all of the addon again and again, failures included, and leaves everything to close() or to the garbage
 * collector: node leak-loop.ts OBJECT ROUNDS. For leaks.mjs, under the sanitizers.
 */
import { readFileSync } from 'node:fs';

import {
  attachTcx,
  attachXdp,
  BpfError,
  BpfMap,
  BpfObject,
  clsactQuery,
  idsOf,
  linkToBytes,
  xdpFeatures,
  xdpQuery,
} from '../lib/libbpf.ts';

const [path = '', rounds = '10'] = process.argv.slice(2);
const bytes = readFileSync(path);

async function refused(action: () => unknown): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof BpfError) return;
    throw error;
  }
  throw new Error(`it was not refused: ${action}`);
}

async function playRound(): Promise<void> {
  const object = BpfObject.open(bytes, { name: 'leaks' });
  object.setGlobal('.rodata', { verdict: 1 });
  object.map('seen').setMaxEntries(128);
  await object.load();
  await object.program('count').testRun({ data: new Uint8Array(64), context: { ingressIfindex: 1 }, repeat: 2 });
  const seen = object.map('seen');
  seen.codec().value.encode({ packets: 1, bytes: 2n });
  await seen.setMany(Array.from({ length: 100 }, (_, index) => [index, new Uint8Array(16)]));
  for await (const page of seen.pages({ size: 7 })) page.key(0);
  for await (const record of object.map('events').records({ follow: false })) record.at(0);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 1);
  for await (const _ of object.map('events').records({ signal: stop.signal }));
  await seen.deleteMany([1, 2, 3, 200]);
  await refused(() => seen.set(1, new Uint8Array(16), 'present'));
  const duplicate = seen.duplicate();
  object.program('count').info();
  await refused(() => attachXdp(object.program('count'), 0x7ffffff0));
  await refused(() => attachTcx(object.program('count'), 0x7ffffff0, 'ingress'));

  const careless = BpfObject.open(path);
  careless.setAutoload('careless', true);
  careless.reuseMap('.rodata', object.map('.rodata'));
  await refused(() => careless.load());
  await refused(() => BpfObject.open(new Uint8Array(200)));
  await refused(() => linkToBytes([bytes, new Uint8Array(3)]));
  BpfObject.open(await linkToBytes([bytes])).close();
  await refused(() => BpfMap.openPinned('/nowhere'));
  BpfMap.create({ type: 'array', keySize: 4, valueSize: 4, maxEntries: 1 }).pin.name;
  Array.from(idsOf('btf'));
  xdpFeatures(1);
  xdpQuery(1);
  clsactQuery(1, 'ingress');

  const loading = BpfObject.open(bytes, { name: 'closed' });
  const done = loading.load();
  loading.close();
  await done;
  duplicate.close();
  object.close();
}

for (let round = 0; round < Number(rounds); round++) await playRound();

// What nobody holds is taken down now, so that at exit only leaks are left.
const collect = (globalThis as { gc?: () => void }).gc;
for (let turn = 0; turn < 5; turn++) {
  collect?.();
  await new Promise((resolve) => setTimeout(resolve, 10));
}
