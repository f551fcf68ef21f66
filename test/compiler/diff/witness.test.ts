import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compile } from '../../../compiler/compile.ts';
import { isInBox } from '../../../compiler/diff/boxes.ts';
import { compare } from '../../../compiler/diff/diff.ts';
import type { Side } from '../../../compiler/diff/journey.ts';
import { readSource } from '../../../runtime/sources/read-source.ts';
import { fieldsOf, sideOf } from './gateways.ts';

const test = suite('a difference that few packets show');
const gateway = (line: string, more = '') => `gateway g {
  default deny
}
interface wan = eth0
interface lan = eth1
${more}
policy out from lan to wan {
  ${line}
  default deny
}
`;
const changes = (before: string, after: string, files: readonly Record<string, string>[] = [{}, {}]) =>
  compare(sideOf(before, files[0]), sideOf(after, files[1])).differences.map(({ change }) => change);

test('is found where a protocol is the only one', () => {
  assert.equal(changes(gateway(''), gateway('allow icmp timestamp-request')), ['opens']);
  assert.equal(changes(gateway('allow esp'), gateway('allow gre, esp')), ['opens']);
});

test('is found in a set of a file', () => {
  const text = gateway('allow tcp 80 to file "a.txt"');
  assert.equal(changes(text, text, [{ 'a.txt': '192.0.2.1\n' }, { 'a.txt': '192.0.2.1\n192.0.2.9\n' }]), ['opens']);
  assert.equal(changes(text, text, [{ 'a.txt': '192.0.2.0\n192.0.2.1\n' }, { 'a.txt': '192.0.2.0/31\n' }]), []);
});

test('is found at an interface that only one file declares', () => {
  const more = 'interface dmz = eth2\npolicy in from dmz to wan {\n  allow tcp 22\n  default deny\n}';
  assert.ok(changes(gateway(''), gateway('', more)).includes('opens'));
});

test('is found at port 0, and where no packet of a likely kind is', () => {
  const first = 'deny tcp 1-65535';
  const { differences: odd } = compare(sideOf(gateway(first)), sideOf(gateway(`${first}\n  allow from 10.0.0.1`)));
  assert.ok(odd.some(({ witness }) => witness?.protocol === 6 && witness.dport === 0));
  assert.ok(odd.some(({ witness }) => witness && witness.protocol !== 6));
  const most = '10.0.0.0/31, 10.0.0.3, 2001:db8::/127';
  const { differences } = compare(sideOf(gateway('')), sideOf(gateway(`allow tcp 7 from ${most} to ${most}`)));
  assert.is(differences.length, 2);
  for (const { box, witness } of differences) assert.ok(witness && isInBox(box, fieldsOf(witness)));
});

test('is not sought without end: what is too much is said, the settings are compared all the same', () => {
  const [before, after] = [gateway(''), gateway('allow tcp 80').replace('default deny', 'default deny\n  flows 4096')];
  const { differences, bound, settings } = compare(sideOf(before), sideOf(after), undefined, 50);
  assert.equal([differences.length, settings.length], [0, 1]);
  assert.match(bound ?? '', /too many/);
  assert.is(compare(sideOf(before), sideOf(after)).bound, null);
});

test('is none for ICMP that starts nothing, and from an address to itself', () => {
  assert.equal(changes(gateway(''), gateway('allow icmp echo-reply')), []);
  assert.equal(changes(gateway(''), gateway('allow tcp 80 from 10.0.0.1 to 10.0.0.1')), []);
});

test('leaves by the interface of its destination, and there is none by another', () => {
  const networks = 'network here = 10.0.0.0/24 on lan\nnetwork there = 10.9.0.0/24 on wan';
  assert.equal(changes(gateway('', networks), gateway('allow tcp 22 to 10.0.0.7', networks)), []);
  const [found] = compare(
    sideOf(gateway('', networks)),
    sideOf(gateway('allow tcp 22 to 10.9.0.0/24, 10.0.0.0/24', networks)),
  ).differences;
  assert.is(found?.witness?.daddr, 0x0a090001n);
  const moved = networks
    .replace('on lan', 'on wan')
    .replace('there = 10.9.0.0/24 on wan', 'there = 10.9.0.0/24 on lan');
  assert.equal(changes(gateway('', networks), gateway('allow tcp 22 to 10.0.0.7', moved)).includes('opens'), true);
});

const inside = 'network lab = 10.1.0.0/24 on lan';
const blocks = (first: string, second: string, line = 'allow from lab') => [
  gateway(line, `${inside}\n${first}`),
  gateway(line, `${inside}\n${second}`),
];
const masquerade = (more: string) => `masquerade hide {\n  from lab\n  interface wan\n  ${more}\n}`;
const map = (from: string, to: string) => `map m {\n  interface wan\n  inside ${from}\n  outside ${to}\n}`;

test('is none where a pool of ports changes for what has none', () => {
  const [a, b] = blocks(masquerade('ports 61000-62000'), masquerade('ports 61000-63000'), 'allow gre, esp');
  assert.equal(changes(a!, b!), []);
  const [c, d] = blocks(masquerade('ports 61000-62000'), masquerade('ports 61000-63000'), 'allow sctp 80');
  assert.equal(changes(c!, d!), ['translates']);
});

test('is none between a redirect and a map that send a packet to one address', () => {
  const into = 'policy into from wan to lan {\n  default allow\n}';
  const redirect =
    'redirect r {\n  interface wan\n  address 203.0.113.5\n  listen tcp 80 to 10.1.0.5\n  allow from any\n}';
  const packet = {
    family: 4,
    in: 1,
    own: 0,
    out: 2,
    protocol: 6,
    dport: 80,
    saddr: 0xc6336407n,
    daddr: 0xcb007105n,
  } as const;
  const boxed = (first: string, second: string) => {
    const [a, b] = blocks(`${first}\n${into}`, `${second}\n${into}`);
    const { differences } = compare(sideOf(a!), sideOf(b!));
    assert.ok(differences.length > 0);
    return differences.filter(({ box }) => isInBox(box, fieldsOf(packet))).map(({ change }) => change);
  };
  assert.equal(boxed(redirect, map('10.1.0.5/32', '203.0.113.5/32')), []);
  assert.equal(boxed(redirect, map('10.1.0.0/24', '203.0.113.0/24')), []);
  assert.equal(boxed(redirect, map('10.1.0.6/32', '203.0.113.5/32')), ['translates']);
});

test('is found behind a map of IPv6, whose subnets move', () => {
  const both = map('fd00::/48', '2001:db8:7::/48');
  const policy = (line: string) => `${both}\npolicy into from wan to lan {\n  ${line}\n  default deny\n}`;
  const [a, b] = blocks(policy(''), policy('allow tcp 22 to fd00:0:0:5::/64'));
  const { differences, bound } = compare(sideOf(a!), sideOf(b!));
  assert.is(bound, null);
  const shown = differences.map(({ decisions }) => decisions.after?.becomes?.machine);
  assert.ok(shown.some((machine) => machine?.kind === 'address' && machine.address >> 64n === 0xfd00000000000005n));
  assert.ok(differences.some(({ box }) => box.daddr6?.[0]?.first !== 0xfd00000000000005n << 64n));
});

const examples = fileURLToPath(new URL('../../../examples/', import.meta.url));
const side = (name: string) => compile(`${examples}${name}.masq`, readSource) as Side;

test('is unsure where only the machine could tell which packets differ', () => {
  const { differences, bound } = compare(side('delegated'), side('home'));
  const unsure = differences.filter(({ witness }) => witness === null);
  assert.is(bound, null);
  assert.ok(unsure.length > 0 && unsure.length < differences.length / 2);
  for (const { box } of unsure) assert.ok(Object.keys(box).some((field) => field.includes(':')));
});

test('is shown by the simulator for every pair of examples, but where tables follow the machine', () => {
  const names = ['deathstar', 'nptv6', 'discreet', 'two-sites', 'carrier', 'games'];
  for (const one of names)
    for (const other of names) {
      const { differences, bound } = compare(side(one), side(other));
      assert.is(bound, null);
      assert.is(differences.length > 0, one !== other);
      for (const { witness } of differences) assert.ok(witness, `${one} ${other}`);
    }
});

test.run();
