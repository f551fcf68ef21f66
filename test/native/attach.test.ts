import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

import { needs } from '../lab/skip.ts';
import { openWorkshop, type Workshop } from './workshop.ts';

const test = suite('native attachments');
needs('linux', 'root');

const SOURCE = `
SEC("xdp") int first(struct xdp_md *ctx) { return XDP_PASS; }
SEC("xdp") int second(struct xdp_md *ctx) { return XDP_DROP; }
SEC("tc") int tc_first(struct __sk_buff *skb) { return TC_ACT_OK; }
SEC("tc") int tc_second(struct __sk_buff *skb) { return TC_ACT_UNSPEC; }
`;
const SCENES = fileURLToPath(new URL('attach-scenes.ts', import.meta.url));

let workshop: Workshop;
let object: string;
let count = 0;
let namespace = '';
const ip = (...words: string[]): void => void execFileSync('ip', words);

test.before(() => {
  workshop = openWorkshop();
  object = workshop.compile('attach', SOURCE);
});
test.after(() => workshop.close());
test.before.each(() => {
  namespace = `mq${process.pid}-native${count++}`;
  ip('netns', 'add', namespace);
  ip('-n', namespace, 'link', 'set', 'lo', 'up');
  ip('-n', namespace, 'link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right');
  for (const device of ['left', 'right']) ip('-n', namespace, 'link', 'set', device, 'up');
});
test.after.each(() => ip('netns', 'del', namespace));

// biome-ignore lint/suspicious/noExplicitAny: each scene has a report of its own shape
function play(scene: string): any {
  const words = ['netns', 'exec', namespace, process.execPath, SCENES, scene, object, workshop.pins];
  return JSON.parse(execFileSync('ip', words, { encoding: 'utf8' }));
}

test('attaches, updates, pins and detaches XDP', () => {
  const seen = play('xdp');
  assert.is(seen.attached.info.type, 'xdp');
  assert.is(seen.attached.info.mode, 'native');
  assert.is(seen.attached.info.programId, seen.attached.first);
  assert.equal(seen.attached.query, [{ mode: 'native', programId: seen.attached.first }]);
  assert.is(seen.busy, 'EBUSY');
  assert.equal(seen.updated.query, [{ mode: 'native', programId: seen.updated.second }]);
  assert.is(seen.wrongOld, 'EPERM');
  assert.is(seen.stays, 1);
  assert.equal(seen.detached.query, []);
  assert.is(seen.detached.info.ifindex, 0);
  assert.is(seen.detached.info.mode, null);
  assert.is(seen.closed, 'ECLOSED');
});

test('falls back to generic XDP where the driver has none, and says so', () => {
  const seen = play('generic');
  assert.is(seen.mode, 'generic');
  assert.is(seen.fallback, 'EOPNOTSUPP');
  assert.is(seen.query[0].mode, 'generic');
  assert.equal(seen.veth, { mode: 'native', fallback: null });
  assert.is(seen.forced, 'EOPNOTSUPP');
  assert.is(seen.nowhere, 'ENODEV');
  assert.equal(seen.after, []);
});

test('attaches TCX in both directions and lists what runs', () => {
  const seen = play('tcx');
  assert.is(seen.has, true);
  assert.equal(
    seen.infos.map((info: { type: string; direction: string }) => [info.type, info.direction]),
    [
      ['tcx', 'ingress'],
      ['tcx', 'egress'],
    ],
  );
  assert.equal(seen.query, [
    { programId: seen.ids[0], linkId: seen.links[0] },
    { programId: seen.ids[1], linkId: seen.links[1] },
  ]);
  assert.is(seen.twice, 'EEXIST');
  assert.is(seen.updated, seen.ids[1]);
  assert.equal(seen.after, []);
  assert.not.match(seen.qdiscs, 'clsact');
});

test('attaches by clsact and removes the qdisc that it made with its last filter', () => {
  const seen = play('clsact');
  assert.equal(
    seen.query.map((filter: { handle: number; priority: number; programId: number; kind: string; name: string }) => [
      filter.handle,
      filter.priority,
      filter.programId,
      filter.kind,
      filter.name,
    ]),
    [[7, 50, seen.ids[0], 'bpf', 'tc_first']],
  );
  assert.is(seen.taken, 'EEXIST');
  assert.equal(seen.replaced, [seen.ids[1], 7, 50]);
  assert.equal(seen.created, [true, false]);
  assert.is(seen.wrong, 'ENOENT');
  assert.equal(seen.removals, [false, true]);
  assert.is(seen.between, true);
  assert.is(seen.again, 'ENOENT');
  assert.is(seen.same, true);
});

test('leaves a clsact qdisc that was there before', () => {
  const seen = play('foreignQdisc');
  assert.is(seen.created, false);
  assert.is(seen.removed, false);
  assert.match(seen.qdiscs, 'clsact');
  assert.equal(seen.none, []);
});

test('tells names, indexes and XDP features of interfaces', () => {
  const seen = play('interfaces');
  assert.is(seen.name, 'left');
  assert.is(seen.none, null);
  assert.is(seen.missing, 'ENODEV');
  assert.is(seen.veth & seen.wanted, seen.wanted);
  assert.is(seen.loopback & seen.wanted, 0);
  assert.is(seen.gone, 'ENODEV');
});

test('shows a link whose device has gone', () => {
  const seen = play('gone');
  assert.is(seen.xdp.ifindex, 0);
  assert.is(seen.tcx.ifindex, 0);
  assert.is(seen.detach, 'no error');
});

test.run();
