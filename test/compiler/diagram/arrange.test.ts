import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arrange } from '../../../compiler/diagram/arrange.ts';
import type { Node } from '../../../compiler/diagram/diagram.ts';
import { createStore } from '../../../compiler/diagram/store.ts';
import { walk } from '../../../compiler/diagram/walk.ts';

const test = suite('a chain in order');
const store = createStore<string>((text) => text);
const [no, yes] = [store.leaf('no'), store.leaf('yes')];
const one = (field: 'dport' | 'protocol', value: bigint, there: Node<string>, else_: Node<string>, end: bigint) =>
  store.branch(field, [
    { last: value - 1n, to: else_ },
    { last: value, to: there },
    { last: end, to: else_ },
  ]);
/** 80 of TCP; behind it, fields are asked again: 53 of UDP. */
const udp = one('protocol', 17n, one('dport', 53n, yes, no, 65535n), no, 255n);
const chain = one('protocol', 6n, one('dport', 80n, yes, udp, 65535n), udp, 255n);

test('is the same function, and asks nothing twice', () => {
  const ordered = arrange(store, chain, 1000)!;
  for (const protocol of [0n, 6n, 7n, 17n, 255n])
    for (const dport of [0n, 53n, 54n, 80n, 65535n])
      assert.is(walk(ordered, { protocol, dport }), walk(chain, { protocol, dport }));
  assert.is(ordered.kind === 'branch' && ordered.field, 'protocol');
  for (const { to } of ordered.kind === 'branch' ? ordered.edges : [])
    assert.ok(to.kind === 'leaf' || to.edges.every((edge) => edge.to.kind === 'leaf'));
});

test('gives up where that takes too long', () => assert.is(arrange(store, chain, 3), null));

test.run();
