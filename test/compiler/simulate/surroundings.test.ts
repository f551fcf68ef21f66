import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import { decide, surroundingsOf } from '../../../compiler/simulate/decide.ts';
import { standIns } from '../../../compiler/simulate/own-addresses.ts';
import { findUplinks, routesOf } from '../../../compiler/simulate/routing.ts';
import { DMZ, LAN, ModelMaker, makeDeathstar, sides, v4, WAN } from '../diagram/models.ts';
import { tcpPacket } from './packets.ts';

const test = suite('what the simulator takes for granted');

const address = (text: string) => BigInt(v4(text).first);

test('a destination leaves by the interface of its network, the longest prefix first', () => {
  const routes = routesOf(
    new ModelMaker(['wan', 'lan', 'dmz'])
      .network('wide', LAN, '10.0.0.0/8')
      .network('narrow', DMZ, '10.1.0.0/16')
      .make(),
  );
  assert.equal(routes(4, address('10.2.0.1')), [LAN]);
  assert.equal(routes(4, address('10.1.0.1')), [DMZ]);
});

test('a destination in no network leaves by an interface that a masquerade names', () => {
  assert.equal(routesOf(makeDeathstar().make())(4, address('192.0.2.1')), [WAN]);
});

test('without a masquerade it leaves by an interface without network, else by any', () => {
  const bare = new ModelMaker(['wan', 'vpn', 'lan']).network('home', 3, '10.0.0.0/8');
  assert.equal(findUplinks(bare.make()), [1, 2]);
  assert.equal(findUplinks(new ModelMaker(['lan']).network('home', 1, '10.0.0.0/8').make()), [1]);
});

test('an own address lies in a network of its interface, and no rule names it', () => {
  const model = new ModelMaker(['wan', 'lan'])
    .network('home', LAN, '10.0.0.0/24')
    .network('other', WAN, '10.0.1.0/24')
    .policy(
      'in',
      [LAN],
      [0],
      [
        ['deny', { to: sides('10.0.0.0/25') }],
        ['allow', { to: sides('10.0.0.0/24') }],
      ],
      'deny',
    )
    .make();
  const diagram = buildPolicyDiagram(model);
  const own = standIns(model, diagram)(LAN, 4);
  assert.ok(own >= address('10.0.0.0') && own <= address('10.0.0.255'), 'it lies in the network');
  const elsewhere = standIns(makeDeathstar().make(), buildPolicyDiagram(makeDeathstar().make()))(WAN, 4);
  for (const named of ['192.168.0.0/16', '203.0.113.128/25', '198.51.100.0/24'].map(v4)) {
    assert.not(elsewhere >= BigInt(named.first) && elsewhere <= BigInt(named.last), 'a rule names it');
  }
});

test('a rule that names addresses around the own one holds for it', () => {
  const model = new ModelMaker(['wan', 'lan'])
    .network('home', LAN, '10.0.0.0/24')
    .policy('in', [LAN], [0], [['allow', { to: sides('10.0.0.0/24') }]], 'deny')
    .make();
  assert.is(decide(model, buildPolicyDiagram(model), tcpPacket(LAN, '10.0.0.7', LAN, 22))[0]!.outcome, 'allowed');
});

test('routes and own addresses that are known take the place of those that are thought of', () => {
  const model = makeDeathstar().make();
  const diagram = buildPolicyDiagram(model);
  const around = { ...surroundingsOf(model, diagram), routes: () => [DMZ] };
  const [decision] = decide(model, diagram, tcpPacket(LAN, '192.168.1.20', '192.0.2.80', 80), around);
  assert.is(decision!.out, DMZ);
  assert.is(decision!.by, 'between');
});

test.run();
