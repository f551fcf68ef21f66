import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import type { ExpectedPacket } from '../../../compiler/model.ts';
import { runExpectations, type StepResult } from '../../../compiler/simulate/expect.ts';
import { DMZ, LAN, makeDeathstar, NO_SPAN, WAN } from '../diagram/models.ts';
import { machine } from './packets.ts';

const test = suite('expectations');

function step(parts: Partial<ExpectedPacket>): ExpectedPacket {
  return {
    protocol: 'tcp',
    icmpType: null,
    family: 4,
    from: machine('192.168.1.20'),
    fromPort: null,
    on: LAN,
    to: machine('192.0.2.80'),
    toPort: 80,
    outcome: 'masqueraded',
    by: null,
    as: null,
    becomes: null,
    span: NO_SPAN,
    ...parts,
  };
}
function run(parts: Partial<ExpectedPacket>): StepResult {
  const model = makeDeathstar().make([{ title: 'it holds', steps: [step(parts)], span: NO_SPAN }]);
  return runExpectations(model, buildPolicyDiagram(model))[0]!.steps[0]!;
}
const outside = { from: machine('192.0.2.9'), on: WAN };
const OWN_WAN = machine(WAN);

test('pass when the packet fares so', () => {
  assert.ok(run({}).passed);
  assert.ok(run({ by: 'home-out' }).passed);
  assert.ok(run({ ...outside, to: machine('192.168.1.20'), toPort: 22, outcome: 'denied', by: 'wan-in' }).passed);
  assert.ok(run({ to: machine('192.168.2.10'), outcome: 'allowed', by: 'between' }).passed);
  assert.ok(run({ to: OWN_WAN, outcome: 'redirected', by: 'www' }).passed);
});

test('fail with what happens, by which line', () => {
  const { passed, packet, happened, why, expected, diagnostic } = run({ toPort: 25 });
  assert.not(passed);
  assert.is(packet, 'tcp from 192.168.1.20 on lan to 192.0.2.80:25');
  assert.is(expected, 'is masqueraded');
  assert.is(happened, 'is denied by lan-out');
  assert.match(why, /^test\.masq:\d+ `deny \d+`$/);
  assert.is(diagnostic?.code, 'MQ501');
  assert.is(diagnostic?.related.length, 1);
});

test('fail when another block does it', () => {
  assert.not(run({ by: 'lan-out' }).passed);
});

test('say why a packet is dropped that no line denies', () => {
  const { passed, happened, why } = run({ on: WAN, to: OWN_WAN, outcome: 'redirected' });
  assert.not(passed);
  assert.is(happened, 'is denied by home');
  assert.is(why, 'the source is forged: network home lives on lan');
});

test('without a port speak of every port', () => {
  const every = { ...outside, to: machine('192.168.2.10'), toPort: null, outcome: 'denied' } as const;
  assert.ok(run(every).passed);
  const { passed, packet } = run({ ...every, from: machine('198.51.100.9') });
  assert.not(passed);
  assert.is(packet, 'tcp from 198.51.100.9 on wan to 192.168.2.10:22');
});

test('to self speak of every address of the gateway', () => {
  assert.ok(run({ ...outside, to: { kind: 'self' }, toPort: 22, outcome: 'denied', by: 'to-gateway' }).passed);
  const { passed, packet } = run({ ...outside, to: { kind: 'self' }, toPort: 80, outcome: 'denied' });
  assert.not(passed);
  assert.is(packet, 'tcp from 192.0.2.9 on wan to wan:80');
});

test('check where a redirect leads', () => {
  const www = { ...outside, to: OWN_WAN, outcome: 'redirected' } as const;
  assert.ok(run({ ...www, becomes: { machine: machine('192.168.2.10'), port: 8080 } }).passed);
  assert.ok(run({ ...www, becomes: { machine: machine('192.168.2.10'), port: null } }).passed);
  assert.not(run({ ...www, becomes: { machine: machine('192.168.2.10'), port: 80 } }).passed);
  assert.not(run({ ...www, becomes: { machine: machine('192.168.2.11'), port: 8080 } }).passed);
});

test('check as whom a client appears', () => {
  assert.ok(run({ as: { machine: OWN_WAN, port: null } }).passed);
  assert.not(run({ as: { machine: machine(DMZ), port: null } }).passed);
  assert.ok(run({ fromPort: 61010, as: { machine: OWN_WAN, port: 61010 } }).passed);
  const { passed, diagnostic } = run({ fromPort: 1304, as: { machine: OWN_WAN, port: 1304 } });
  assert.not(passed);
  assert.match(diagnostic!.message, 'it appears as wan:61000-65095');
});

test('of icmp without a type mean the echo request', () => {
  assert.ok(
    run({ ...outside, protocol: 'icmp', toPort: null, to: OWN_WAN, outcome: 'allowed', by: 'to-gateway' }).passed,
  );
  assert.not(run({ ...outside, protocol: 'icmp', icmpType: 13, toPort: null, to: OWN_WAN, outcome: 'allowed' }).passed);
});

test.run();
