import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import type { Model } from '../../../compiler/model.ts';
import { decide } from '../../../compiler/simulate/decide.ts';
import type { Decision } from '../../../compiler/simulate/decision.ts';
import type { NewPacket } from '../../../compiler/simulate/packet.ts';
import { ANYONE, DMZ, LAN, listen, ModelMaker, makeDeathstar, NOBODY, v4, WAN } from '../diagram/models.ts';
import { icmpPacket, machine, tcpPacket } from './packets.ts';

const test = suite('the journey of a new packet');

const deathstar = makeDeathstar().make();
const diagram = buildPolicyDiagram(deathstar);

function only(packet: NewPacket, model: Model = deathstar): Decision {
  const decisions = decide(model, model === deathstar ? diagram : buildPolicyDiagram(model), packet);
  assert.is(decisions.length, 1, 'one answer');
  return decisions[0]!;
}
function shows(packet: NewPacket, expected: Partial<Decision>, model: Model = deathstar): void {
  const decision = only(packet, model);
  for (const [name, value] of Object.entries(expected)) assert.equal(decision[name as keyof Decision], value, name);
}

test('1: a source of a network elsewhere is forged', () => {
  const packet = tcpPacket(WAN, '192.168.1.20', WAN, 80);
  const decision = only(packet);
  assert.is(decision.outcome, 'denied');
  assert.is(decision.drop?.kind, 'forged');
  assert.is(decision.by, 'home');
});

test('1: a source on its own interface is not forged', () => {
  shows(tcpPacket(LAN, '192.168.1.20', '192.0.2.80', 80), { outcome: 'masqueraded' });
});

test('1: the longest prefix says where a source lives', () => {
  const model = new ModelMaker(['wan', 'lan', 'dmz'])
    .network('wide', LAN, '10.0.0.0/8')
    .network('narrow', DMZ, '10.1.0.0/16')
    .policy('all', [LAN, DMZ], [WAN], [], 'allow')
    .make();
  shows(tcpPacket(DMZ, '10.1.0.1', '192.0.2.80', 80), { outcome: 'allowed' }, model);
  shows(tcpPacket(LAN, '10.1.0.1', '192.0.2.80', 80), { outcome: 'denied', by: 'narrow' }, model);
  shows(tcpPacket(DMZ, '10.2.0.1', '192.0.2.80', 80), { outcome: 'denied', by: 'wide' }, model);
});

test('1: an address of the gateway as a source of others is forged', () => {
  shows(tcpPacket(WAN, WAN, '192.168.2.10', 80), { outcome: 'denied', drop: { kind: 'forged-own' } });
});

test('2: an ICMP error or answer starts no connection', () => {
  for (const type of [0, 3, 11]) {
    shows(icmpPacket(LAN, '192.168.1.20', '192.0.2.80', type), { outcome: 'denied', drop: { kind: 'stray' } });
  }
  shows(icmpPacket(LAN, '192.168.1.20', '192.0.2.80', 8), { outcome: 'masqueraded' });
});

test('3: the deny lines of the gateway come before a redirect', () => {
  shows(tcpPacket(WAN, '198.51.100.66', WAN, 80), { outcome: 'denied', by: 'test' });
  shows(tcpPacket(WAN, '198.51.100.67', WAN, 80), { outcome: 'redirected', by: 'www' });
});

test('3: the deny lines of the gateway hold for what it starts itself', () => {
  shows(tcpPacket(0, WAN, '203.0.113.130', 80), { outcome: 'denied', by: 'test' });
  shows(tcpPacket(0, WAN, '203.0.113.1', 80), { outcome: 'allowed' });
});

test('4: a redirect lets in whom it allows and asks no policy', () => {
  const target = { machine: machine('192.168.1.20'), port: 6000 };
  shows(tcpPacket(WAN, '198.51.100.9', WAN, 6001), { outcome: 'redirected', by: 'xterm', becomes: target, out: LAN });
});

test('4: a redirect denies whom it does not allow', () => {
  shows(tcpPacket(WAN, '192.0.2.1', WAN, 6001), { outcome: 'denied', by: 'xterm' });
});

test('4: a redirect holds from inside too', () => {
  const target = { machine: machine('192.168.2.10'), port: 8080 };
  shows(tcpPacket(LAN, '192.168.1.20', WAN, 80), { outcome: 'redirected', by: 'www', becomes: target, as: null });
});

test('4: a client that shares an interface with the target appears with its outside address', () => {
  shows(tcpPacket(DMZ, '192.168.2.11', WAN, 80), {
    outcome: 'redirected',
    as: { address: { kind: 'own', interface: WAN }, ports: null },
  });
});

test("4: a redirect without `address` takes its own interface's address only", () => {
  shows(tcpPacket(LAN, '192.168.1.20', LAN, 80), { outcome: 'allowed', by: 'to-gateway' });
  shows(tcpPacket(WAN, '192.0.2.1', LAN, 80), { outcome: 'denied', by: 'to-gateway' });
});

test('4: `address any` intercepts what comes in by the interface, and only that', () => {
  const proxy = new ModelMaker(['wan', 'lan', 'dmz'])
    .network('home', LAN, '10.0.0.0/8')
    .network('servers', DMZ, '10.9.0.0/16')
    .policy('out', [LAN, DMZ], [WAN], [], 'allow')
    .redirect('proxy', [LAN], [listen(80, '10.9.0.1', 3128)], ANYONE, { v4: [v4('0.0.0.0/0')], v6: [] })
    .make();
  shows(tcpPacket(LAN, '10.0.0.1', '192.0.2.80', 80), { outcome: 'redirected', by: 'proxy', out: DMZ }, proxy);
  shows(tcpPacket(DMZ, '10.9.0.1', '192.0.2.80', 80), { outcome: 'allowed', by: 'out' }, proxy);
});

test('4: a redirect keeps the place in a range of ports', () => {
  const ranged = {
    ...listen(0, '192.168.2.10', null),
    service: { protocol: 'tcp', ports: { first: 7000, last: 7009 }, icmp: null },
  } as const;
  const model = new ModelMaker(['wan', 'lan'])
    .network('home', LAN, '192.168.0.0/16')
    .redirect('games', [WAN], [{ ...ranged, targetPorts: { first: 8000, last: 8009 } }])
    .make();
  shows(tcpPacket(WAN, '192.0.2.1', WAN, 7003), { becomes: { machine: machine('192.168.2.10'), port: 8003 } }, model);
});

test('7: the first line that matches decides, else the default', () => {
  shows(tcpPacket(LAN, '192.168.1.20', '192.0.2.25', 25), { outcome: 'denied', by: 'lan-out' });
  shows(tcpPacket(LAN, '192.168.1.20', '192.168.2.10', 80), { outcome: 'allowed', by: 'between', nat: 0 });
  shows(tcpPacket(LAN, '192.168.1.21', '192.168.2.10', 22), { outcome: 'denied', rejected: true, by: 'between' });
});

test('7: a pair without policy meets the default of the gateway', () => {
  shows(tcpPacket(DMZ, '192.168.2.10', '192.168.1.20', 80), { outcome: 'denied', rule: deathstar.gateway.default.id });
});

test('7: what the gateway starts is allowed', () => {
  const rule = deathstar.rules.find(({ kind }) => kind === 'self-default')!.id;
  shows(tcpPacket(0, WAN, '192.0.2.1', 25), { outcome: 'allowed', rule });
});

test('7: policies see inside addresses and both families', () => {
  shows(tcpPacket(WAN, '2001:db8:77::5', '2001:db8:2::10', 22), { outcome: 'allowed', by: 'wan-in' });
  shows(tcpPacket(WAN, '2001:db8:78::5', '2001:db8:2::10', 22), { outcome: 'denied', by: 'wan-in' });
});

test('8: a masquerade keeps the source port that is in its pool', () => {
  const own = { kind: 'own', interface: WAN } as const;
  const as = (ports: { first: number; last: number }): Partial<Decision> => ({ as: { address: own, ports } });
  shows(tcpPacket(LAN, '192.168.1.20', '192.0.2.1', 80, 61010), as({ first: 61010, last: 61010 }));
  shows(tcpPacket(LAN, '192.168.1.20', '192.0.2.1', 80, 1304), as({ first: 61000, last: 65095 }));
});

test('8: a private source that no masquerade takes does not leave', () => {
  const model = new ModelMaker(['wan', 'lan', 'dmz'])
    .network('home', LAN, '192.168.1.0/24')
    .network('lab', DMZ, '10.0.0.0/8', '198.51.100.0/24')
    .policy('out', [LAN, DMZ], [WAN], [], 'allow')
    .masquerade('hide', { include: { ...NOBODY, interfaces: [LAN] }, except: null }, [WAN])
    .make();
  shows(tcpPacket(LAN, '192.168.1.20', '192.0.2.1', 80), { outcome: 'masqueraded', by: 'hide' }, model);
  shows(
    tcpPacket(DMZ, '10.0.0.1', '192.0.2.1', 80),
    { outcome: 'denied', by: 'out', drop: { kind: 'untranslated' } },
    model,
  );
  shows(tcpPacket(DMZ, '198.51.100.7', '192.0.2.1', 80), { outcome: 'allowed', by: 'out' }, model);
});

/** A redirect whose target is reached by the masqueraded interface: a server in the provider's network. */
function makeOutward(): Model {
  return new ModelMaker(['wan', 'lan', 'dmz'])
    .network('home', LAN, '192.168.1.0/24')
    .network('lab', DMZ, '10.0.0.0/8')
    .masquerade('hide', { include: { ...NOBODY, interfaces: [LAN] }, except: null }, [WAN])
    .redirect('outward', [DMZ, LAN], [listen(80, '192.0.2.80', 8080)])
    .make();
}

test('8: a redirect does not let a private source out that no masquerade takes', () => {
  const model = makeOutward();
  const dropped = only(tcpPacket(DMZ, '10.0.0.1', DMZ, 80), model);
  assert.equal(
    [dropped.outcome, dropped.by, dropped.drop?.kind, dropped.out],
    ['denied', 'outward', 'untranslated', WAN],
  );
  assert.equal(
    dropped.trail.map(({ text }) => text),
    ['goes to 192.0.2.80:8080', 'leaves by wan', 'the private source would leave wan untranslated'],
  );
  const hidden = only(tcpPacket(LAN, '192.168.1.20', DMZ, 80), model);
  assert.is(hidden.outcome, 'redirected');
  assert.equal(hidden.as?.address, { kind: 'own', interface: WAN });
});

test('8: a client that shares the masqueraded interface with the target is hidden by the redirect itself', () => {
  const model = new ModelMaker(['wan', 'lan'])
    .masquerade('hide', { include: { ...NOBODY, interfaces: [LAN] }, except: null }, [WAN])
    .redirect('turn', [WAN], [listen(80, '192.0.2.80', 8080)])
    .make();
  const decision = only(tcpPacket(WAN, '10.0.0.1', WAN, 80), model);
  assert.equal([decision.outcome, decision.drop, decision.out], ['redirected', null, WAN]);
  assert.equal(decision.as, { address: { kind: 'own', interface: WAN }, ports: null });
});

test('the trail tells the stations in their order, with their lines', () => {
  const out = only(tcpPacket(LAN, '192.168.1.20', '192.0.2.1', 80));
  assert.equal(
    out.trail.map(({ stage, text }) => `${stage}: ${text}`),
    ['routing: leaves by wan', 'policy: allowed', 'masquerade: masqueraded'],
  );
  assert.equal(
    out.trail.map(({ rule }) => rule),
    [0, out.rule, out.nat],
  );
  const redirected = only(tcpPacket(WAN, '192.0.2.1', WAN, 80));
  assert.equal(
    redirected.trail.map(({ stage, text }) => `${stage}: ${text}`),
    ['redirect: goes to 192.168.2.10:8080', 'routing: leaves by dmz'],
  );
});

test('a route that the file does not tell gives an answer for each way', () => {
  const model = new ModelMaker(['isp', 'vpn', 'lan'])
    .network('home', 3, '192.168.1.0/24')
    .policy('isp-out', [3], [1], [], 'allow')
    .policy('vpn-out', [3], [2], [], 'deny')
    .make();
  const decisions = decide(model, buildPolicyDiagram(model), tcpPacket(3, '192.168.1.20', '192.0.2.1', 80));
  assert.equal(
    decisions.map(({ outcome, out }) => [outcome, out]),
    [
      ['allowed', 1],
      ['denied', 2],
    ],
  );
});

test.run();
