import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import type { PolicyDiagram } from '../../../compiler/diagram/diagram.ts';
import { tableValues, walk, walkForward } from '../../../compiler/diagram/walk.ts';
import type { AddressSet, Model, Service, Side, Sides } from '../../../compiler/model.ts';
import { ANYONE, addresses, ECHO, LOG, ModelMaker, makeDeathstar, NOBODY, v4, v6 } from './models.ts';
import { fieldsOf, naiveForward, naiveIngress, naiveRedirected, type TestPacket } from './naive.ts';

const test = suite('the diagram agrees with the rules read in order');

/** A small world, so that generated rules and packets meet: few addresses, few ports, their edges among them. */
const PREFIXES4 = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.1.0/24',
  '10.1.1.7',
  '192.168.1.0/24',
  '198.51.100.0/24',
  '0.0.0.0/0',
];
const ADDRESSES4 = [
  '0.0.0.0',
  '9.255.255.255',
  '10.0.0.0',
  '10.1.0.1',
  '10.1.1.6',
  '10.1.1.7',
  '10.1.1.255',
  '100.64.0.1',
  '192.168.1.20',
  '198.51.100.9',
  '203.0.113.1',
  '255.255.255.255',
];
const PREFIXES6 = ['2001:db8::/32', '2001:db8:1::/48', '2001:db8:1::7', '::/0'];
const ADDRESSES6 = ['fd00::1', '::', '2001:db8::1', '2001:db8:1::7', '2001:db8:1::8', 'fe80::1'];
const PORTS = [0, 1, 22, 79, 80, 81, 443, 2047, 2048, 2303, 2304, 3328, 65535];
const PLACES = [0, 1, 2, 3, 255];

const placeList = fc.uniqueArray(fc.constantFrom(0, 1, 2, 3), { maxLength: 2 });
const declaredList = fc.uniqueArray(fc.constantFrom(1, 2, 3), { minLength: 1, maxLength: 2 });
const addressSet: fc.Arbitrary<AddressSet> = fc.record({
  v4: fc.oneof(
    fc.constant([]),
    fc.constantFrom(...PREFIXES4).map((text) => [v4(text)]),
    fc.constant([v4('10.1.1.0/24'), v4('198.51.100.0/25')]),
  ),
  v6: fc.oneof(
    fc.constant([]),
    fc.constantFrom(...PREFIXES6).map((text) => [v6(text)]),
  ),
});
/** Tables that overlap, one within another, one of a single family, one empty. */
const tableList = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.subarray([0, 1, 2, 3], { maxLength: 2 }));
const TABLES = [
  addresses('10.1.0.0/16', '198.51.100.0/24', '2001:db8::/32'),
  addresses('10.1.1.0/24', '2001:db8:1::/48'),
  addresses('10.1.1.7', '192.168.1.0/24'),
  addresses(),
];
const sideOf: fc.Arbitrary<Side> = fc.oneof(
  fc.constant({ ...NOBODY, any: true }),
  fc.record({
    any: fc.constant(false),
    interfaces: placeList,
    addresses: addressSet,
    tables: tableList,
    own: fc.constant([]),
  }),
  fc.record({
    any: fc.constant(false),
    interfaces: fc.constant([]),
    addresses: addressSet,
    tables: tableList,
    own: placeList.map((ids) => ids.filter((id) => id > 0)),
  }),
);
const sidesOf: fc.Arbitrary<Sides> = fc.oneof(
  { weight: 2, arbitrary: fc.constant(ANYONE) },
  { weight: 4, arbitrary: sideOf.map((include) => ({ include, except: null })) },
  { weight: 2, arbitrary: fc.record({ include: sideOf, except: sideOf }) },
);
const familyList = fc.constantFrom([4] as const, [6] as const, [4, 6] as const);
const portRange = fc
  .tuple(fc.constantFrom(...PORTS), fc.constantFrom(...PORTS))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));
const service: fc.Arbitrary<Service> = fc.oneof(
  fc.record({
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    ports: fc.option(portRange),
    icmp: fc.constant(null),
  }),
  fc.constantFrom<Service>(
    ECHO,
    { protocol: 'icmp', ports: null, icmp: null },
    { protocol: 'icmp', ports: null, icmp: { v4: 13, v6: null } },
    { protocol: 'gre', ports: null, icmp: null },
  ),
);
const services = fc.array(service, { maxLength: 3 });
const log = fc.constantFrom(null, LOG);
const parts = fc.record({ services, from: sidesOf, to: sidesOf, log });
const decision = fc.constantFrom('allow' as const, 'deny' as const, 'reject' as const);

/** A gateway's own line can't say by which interface a packet leaves. */
const unrouted = parts.map((rule) => ({
  ...rule,
  to: { include: onlySelf(rule.to.include), except: rule.to.except && onlySelf(rule.to.except) },
}));
function onlySelf(side: Side): Side {
  return { ...side, interfaces: side.interfaces.filter((id) => id === 0) };
}

/** Policies may overlap here (the checker forbids it): the first one in the file is then the one. */
const models: fc.Arbitrary<Model> = fc
  .record({
    default: fc.constantFrom('deny' as const, 'reject' as const),
    gateway: fc.array(fc.tuple(fc.constantFrom('deny' as const, 'reject' as const), unrouted), { maxLength: 3 }),
    follows: fc.boolean(),
    networks: fc.array(
      fc.tuple(fc.constantFrom(...PREFIXES4.slice(0, 6), ...PREFIXES6.slice(0, 3)), fc.constantFrom(1, 2, 3)),
      { maxLength: 4 },
    ),
    policies: fc.array(
      fc.record({
        from: declaredList,
        to: fc.uniqueArray(fc.constantFrom(0, 1, 2, 3), { minLength: 1 }),
        rules: fc.array(fc.tuple(decision, parts), { maxLength: 5 }),
        last: decision,
      }),
      { maxLength: 4 },
    ),
    masquerades: fc.array(fc.record({ from: sidesOf, interfaces: declaredList, families: familyList }), {
      maxLength: 2,
    }),
    maps: fc.array(
      fc.record({
        interfaces: declaredList,
        sides: fc.constantFrom(
          ['10.1.1.0/24', '198.51.100.0/24'] as const,
          ['192.168.1.20', '10.1.1.7'] as const,
          ['2001:db8:1::/48', '2001:db8::/48'] as const,
        ),
      }),
      { maxLength: 2 },
    ),
    redirects: fc.array(
      fc.record({
        interfaces: declaredList,
        listens: fc.array(
          fc.record({
            service,
            target: fc.constantFrom(
              { kind: 'address' as const, family: 4 as const, address: 0x0a010107n },
              { kind: 'self' as const },
            ),
            targetPorts: fc.constant(null),
          }),
          { minLength: 1, maxLength: 2 },
        ),
        allowFrom: sidesOf,
        owned: fc.option(addressSet),
      }),
      { maxLength: 2 },
    ),
  })
  .map((parts) => {
    const maker = new ModelMaker(['a', 'b', 'c'], parts.default);
    for (const [word, rule] of parts.gateway) maker.gateway(word, rule);
    for (const [i, [prefix, on]] of parts.networks.entries()) maker.network(`n${i}`, on, prefix);
    for (const [i, { from, to, rules, last }] of parts.policies.entries()) maker.policy(`p${i}`, from, to, rules, last);
    for (const [i, { from, interfaces, families }] of parts.masquerades.entries())
      maker.masquerade(`m${i}`, from, interfaces, null, { families });
    for (const [i, { interfaces, sides }] of parts.maps.entries()) maker.map(`x${i}`, interfaces, sides[0], sides[1]);
    for (const [i, r] of parts.redirects.entries())
      maker.redirect(`r${i}`, r.interfaces, r.listens, r.allowFrom, r.owned);
    for (const set of TABLES) maker.table(set);
    return (parts.follows ? maker.follow() : maker).make();
  });

const packets: fc.Arbitrary<TestPacket> = fc.constantFrom(4 as const, 6 as const).chain((family) => {
  const some =
    family === 4 ? ADDRESSES4.map((text) => BigInt(v4(text).first)) : ADDRESSES6.map((text) => v6(text).first);
  return fc.record({
    family: fc.constant(family),
    in: fc.constantFrom(...PLACES),
    out: fc.constantFrom(...PLACES),
    own: fc.constantFrom(0, 0, 1, 2, 255),
    protocol: fc.constantFrom(6, 6, 17, 1, 58, 47, 200),
    dport: fc.constantFrom(...PORTS),
    daddr: fc.constantFrom(...some),
    saddr: fc.constantFrom(...some),
  });
});

function compare(model: Model, diagram: PolicyDiagram, packet: TestPacket): void {
  const fields = { ...fieldsOf(packet), ...tableValues(model, packet.family, packet.saddr, packet.daddr) };
  const said = JSON.stringify({ ...packet, daddr: `${packet.daddr}`, saddr: `${packet.saddr}` });
  assert.is(Object.values(walk(diagram.ingress, fields)).join(' '), naiveIngress(model, packet), `ingress ${said}`);
  const { verdict, rule, log, nat, untranslated } = walkForward(diagram, fields);
  assert.is([verdict, rule, log, nat, ...say(untranslated)].join(' '), naiveForward(model, packet), `forward ${said}`);
  const after = walk(diagram.redirected, fields);
  assert.is([after.nat, ...say(after.untranslated)].join(' '), naiveRedirected(model, packet), `redirected ${said}`);
}

const say = (untranslated: boolean): string[] => (untranslated ? ['untranslated'] : []);

test('for generated models and packets', () => {
  fc.assert(
    fc.property(models, fc.array(packets, { minLength: 60, maxLength: 60 }), (model, some) => {
      const diagram = buildPolicyDiagram(model);
      for (const packet of some) compare(model, diagram, packet);
    }),
    { numRuns: 700 },
  );
});

test('for the gateway of the article', () => {
  const model = makeDeathstar().make();
  const diagram = buildPolicyDiagram(model);
  fc.assert(
    fc.property(packets, (packet) => compare(model, diagram, packet)),
    { numRuns: 3000 },
  );
});

test.run();
