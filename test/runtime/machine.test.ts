import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findProbe, formatAddress, parseDevices } from '../../runtime/machine/devices.ts';
import { parseGuard, renderGuard } from '../../runtime/machine/guard.ts';
import { listPrefixes } from '../../runtime/machine/prefixes.ts';
import { EMPTY } from './fixtures.ts';

const test = suite('machine');
const NOTHING = () => ({ driver: null, xdp: null, foreignXdp: null, losesRoutes6: false });

const LINKS = JSON.stringify([
  { ifindex: 1, ifname: 'lo', flags: ['LOOPBACK'], mtu: 65536, link_type: 'loopback', address: '00:00:00:00:00:00' },
  {
    ifindex: 3,
    ifname: 'eth0',
    flags: ['BROADCAST', 'UP', 'LOWER_UP'],
    mtu: 1500,
    link_type: 'ether',
    address: '26:63:72:c9:6f:e2',
    linkinfo: { info_kind: 'veth' },
  },
  { ifindex: 4, ifname: 'ppp0', flags: ['NOARP', 'UP'], mtu: 1492, link_type: 'none', linkinfo: { info_kind: 'tun' } },
]);
const ADDRESSES = JSON.stringify([
  {},
  { ifname: 'eth0', addr_info: [{ family: 'inet', local: '192.168.1.1', prefixlen: 24 }] },
  { ifname: 'ppp0', addr_info: [{ family: 'inet', local: '203.0.113.5', address: '203.0.113.1', prefixlen: 32 }] },
]);
const ROUTES = JSON.stringify([
  { dst: 'default', dev: 'ppp0', scope: 'link' },
  { dst: '192.168.1.0/24', dev: 'eth0', protocol: 'kernel', prefsrc: '192.168.1.1' },
  { dst: '203.0.113.1', dev: 'ppp0', protocol: 'kernel' },
]);

test('reads devices as ip prints them', () => {
  const [lo, eth0, ppp0] = parseDevices(LINKS, ADDRESSES, ROUTES, NOTHING);
  assert.is(lo?.mac, null);
  assert.equal(eth0, {
    name: 'eth0',
    ifindex: 3,
    mac: '26:63:72:c9:6f:e2',
    mtu: 1500,
    up: true,
    master: null,
    driver: 'veth',
    addresses: ['192.168.1.1'],
    addresses6: [],
    prefixes: ['192.168.1.0/24'],
    probe: '192.168.1.2',
    probe6: null,
    learnsRoute6: false,
    xdp: null,
    foreignXdp: null,
    slaveKind: null,
    parent: null,
    vlans: [],
    stripsTags: null,
  });
  assert.is(ppp0?.mac, null);
  assert.is(ppp0?.probe, '192.0.2.1');
  assert.equal(ppp0?.addresses, ['203.0.113.5']);
  assert.equal(ppp0?.prefixes, ['203.0.113.1/32']);
});

test('reads a namespace without addresses and routes, for which ip prints nothing', () => {
  assert.is(parseDevices(LINKS, '', '', NOTHING).length, 3);
});

test('probes by the default gateway, another gateway, the peer, a neighbour, in this order', () => {
  const own = [{ local: '10.0.0.1', address: '10.0.0.9' }];
  const connected = { dst: '10.0.0.0/24', dev: 'x' };
  const via = { dst: '10.9.0.0/16', dev: 'x', gateway: '10.0.0.7' };
  const fallback = { dst: 'default', dev: 'x', gateway: '10.0.0.254' };
  assert.is(findProbe(own, [connected, via, fallback]), '10.0.0.254');
  assert.is(findProbe(own, [connected, via]), '10.0.0.7');
  assert.is(findProbe(own, [connected]), '10.0.0.9');
  assert.is(findProbe([{ local: '10.0.0.1' }], [connected]), '10.0.0.2');
  assert.is(findProbe([{ local: '10.0.0.0' }], [{ dst: '10.0.0.0/31', dev: 'x' }]), '10.0.0.1');
  assert.is(findProbe([], []), null);
  assert.is(findProbe([], [{ dst: '10.0.0.0/8', dev: 'x', type: 'blackhole' }]), null);
});

test('the prefixes of an interface, the best first: not deprecated, of the internet, the newest', () => {
  const one = (local: string, more: object = {}) => ({ local, prefixlen: 64, scope: 'global', ...more });
  const listed = listPrefixes([
    one('2001:db8:9::a1', { temporary: true }),
    one('2001:db8:3::1', { deprecated: true }),
    one('2001:db8:2::1'),
    one('2001:db8:1::1'),
    one('2001:db8:1::9', { temporary: true, deprecated: true }),
    one('fd00:1::1'),
    one('fe80::1', { scope: 'link' }),
    { local: '192.168.1.77', prefixlen: 24, scope: 'global' },
    { local: '169.254.3.4', prefixlen: 16, scope: 'link' },
  ]);
  assert.equal(listed, [
    '192.168.1.0/24',
    '2001:db8:2::/64',
    '2001:db8:1::/64',
    '2001:db8:9::/64',
    'fd00:1::/64',
    '2001:db8:3::/64',
  ]);
  assert.equal(listPrefixes([one('2001:db8:1::9', { temporary: true }), one('2001:db8:1::1', { deprecated: true })]), [
    '2001:db8:1::/64',
  ]);
});

test('writes addresses above 2^31', () => {
  assert.is(formatAddress(0xc0a80101), '192.168.1.1');
  assert.is(formatAddress(0xffffffff), '255.255.255.255');
});

test('renders a guard that names dotted devices and no index yet', () => {
  const text = renderGuard('deathstar', { token: 'ab12', devices: ['eth0.100'], indexes: [] });
  assert.match(text, 'elements = { "eth0.100" }');
  assert.match(text, 'set carried { type iface_index; }');
  assert.match(text, /^table inet masqc\ndelete table inet masqc\n/);
});

test('reads a guard back, names of indexes turned into indexes', () => {
  const json = JSON.stringify({
    nftables: [
      { metainfo: {} },
      { table: { family: 'inet', name: 'masqc' } },
      { set: { name: 'carried', elem: ['eth0', '17'] } },
      { set: { name: 'declared', elem: ['ppp0', 'eth0'] } },
      { chain: { name: 'forward' } },
      { chain: { name: 'state_ab12_3' } },
    ],
  });
  assert.equal(parseGuard(json, EMPTY.devices), { token: 'ab12', devices: ['eth0', 'ppp0'], indexes: [3, 17] });
});

test('takes the guard of another version for another guard', () => {
  const older = renderGuard('deathstar', { token: 'ab12', devices: [], indexes: [] }).replace('ab12_3', 'ab12_2');
  const name = /chain (state_\S+)/.exec(older)?.[1];
  assert.is(parseGuard(JSON.stringify({ nftables: [{ chain: { name } }] }), []).token, '');
});

test.run();
