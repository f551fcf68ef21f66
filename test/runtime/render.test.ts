import pc from 'picocolors';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readAddress, readBe16, toBe32, toMac } from '../../runtime/apply/bytes.ts';
import { fromCoarse, toCoarse } from '../../runtime/apply/tables.ts';
import { wantsColour } from '../../runtime/cli/io.ts';
import { makePlan } from '../../runtime/plan/plan.ts';
import {
  describeStep,
  formatTime,
  formatTimeouts,
  groups,
  renderPlan,
  renderPlanJson,
} from '../../runtime/plan/render.ts';
import { nameReason, renderAnswers, renderDrops } from '../../runtime/show/drops.ts';
import { makeStatus, renderStatus } from '../../runtime/show/status.ts';
import { applied, EMPTY, LAN, WAN, WANTED } from './fixtures.ts';

const test = suite('render');
const plain = pc.createColors(false);
const io = { colours: plain };
/** With two Ethernet devices, so that XDP has somewhere to send. */
const THREE = {
  ...WANTED,
  interfaces: [
    ...WANTED.interfaces,
    { id: 3, name: 'dmz', device: 'eth1', hides: false, hides6: false, mss: null, xdp: true },
  ],
};

test('prints a plan with a sign, what is done and what it costs', () => {
  const text = renderPlan(makePlan(THREE, EMPTY), plain);
  assert.match(text, /^deathstar: \d+ steps\n/);
  assert.match(text, /^ {2}\+ flow table for 65,536 connections.* 57\.0 MiB of kernel memory, taken now$/m);
  assert.match(text, /^ {2}\+ eth0: XDP native +native: igb has XDP$/m);
  assert.match(text, /^ {2}~ sysctl net\.ipv4\.ip_forward 0 → 1/m);
  assert.match(text, 'note: ppp0 has no Ethernet header');
  assert.not.match(text, /undefined|\[object|NaN/);
});

test('prints an empty plan as one sentence', () => {
  assert.is(
    renderPlan(makePlan(WANTED, applied(WANTED)), plain),
    'deathstar: nothing to do, this machine does what the file says.\n',
  );
});

test('prints obstacles with what to do about them', () => {
  const text = renderPlan(makePlan(WANTED, { ...EMPTY, otherGateways: ['tatooine'] }), plain);
  assert.match(text, "deathstar can't be applied here:");
  assert.match(text, '! Gateway "tatooine" is applied');
  assert.match(text, 'Run `masqc down` first');
});

test('says what changed of an interface', () => {
  const changed = { ...applied(WANTED), devices: [WAN, { ...LAN, mtu: 9000 }] };
  const [step] = makePlan(WANTED, changed).steps;
  assert.is(step && describeStep(step).why, 'MTU 1500 → 9000');
});

test('names the lines that came and went below the policy', () => {
  const changed = { ...WANTED, hashes: { ...WANTED.hashes, policy: 'p2' } };
  const text = renderPlan(makePlan(changed, applied(WANTED)), plain, [
    { sign: '-', text: 'lan-out: deny tcp 25' },
    { sign: '+', text: 'lan-out: deny tcp 25, 465' },
  ]);
  assert.match(text, / ~ policy, generation 2.*\n {6}- lan-out: deny tcp 25\n {6}\+ lan-out: deny tcp 25, 465\n/);
});

test('does not repeat how interfaces are served when only a line changed', () => {
  const changed = { ...WANTED, hashes: { ...WANTED.hashes, policy: 'p2' } };
  const text = renderPlan(makePlan(changed, applied(WANTED)), plain);
  assert.not.match(text, 'note:');
  assert.match(text, 'live connections meet it with their next packet');
});

test('gives a plan as JSON with the sentence of each step', () => {
  const json = JSON.parse(renderPlanJson(makePlan(WANTED, EMPTY)));
  assert.is(json.schema, 'masqc/plan@1');
  assert.ok(json.steps.every((step: { kind: string; text: string }) => step.kind !== '' && step.text !== ''));
});

test('writes times as the language does', () => {
  assert.is(formatTime(7_440_000), '2h4m');
  assert.is(formatTime(90_000), '1m30s');
  assert.is(formatTime(0), '0s');
  assert.is(formatTimeouts({ tcp: 60_000, udp: 1000 }, { tcp: 60_000, udp: 2000 }), 'udp 2s → 1s');
  assert.is(groups(1_234_567), '1,234,567');
  assert.is(groups(100), '100');
});

test('never lets a coarse timeout end early', () => {
  for (const ms of [1, 67, 1000, 7_440_000]) assert.ok(fromCoarse(toCoarse(ms)) >= ms, String(ms));
});

test('writes addresses in network order', () => {
  const bytes = new Uint8Array(new Uint32Array([toBe32('192.168.1.20')]).buffer);
  assert.equal([...bytes], [192, 168, 1, 20]);
  assert.is(readAddress(bytes, 0), '192.168.1.20');
  assert.is(toBe32(null), 0);
  assert.equal([...toMac('02:00:00:00:00:ff')], [2, 0, 0, 0, 0, 255]);
  assert.is(readBe16(new Uint8Array([0x1f, 0x90]), 0), 8080);
});

test('colours terminals only, and not against NO_COLOR', () => {
  assert.is(wantsColour({ isTTY: true }, {}), true);
  assert.is(wantsColour({ isTTY: false }, { FORCE_COLOR: '1' }), false);
  assert.is(wantsColour({ isTTY: true }, { NO_COLOR: '1' }), false);
  assert.is(wantsColour({ isTTY: true }, { TERM: 'dumb' }), false);
});

test('names drops as the documentation does, the most frequent first', () => {
  assert.is(nameReason('DROP_NO_ROUTE'), 'no-route');
  const text = renderDrops(
    [
      { reason: 'stray', packets: 2, bytes: 80 },
      { reason: 'denied', packets: 30, bytes: 2048 },
      { reason: 'forged', packets: 0, bytes: 0 },
    ],
    io,
  );
  assert.match(text, /reason +packets +bytes\ndenied +30 +2\.0K .*\nstray +2 +80 /);
  assert.not.match(text, 'forged');
  assert.is(renderDrops([], io), 'Nothing was dropped.\n');
  assert.is(renderAnswers({ sent: 0, withheld: 0 }), '');
  assert.is(renderAnswers({ sent: 3, withheld: 0 }), '3 answered by a RST or an ICMP error.\n');
  assert.match(renderAnswers({ sent: 3, withheld: 9 }), '3 answered by a RST or an ICMP error, 9 held back');
});

test('finds nothing amiss in a gateway that is whole', async () => {
  const { REQUIRED_PINS } = await import('../../runtime/machine/pins.ts');
  const live = { ...applied(THREE), pins: REQUIRED_PINS };
  const status = makeStatus(live.state!, live, { ipv4: 10, ipv6: 0 });
  assert.equal(status.warnings, []);
  assert.match(renderStatus(status, io), 'flows       10 of 65,536 (0.0 %)');
  assert.match(renderStatus(status, io), 'TC out tcx, TC in tcx, XDP native');
});

test('says what is amiss', async () => {
  const { REQUIRED_PINS } = await import('../../runtime/machine/pins.ts');
  const live = { ...applied(WANTED), pins: REQUIRED_PINS };
  const warnings = (change: Partial<typeof live>) =>
    makeStatus(live.state!, { ...live, ...change }, { ipv4: 0, ipv6: 0 }).warnings.join('\n');
  for (const pin of ['sweeper4', 'slots4']) {
    assert.match(warnings({ pins: REQUIRED_PINS.filter((name) => name !== pin) }), pin);
  }
  assert.match(warnings({ guard: null }), 'guard');
  assert.match(warnings({ active: { slot: 0, filled: false } }), 'No policy is active');
  assert.match(warnings({ ipForward: false }), 'ip_forward');
  assert.match(warnings({ devices: [LAN] }), 'Waiting for ppp0 (wan)');
  assert.match(warnings({ devices: [LAN, { ...WAN, ifindex: 99 }] }), 'was made again');
  assert.match(warnings({ attachments: [] }), 'has lost its programs');
  const deaf = { ...LAN, xdp: { native: true, transmit: false } };
  assert.match(warnings({ devices: [deaf, WAN] }), 'eth0 no longer takes the frames');
  assert.match(warnings({ devices: [LAN, { ...WAN, addresses: [] }] }), 'ppp0 has no address');
  assert.match(makeStatus(live.state!, live, { ipv4: 65_000, ipv6: 0 }).warnings.join(), 'nearly full');
});

test.run();
