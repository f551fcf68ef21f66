import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expectErrors, expectMended, linesOf, shapesOf } from './read.ts';

const test = suite('literals');

const address = (form: string, family: number, first: string, last: string, text: string) => ({
  kind: 'address',
  form,
  family,
  first,
  last,
  text,
});
function addressOf(literal: string): unknown {
  const [set] = shapesOf(`set s = ${literal}`) as { addresses: { items: unknown[] } }[];
  assert.is(set!.addresses.items.length, 1);
  return set!.addresses.items[0];
}
const gateway = (line: string) => `gateway g {\n${line}\n}`;

test('IPv4 addresses, networks and ranges', () => {
  assert.equal(addressOf('192.0.2.1'), address('address', 4, '0xc0000201', '0xc0000201', '192.0.2.1'));
  assert.equal(addressOf('10.0.0.0/8'), address('network', 4, '0xa000000', '0xaffffff', '10.0.0.0/8'));
  assert.equal(addressOf('0.0.0.0/0'), address('network', 4, '0x0', '0xffffffff', '0.0.0.0/0'));
  assert.equal(addressOf('10.0.0.1/32'), address('network', 4, '0xa000001', '0xa000001', '10.0.0.1/32'));
  assert.equal(addressOf('10.0.0.1-10.0.0.9'), address('range', 4, '0xa000001', '0xa000009', '10.0.0.1-10.0.0.9'));
});
test('IPv6 addresses, networks and ranges', () => {
  const doc = '0x20010db8000000000000000000000001';
  assert.equal(addressOf('2001:db8::1'), address('address', 6, doc, doc, '2001:db8::1'));
  assert.equal(addressOf('::'), address('address', 6, '0x0', '0x0', '::'));
  assert.equal(
    addressOf('2001:db8::/32'),
    address('network', 6, '0x20010db8000000000000000000000000', '0x20010db8ffffffffffffffffffffffff', '2001:db8::/32'),
  );
  assert.equal(addressOf('::1-::9'), address('range', 6, '0x1', '0x9', '::1-::9'));
  assert.equal(
    addressOf('FE80::A'),
    address('address', 6, `0xfe80${'0'.repeat(27)}a`, `0xfe80${'0'.repeat(27)}a`, 'FE80::A'),
  );
});
test('a network with host bits is mended', () => {
  expectMended('set s = 192.168.1.5/24', 'MQ014 1 192.168.1.5/24', 'set s = 192.168.1.0/24');
  expectMended('set s = 2001:db8::1/64', 'MQ014 1 2001:db8::1/64', 'set s = 2001:db8::/64');
});
test('a prefix length that does not exist', () => {
  expectErrors('set s = 10.0.0.0/33', 'MQ013 1 10.0.0.0/33');
  expectErrors('set s = 10.0.0.0/', 'MQ013 1 10.0.0.0/');
  expectErrors('set s = 2001:db8::/129', 'MQ013 1 2001:db8::/129');
  expectMended('set s = 10.0.0.0/255.0.0.0', 'MQ013 1 10.0.0.0/255.0.0.0', 'set s = 10.0.0.0/8');
  expectErrors('set s = 10.0.0.0/255.0.255.0', 'MQ013 1 10.0.0.0/255.0.255.0');
});
test('a number above 255', () => {
  const [error] = expectErrors('host h = 10.0.0.300', 'MQ012 1 10.0.0.300');
  assert.match(error!.message, '300');
});
test('letters in an address', () => {
  expectMended('host h = 192.168.l.10', 'MQ011 1 192.168.l.10', 'host h = 192.168.1.10');
  expectMended('host h = 192.168.1.O', 'MQ011 1 192.168.1.O', 'host h = 192.168.1.0');
  expectErrors('host h = 192.168.x.10', 'MQ011 1 192.168.x.10');
});
test('an address of another shape', () => {
  expectErrors('host h = 10.0.0', 'MQ011 1 10.0.0');
  expectErrors('host h = 10.0.0.0.1', 'MQ011 1 10.0.0.0.1');
  expectMended('host h = 10.0.0.010', 'MQ011 1 10.0.0.010', 'host h = 10.0.0.10');
  for (const bad of ['1::2::3', '12345::', '2001:db8:::1', '::g', 'fe80::1%eth0', '1:2:3', '1:2:3:4:5:6:7:8:9']) {
    expectErrors(`host h = ${bad}`, `MQ011 1 ${bad}`);
  }
});
test('a range of addresses is two whole addresses, the lower first', () => {
  expectMended('set s = 10.0.0.9-10.0.0.1', 'MQ015 1 10.0.0.9-10.0.0.1', 'set s = 10.0.0.1-10.0.0.9');
  expectMended('set s = 10.0.0.1-9', 'MQ016 1 10.0.0.1-9', 'set s = 10.0.0.1-10.0.0.9');
  expectErrors('set s = 10.0.0.1-2001:db8::1', 'MQ016 1 10.0.0.1-2001');
});
test('ranges, networks and rates have no blanks', () => {
  expectMended('service s = tcp 80 - 90', 'MQ006 1 -', 'service s = tcp 80-90');
  expectMended('service s = tcp 80 -90', 'MQ006 1 -90', 'service s = tcp 80-90');
  expectMended('service s = tcp 80- 90', 'MQ006 1 80-', 'service s = tcp 80-90');
  expectMended('set s = 10.0.0.0 /8', 'MQ006 1 /8', 'set s = 10.0.0.0/8');
});
test('ports go from 1 to 65535', () => {
  shapesOf('service s = tcp 1, 65535, 1-65535');
  expectErrors('service s = tcp 0', 'MQ019 1 0');
  expectErrors('service s = tcp 65536', 'MQ019 1 65536');
  expectErrors('service s = tcp 0-80', 'MQ019 1 0-80');
  expectErrors('service s = tcp 80-70000', 'MQ019 1 80-70000');
  expectErrors('masquerade m {\nports 0\n}', 'MQ019 2 0');
  expectErrors(gateway('confirm by tcp a:0'), 'MQ019 2 0');
});
test('a range of ports runs upwards', () => {
  expectMended('service s = tcp 90-80', 'MQ015 1 90-80', 'service s = tcp 80-90');
});
test('a range is written with a dash', () => {
  expectMended('service s = tcp 80:90', 'MQ016 1 80:90', 'service s = tcp 80-90');
  expectMended('masquerade m {\nports 61000 65095\n}', 'MQ016 2 61000 65095', 'masquerade m {\nports 61000-65095\n}');
});
test('numbers are decimal, without a leading zero, and not too large', () => {
  expectMended(gateway('flows 0100'), 'MQ020 2 0100', gateway('flows 100'));
  expectMended(gateway('flows 10k'), 'MQ020 2 10k', gateway('flows 10000'));
  expectErrors(gateway('flows 99999999999999999999'), 'MQ020 2 99999999999999999999');
});
test('times have units, the larger before the smaller', () => {
  const ms = (time: string) => (linesOf(gateway(`confirm within ${time}`)) as { time: { ms: number } }[])[0]!.time.ms;
  assert.equal(
    ['90s', '2h4m', '1d', '5m', '250ms', '1d2h3m4s5ms'].map(ms),
    [90_000, 7_440_000, 86_400_000, 300_000, 250, 93_784_005],
  );
  expectErrors(gateway('confirm within 4m2h'), 'MQ018 2 4m2h');
  expectMended(gateway('confirm within 5min'), 'MQ018 2 5min', gateway('confirm within 5m'));
  expectErrors(gateway('confirm within 5x'), 'MQ018 2 5x');
  expectErrors(gateway('confirm within 5m30'), 'MQ018 2 5m30');
  expectMended(gateway('confirm within 60'), 'MQ114 2 60', gateway('confirm within 60s'));
});
test('rates have a unit in full', () => {
  const rate = (text: string) => (linesOf(gateway(`deny log ${text}`)) as { log: { rate: unknown } }[])[0]!.log.rate;
  assert.equal(['1/second', '10/minute', '5/hour', '2/day'].map(rate), [
    { count: 1, perMs: 1000 },
    { count: 10, perMs: 60_000 },
    { count: 5, perMs: 3_600_000 },
    { count: 2, perMs: 86_400_000 },
  ]);
  expectMended(gateway('deny log 10/min'), 'MQ017 2 10/min', gateway('deny log 10/minute'));
  expectMended(gateway('deny log 10/s'), 'MQ017 2 10/s', gateway('deny log 10/second'));
  expectErrors(gateway('deny log 10/week'), 'MQ017 2 10/week');
  expectErrors(gateway('deny log 0/second'), 'MQ017 2 0/second');
});
test('devices may have dots, dashes and digits first', () => {
  for (const device of ['eth0', 'eth0.100', 'br-lan', 'wlan0_ap', 'any', '6in4-wan', '4g', '3g.1', 'enp0s31f6.4094']) {
    const [declaration] = shapesOf(`interface wan = ${device}`) as { device: { text: string } }[];
    assert.is(declaration!.device.text, device);
  }
});
test('devices have at most 15 characters and no @', () => {
  expectErrors('interface wan = abcdefghijklmnop', 'MQ021 1 abcdefghijklmnop');
  expectMended('interface wan = eth0.5@eth0', 'MQ021 1 eth0.5@eth0', 'interface wan = eth0.5');
});
test('an IPv6 address in an endpoint has brackets, elsewhere it has none', () => {
  const good = gateway('confirm by tcp [2001:db8::1]:80');
  assert.equal((linesOf(good) as { endpoint: unknown }[])[0]!.endpoint, {
    machine: address(
      'address',
      6,
      '0x20010db8000000000000000000000001',
      '0x20010db8000000000000000000000001',
      '[2001:db8::1]',
    ),
    ports: { first: 80, last: 80 },
  });
  expectMended(gateway('confirm by tcp 2001:db8::1'), 'MQ109 2 2001:db8::1', gateway('confirm by tcp [2001:db8::1]'));
  expectMended('host h = [2001:db8::1]', 'MQ110 1 [2001:db8::1]', 'host h = 2001:db8::1');
  expectMended(gateway('confirm by tcp [192.0.2.1]:80'), 'MQ011 2 [192.0.2.1]', gateway('confirm by tcp 192.0.2.1:80'));
  expectMended(gateway('confirm by tcp [::1'), 'MQ011 2 [::1', gateway('confirm by tcp [::1]'));
  expectErrors(gateway('confirm by tcp []:80'), 'MQ011 2 []');
});
test('an endpoint is one machine, and has no blanks', () => {
  expectErrors(gateway('confirm by tcp 10.0.0.0/8:80'), 'MQ102 2 10.0.0.0/8');
  expectMended(gateway('confirm by tcp a : 80'), 'MQ102 2 :', gateway('confirm by tcp a:80'));
});

test.run();
