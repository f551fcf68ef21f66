/** Events of the log as values and as lines. */

import pc from 'picocolors';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ManifestRule } from '../../compiler/artifact/manifest.ts';
import type { BtfRecord } from '../../native/lib/libbpf.ts';
import { readKey, renderAccounts } from '../../runtime/show/accounts.ts';
import { describeEvent, type EventNames, renderEvent } from '../../runtime/show/event.ts';
import { renderRules } from '../../runtime/show/rules.ts';

const plain = pc.createColors(false);
const test = suite('events');

const RULE: ManifestRule = {
  id: 3,
  kind: 'policy-rule',
  owner: 'lan-out',
  file: 'my gateway.masq',
  line: 14,
  column: 3,
  text: 'deny tcp 25 log "no mail"',
  tally: 9,
  meter: 9,
  ports: 0,
  limits: [],
  log: { label: 'no "mail"', count: 10, perMs: 1000, burst: 50 },
};
const NAMES: EventNames = {
  kinds: new Map([
    [1, 'allowed'],
    [2, 'denied'],
    [6, 'mapped'],
  ]),
  rule: (generation, rule) => (generation === 7 && rule === 3 ? RULE : null),
  device: (ifindex) => (ifindex === 2 ? 'lan' : `eth${ifindex}`),
  wallTime: (monotonic) => Date.UTC(2026, 10, 28) + Number(monotonic / 1_000_000n),
};
const NONE = { word: [0, 0, 0, 0] };
const v4 = (a: number, b: number, c: number, d: number) => ({
  word: [0, 0, 0xffff0000, (a | (b << 8) | (c << 16) | (d << 24)) >>> 0],
});
const be16 = (port: number) => ((port & 255) << 8) | (port >> 8);
const EVENT = {
  time: 1_234_000_000n,
  saddr: v4(192, 168, 1, 20),
  daddr: v4(192, 0, 2, 80),
  to_saddr: NONE,
  to_daddr: NONE,
  sport: be16(40112),
  dport: be16(25),
  to_sport: 0,
  to_dport: 0,
  in: 2,
  out: 5,
  length: 60,
  rule: 3,
  generation: 7,
  kind: 2,
  protocol: 6,
  tcp: 0x12,
  icmp_type: 0,
  icmp_code: 0,
  local: 0,
} as unknown as BtfRecord;

test('a line has the keys in order, and quotes what holds blanks', () => {
  assert.is(
    renderEvent(describeEvent(EVENT, NAMES)),
    'time=2026-11-28T00:00:01.234Z verdict=denied rule="my gateway.masq:14" by=lan-out label="no \\"mail\\"" in=lan out=eth5 proto=tcp src=192.168.1.20:40112 dst=192.0.2.80:25 flags=SA len=60\n',
  );
});

test('what does not apply is null, and left out of a line', () => {
  const ping = {
    ...EVENT,
    kind: 1,
    protocol: 1,
    icmp_type: 8,
    in: 0,
    out: 0,
    local: 1,
    rule: 9,
    sport: be16(77),
    dport: 0,
  };
  const event = describeEvent(ping as BtfRecord, NAMES);
  assert.equal(
    [event.rule, event.label, event.in, event.out, event.flags, event.icmp],
    [null, null, null, 'self', null, '8/0'],
  );
  assert.match(
    renderEvent(event),
    /verdict=allowed out=self proto=icmp src=192\.168\.1\.20:77 dst=192\.0\.2\.80 icmp=8\/0 len=60\n$/,
  );
});

test('an allocation has no destination, no flags and no length', () => {
  const mapped = { ...EVENT, kind: 6, daddr: NONE, dport: 0, to_saddr: v4(203, 0, 113, 7), to_sport: be16(61002) };
  const event = describeEvent(mapped as BtfRecord, NAMES);
  assert.equal([event.destination, event.flags, event.length], [null, null, null]);
  assert.equal(event.as, { address: '203.0.113.7', port: 61002 });
});

test('addresses of both families have one form', () => {
  const key = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
  assert.is(readKey(key('00000000000000000000ffffc0a80114')), '192.168.1.20');
  assert.is(readKey(key('20010db8000000000000000000000001')), '2001:db8::1');
  assert.is(readKey(key('00'.repeat(16))), null);
});

test('lines stand with their counters in the margin, and say what their limit and log held back', () => {
  const zero = {
    connections: 0,
    live: 0,
    packets: 0,
    bytes: 0,
    refused: 0,
    refusedBytes: 0,
    limited: 0,
    heldBack: 0,
    lost: 0,
  };
  const line = { file: 'g.masq', line: 3, owner: 'out', text: 'allow tcp 80 limit 2 flows', ...zero };
  const text = renderRules(
    [
      { ...line, connections: 12, live: 3, packets: 1234, bytes: 4096, refused: 7, limited: 7 },
      { ...line, line: 4, text: 'default deny log', refused: 2, heldBack: 5, lost: 1 },
    ],
    { colours: plain },
  );
  assert.match(text, /^ packets {3}bytes connections {3}live {2}refused\n/);
  assert.match(
    text,
    / {4}1\.2k {4}4\.0K {10}12 {6}3 {8}7 {2}g\.masq:3 {2}out: allow tcp 80 limit 2 flows {2}\(7 beyond its limit\)\n/,
  );
  assert.match(
    text,
    / - {7}- {11}- {6}- {8}2 {2}g\.masq:4 {2}out: default deny log {2}\(5 events held back, 1 events lost\)\n/,
  );
});

test('without `account` it says so', () => {
  assert.match(renderAccounts([], false, { colours: plain }), /no `account`/);
  const sent = { packets: 10, bytes: 2048 };
  const text = renderAccounts([{ address: null, sent, received: sent }], true, { colours: plain });
  assert.match(text, /\(others\) +10 +2\.0K +10 +2\.0K/);
});

test.run();
