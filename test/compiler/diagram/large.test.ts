/** Many rules: what they cost, and that they still mean what they say. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildPolicyDiagram } from '../../../compiler/diagram/build.ts';
import { measure } from '../../../compiler/diagram/count.ts';
import { walkForward } from '../../../compiler/diagram/walk.ts';
import type { Model } from '../../../compiler/model.ts';
import { DMZ, LAN, ModelMaker, sides, tcp, udp, WAN } from './models.ts';
import { fieldsOf, naiveForward, type TestPacket } from './naive.ts';

const test = suite('policies of many rules');

/** The same numbers in every run. */
function makeRandom(): (below: number) => number {
  let state = 1;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Rules = Parameters<ModelMaker['policy']>[3];

function makeModel(rules: Rules): Model {
  return new ModelMaker(['wan', 'lan', 'dmz'])
    .network('home', LAN, '192.168.1.0/24')
    .network('servers', DMZ, '10.9.0.0/16')
    .policy('in', [WAN], [DMZ], rules, 'deny')
    .policy('out', [LAN, DMZ], [WAN], [], 'allow')
    .masquerade('hide', sides('192.168.1.0/24', '10.9.0.0/16'), [WAN])
    .make();
}

/** Rules that each look at another field, in a random order: the hardest for an exact diagram. */
function mixedRules(count: number): Rules {
  const random = makeRandom();
  const host = () => `10.9.${random(4)}.${random(250)}`;
  return Array.from({ length: count }, (): Rules[number] => {
    switch (random(4)) {
      case 0:
        return ['deny', { from: sides(`198.51.${random(4)}.${random(250)}`) }];
      case 1:
        return ['allow', { to: sides(host()), services: tcp(80, 443) }];
      case 2:
        return [
          'reject',
          {
            services: random(2) ? tcp(random(2000) + 1) : udp([random(1000), 1000 + random(1000)]),
            from: sides('198.51.1.0/24'),
          },
        ];
      default:
        return ['allow', { to: sides(host()), from: sides(`198.51.${random(4)}.0/24`), services: udp(53) }];
    }
  });
}

function milliseconds(model: Model): { spent: number; edges: number } {
  const before = process.cpuUsage();
  const { policy, nat } = buildPolicyDiagram(model);
  const { user, system } = process.cpuUsage(before);
  return { spent: (user + system) / 1000, edges: measure(policy).edges + measure(nat).edges };
}

test('mean what they say when they are built in parts', () => {
  const model = makeModel(mixedRules(3000));
  const diagram = buildPolicyDiagram(model);
  assert.ok(measure(diagram.policy).depth > 10, 'the list was cut');
  const random = makeRandom();
  const address = (a: number, b: number) => BigInt(((a * 256 + b) * 256 + random(5)) * 256 + random(252));
  const verdicts = new Set<string>();
  for (let i = 0; i < 4000; i++) {
    const packet: TestPacket = {
      family: 4,
      in: WAN,
      out: random(10) ? DMZ : LAN,
      own: 0,
      protocol: random(3) ? 6 : 17,
      dport: [80, 443, 53, 22, random(2100)][random(5)]!,
      saddr: address(198, 51),
      daddr: address(10, 9),
    };
    const { verdict, rule, log, nat } = walkForward(diagram, fieldsOf(packet));
    assert.is(`${verdict} ${rule} ${log} ${nat}`, naiveForward(model, packet));
    verdicts.add(verdict);
  }
  assert.is(verdicts.size, 3, 'all verdicts were met');
});

test('of one service and host each, 10,000 of them, take seconds at most', () => {
  const rules = Array.from({ length: 10_000 }, (_, i): Rules[number] => [
    'allow',
    { services: udp(10_000 + i), to: sides(`10.9.${Math.floor(i / 250)}.${i % 250}`) },
  ]);
  const { spent, edges } = milliseconds(makeModel(rules));
  assert.ok(spent < 5000, `${spent} ms`);
  assert.ok(edges < 6 * rules.length, `${edges} edges`);
});

test('of every kind mixed, 10,000 of them, grow with their number only', () => {
  const small = milliseconds(makeModel(mixedRules(2_500)));
  const large = milliseconds(makeModel(mixedRules(10_000)));
  assert.ok(large.spent < 15_000, `${large.spent} ms`);
  assert.ok(large.edges < 8 * small.edges, `${small.edges} and ${large.edges} edges`);
});

test('a large set costs its ranges once for each line, not for each redirect', () => {
  const set = Array.from({ length: 5000 }, (_, i) => `203.${Math.floor(i / 250)}.${i % 250}.0/25`);
  const maker = new ModelMaker(['wan', 'lan'])
    .network('home', LAN, '192.168.1.0/24')
    .gateway('deny', { from: sides(...set) });
  const target = { kind: 'address', family: 4, address: 0xc0a80101n } as const;
  for (let i = 0; i < 20; i++)
    maker.redirect(`r${i}`, [WAN], [{ service: tcp(80 + i)[0]!, target, targetPorts: null }], sides('198.51.100.0/24'));
  const { ingress } = buildPolicyDiagram(maker.make());
  assert.ok(measure(ingress).edges < 3 * 10_001, `${measure(ingress).edges} edges`);
});

test.run();
