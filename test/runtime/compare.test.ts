import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Manifest, ManifestRule } from '../../compiler/artifact/manifest.ts';
import { compareManifests } from '../../runtime/plan/compare.ts';

const test = suite('compare');

function rule(id: number, owner: string, text: string): ManifestRule {
  return {
    id,
    kind: 'policy-rule',
    owner,
    file: 'gateway.masq',
    line: id + 10,
    column: 3,
    text,
    tally: id,
    meter: 0,
    ports: 0,
    limits: [],
    log: null,
  };
}
const BASE: Manifest = {
  schema: 'masqc/manifest@1',
  gateway: 'deathstar',
  interfaces: [
    { id: 1, name: 'wan', device: 'ppp0', hides: true, hides6: false, mss: null, xdp: true },
    { id: 2, name: 'lan', device: 'eth0', hides: false, hides6: false, mss: null, xdp: true },
  ],
  rules: [rule(1, 'lan-out', 'deny tcp 25'), rule(2, 'lan-out', 'deny tcp 26'), rule(3, 'wan-in', 'allow tcp 22')],
  masquerades: [],
  redirects: [],
  maps: [],
  sets: [],
  values: [],
  dynamic: [],
  account: [],
  flows: 65536,
  established: 'recheck',
  ipv6: false,
  timeouts: { tcp: 1000, 'tcp-syn': 1000, 'tcp-fin': 1000, udp: 1000, icmp: 1000, other: 1000 },
  sources: [],
  hashes: { policy: 'a', datapath: 'b', layout: 'c', text: 'd' },
};
const changes = (next: Partial<Manifest>) =>
  compareManifests(BASE, { ...BASE, ...next }).map(({ sign, text }) => `${sign} ${text}`);

test('finds nothing between equals', () => {
  assert.equal(changes({}), []);
});

test('names lines that came and went, with their block and place', () => {
  assert.equal(changes({ rules: [BASE.rules[0]!, rule(2, 'lan-out', 'deny tcp 27'), BASE.rules[2]!] }), [
    '- lan-out: deny tcp 26   (gateway.masq:12)',
    '+ lan-out: deny tcp 27   (gateway.masq:12)',
  ]);
});

test('names what a redirect limits and logs otherwise, once for all its lines', () => {
  const listen = (id: number, change: Partial<ManifestRule> = {}): ManifestRule => {
    return { ...rule(id, 'www', `listen tcp ${id} to yoda`), kind: 'redirect', ...change };
  };
  const limits = [
    { kind: 'rate', count: 20, perMs: 1000, burst: 50, perSource: true },
    { kind: 'flows', count: 200, perSource: false },
  ] as const;
  const log = { count: 10, perMs: 60_000, burst: 5, label: 'web' };
  const [plain, limited] = [
    [listen(1), listen(2)],
    [listen(1, { limits, log }), listen(2, { limits, log })],
  ];
  const compare = (before: ManifestRule[], next: ManifestRule[]) =>
    compareManifests({ ...BASE, rules: before }, { ...BASE, rules: next }).map(({ sign, text }) => `${sign} ${text}`);
  assert.equal(compare(plain, limited), [
    '~ www: no limit → limit 20/second burst 50 per source, limit 200 flows',
    '~ www: no log → log "web" 10/minute burst 5',
  ]);
  assert.equal(compare(limited, limited), []);
  assert.is(compare(limited, plain)[1], '~ www: log "web" 10/minute burst 5 → no log');
});

test('counts equal lines', () => {
  const twice = [...BASE.rules, rule(4, 'lan-out', 'deny tcp 25')];
  assert.equal(changes({ rules: twice }), ['+ lan-out: deny tcp 25   (gateway.masq:14)']);
});

test('tells a change of order from a change of lines', () => {
  const swapped = [rule(1, 'lan-out', 'deny tcp 26'), rule(2, 'lan-out', 'deny tcp 25'), BASE.rules[2]!];
  assert.equal(changes({ rules: swapped }), ['~ the order of the lines in lan-out']);
});

test('names interfaces, sizes and timeouts', () => {
  const interfaces = [
    { id: 1, name: 'wan', device: 'eth9', hides: true, hides6: false, mss: 'clamp' as const, xdp: true },
    { id: 2, name: 'dmz', device: 'eth1', hides: false, hides6: false, mss: null, xdp: true },
  ];
  const found = changes({ interfaces, flows: 1024, timeouts: { ...BASE.timeouts, udp: 5000 } });
  assert.equal(found, [
    '~ interface wan = ppp0 → eth9',
    '~ interface wan: any MSS → MSS clamped to the path',
    '+ interface dmz = eth1',
    '- interface lan = eth0',
    '~ flows 65536 → 1024',
    '~ timeouts udp 1s → 5s',
  ]);
});

test('names interfaces that are left to TC, and those that are no longer', () => {
  const [wan, lan] = BASE.interfaces as [(typeof BASE.interfaces)[0], (typeof BASE.interfaces)[0]];
  const off = { interfaces: [wan, { ...lan, xdp: false }] };
  assert.equal(changes(off), ['~ interface lan: XDP → TC alone']);
  assert.equal(
    compareManifests({ ...BASE, ...off }, BASE).map(({ sign, text }) => `${sign} ${text}`),
    ['~ interface lan: TC alone → XDP'],
  );
});

test('says so when only the object differs', () => {
  assert.match(changes({ hashes: { ...BASE.hashes, policy: 'x' } }).join(), 'the policy object');
});

test.run();
