/** What follows the prefixes of interfaces: from the prefixes to tables and values, and the file's words for it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { formatPrefixes } from '../../compiler/artifact/prefixes.ts';
import { compile } from '../../compiler/compile.ts';
import { type Follows, fillTable, fillValue, STAND_INS } from '../../compiler/dynamic.ts';
import { mapAddress } from '../../compiler/prefix-translation.ts';
import { runExpectations } from '../../compiler/simulate/expect.ts';
import { readAddress } from '../../grammar/address.ts';

const test = suite('prefixes that change');
const NOW = new Map([
  [1, ['203.0.113.0/24', '2001:db8:2::/64']],
  [2, ['192.168.1.0/24', '2001:db8:1::/56', 'fd00:1::/64']],
]);
const hold = (follows: Follows, now = NOW) => formatPrefixes(fillTable(follows, now));

test('a network is what its interface has, a host its suffix where there is room for it', () => {
  const part = { interface: 2, family: null, suffix: null };
  assert.equal(hold({ kind: 'prefixes', parts: [part] }), [...(NOW.get(2) ?? [])]);
  assert.equal(hold({ kind: 'prefixes', parts: [part] }, new Map()), []);
  const host = (suffix: string, family: 4 | 6 = 6) =>
    hold({ kind: 'prefixes', parts: [{ interface: 2, family, suffix }] });
  assert.equal(host('::10'), ['2001:db8:1::10/128', 'fd00:1::10/128']);
  assert.equal(host('0.0.0.10', 4), ['192.168.1.10/32']);
  assert.equal(host('0.0.1.10', 4), [], 'there is no room');
});

test('what lives elsewhere goes by the longest prefix of all networks', () => {
  const networks = [
    { interface: 2, dynamic: true, prefixes: [] },
    { interface: 3, dynamic: false, prefixes: ['2001:db8:1:7::/64'] },
  ];
  const elsewhere = (id: number | null) => hold({ kind: 'elsewhere', interface: id, networks });
  assert.equal(elsewhere(2), ['2001:db8:1:7::/64']);
  assert.ok(elsewhere(3).includes('192.168.1.0/24') && !elsewhere(3).includes('2001:db8:1::/56'));
  assert.not(elsewhere(3).includes('2001:db8:1:7::/64'));
  assert.equal(elsewhere(null), ['192.168.1.0/24', '2001:db8:1::/56', 'fd00:1::/64']);
});

test('the prefix outside is as long as the one inside, and none that is longer or the same one', () => {
  const outside = (inside: string, id = 2) => ({ kind: 'outside', interface: id, family: 6, inside }) as const;
  assert.equal(hold(outside('fd00:9::/64')), ['2001:db8:1::/64']);
  assert.equal(hold(outside('fd00:9::/56')), ['2001:db8:1::/56']);
  assert.equal(hold(outside('fd00:9::/48')), []);
  assert.is(fillValue(outside('fd00:9::/48'), NOW), null);
  assert.equal(hold(outside('2001:db8:1::/64')), ['fd00:1::/64']);
  const value = fillValue(outside('fd00:9::/64', 1), NOW);
  const [from, to] = ['fd00:9::', '2001:db8:2::'].map((one) => ({ first: readAddress(one, 6) ?? 0n, length: 64 }));
  const inner = readAddress('fd00:9::1234:5678:9abc:def0', 6) ?? 0n;
  const moved = mapAddress(inner, 6, from!, to!) ?? 0n;
  const word = (address: bigint) => Number((address >> 48n) & 0xffffn);
  const sum = word(inner) + (value?.out ?? 0);
  assert.is((sum & 0xffff) + (sum >> 16), word(moved), 'RFC 6296 section 3.1');
  assert.is(mapAddress(moved, 6, to!, from!), inner);
});

test('nobody has the stand-ins', () => {
  assert.equal(STAND_INS.get(12), ['240.12.0.0/16', '3fff:c::/32']);
});

test('there is an end to them, and it is said', () => {
  const networks = Array.from(
    { length: 50 },
    (_, i) => `interface v${i} = eth1.${i}\nnetwork n${i} = dynamic on v${i}`,
  );
  const rules = Array.from({ length: 50 }, (_, i) => `  allow to n${i}`);
  const text = `gateway g { default deny }\n${networks.join('\n')}\npolicy p from any to any {\n${rules.join('\n')}\n  default deny\n}\n`;
  const { diagnostics } = compile('g.masq', () => ({ text }));
  const errors = diagnostics.filter(({ severity }) => severity === 'error').map(({ message }) => message);
  assert.is(errors.length, 1, errors.join('\n'));
  assert.match(errors[0] ?? '', 'networks, hosts and sets that change, with the interfaces that have networks');
});

const FILE = `
gateway g { default deny }
interface wan = eth0
interface lan = eth1
network home = fd00:5::/48, dynamic on lan
host yoda = ::10 in home
set friends = yoda, 2001:db8:7::/48
policy out from lan to wan { default allow }
policy in from wan to lan {
  allow tcp 80 to friends
  allow tcp 22 from friends to yoda
  default deny
}
map provider {
  interface wan
  inside fd00:5::/48
  outside dynamic
}
redirect mail {
  interface wan
  address 2001:db8:aa::1
  listen tcp 25 to yoda
  allow from any
}
`;
const holds = (...steps: string[]): void => {
  const text = `${FILE}expect "x" {\n${steps.join('\n')}\n}\n`;
  const { model, diagram, diagnostics } = compile('g.masq', () => ({ text }));
  if (model === null || diagram === null) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  const failed = runExpectations(model, diagram).flatMap((one) => one.steps.filter(({ passed }) => !passed));
  assert.equal(
    failed.map(({ packet, happened, why }) => `${packet} ${happened}: ${why}`),
    [],
  );
};

test('the simulator goes by names, in stand-ins', () => {
  holds(
    'tcp from [2001:db8::9] on wan to yoda:80 is allowed by in',
    'tcp from [2001:db8::9] on wan to [3fff:2::11]:80 is denied by in',
    'tcp from [2001:db8:7::9] on wan to yoda:22 is allowed by in',
    'tcp from yoda on wan to [fd00:5::1]:22 is denied',
    'tcp from yoda on lan to [2001:db8::9]:22 is allowed by out',
    'tcp from [2001:db8::9] on wan to [2001:db8:aa::1]:25 is redirected by mail to yoda:25',
  );
});

test('a map to what the interface has moves sources and destinations, and leaves the gateway its own address', () => {
  holds(
    'tcp from [fd00:5::9] on lan to [2001:db8::9]:80 is mapped by provider',
    'tcp from [2001:db8::9] on wan to [3fff:1::9]:80 is denied',
    'tcp from [2001:db8::9] on wan to wan:80 is denied',
  );
});

test.run();
