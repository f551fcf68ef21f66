/** What `masqc doctor` finds in machines that are made up, and how it says so. */
import pc from 'picocolors';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { diagnose, isSick } from '../../runtime/doctor/diagnose.ts';
import type { DeviceFacts, Facts, Finding } from '../../runtime/doctor/facts.ts';
import { parseLegacy } from '../../runtime/doctor/legacy-tables.ts';
import { readMemoryGroup } from '../../runtime/doctor/memory-group.ts';
import { parseRuleset } from '../../runtime/doctor/netfilter.ts';
import { parseIpsec, parseRoutes, parseSockets } from '../../runtime/doctor/parse.ts';
import { renderFindings, renderFindingsJson } from '../../runtime/doctor/render.ts';
import { parseFeatures } from '../../runtime/machine/devices.ts';
import type { Device } from '../../runtime/machine/types.ts';
import { planHooks } from '../../runtime/plan/attach.ts';
import { makePlan } from '../../runtime/plan/plan.ts';
import { applied, DMZ, EMPTY, LAN, WANTED } from './fixtures.ts';

const test = suite('doctor');
const plain = pc.createColors(false);
const CLAMPED = { ...WANTED, interfaces: WANTED.interfaces.map((one) => ({ ...one, mss: 'clamp' as const })) };
const LIVE = { ...applied(CLAMPED), localPorts: [32768, 60999] as const };
const settings = { rpFilter: 0, forwarding: 1, forwarding6: 0, acceptRa: 1 };
const device = (name: string, change: Partial<DeviceFacts> = {}): DeviceFacts => ({
  name,
  ...settings,
  features: new Map(),
  gsoIpv4Max: 65536,
  groIpv4Max: 65536,
  programs: [],
  ...change,
});
const WELL: Facts = {
  kernel: {
    release: '6.18.0',
    btf: true,
    jit: 1,
    unprivilegedBpf: 2,
    lockdown: 'none',
    tcx: true,
    loads: { ok: true, said: '' },
    memory: 4e9,
    memoryGroup: null,
  },
  snapshot: LIVE,
  obstacle: null,
  wanted: CLAMPED,
  manifest: null,
  plan: makePlan(CLAMPED, LIVE),
  devices: [device('ppp0'), device('eth0'), device('eth1')],
  all: settings,
  netfilter: { tables: [], flowtables: [], unread: [] },
  ipsec: [],
  routes: [{ destination: 'default', devices: ['ppp0'] }],
  sockets: [],
  conntrack: null,
  status: [],
  since: '2026-01-01T00:00:00.000Z',
};
const find = (facts: Facts, id: string): Finding => {
  const found = diagnose(facts).find((one) => one.id === id && one.severity !== 'fine');
  assert.ok(found, `${id} in ${diagnose(facts).map((one) => one.id)}`);
  return found as Finding;
};
/** A machine where `change` is the only thing amiss: exactly that is found. */
function only(
  id: string,
  severity: Finding['severity'],
  mend: string | RegExp | null,
  change: Partial<Facts>,
): Finding {
  const facts = { ...WELL, ...change };
  const amiss = diagnose(facts).filter((one) => one.severity !== 'fine');
  assert.equal(
    amiss.map((one) => one.id),
    [id],
  );
  const [found] = amiss as [Finding];
  assert.is(found.severity, severity);
  if (mend === null) assert.is(found.mend, null);
  else assert.match(found.mend ?? '', mend);
  return found;
}
/** What is said of XDP on an interface. */
const xdpOf = (name: 'lan' | 'wan', change: Partial<Facts>): Finding => {
  const device = name === 'lan' ? 'eth0' : 'ppp0';
  const found = diagnose({ ...WELL, ...change }).find((one) => one.id === 'xdp' && one.text.startsWith(`${device}:`));
  assert.ok(found);
  return found as Finding;
};
const withDevice = (...changed: Device[]): Partial<Facts> => ({
  snapshot: { ...LIVE, devices: LIVE.devices.map((one) => changed.find((other) => other.name === one.name) ?? one) },
});

test('finds nothing amiss in a machine that is well', () => {
  const findings = diagnose(WELL);
  assert.equal(
    findings.filter((one) => one.severity !== 'fine'),
    [],
  );
  assert.is(isSick(findings), false);
  assert.match(renderFindings(findings, plain), /Nothing to mend\.\n$/);
});

test('notes outside addresses on no interface', () => {
  const outside = { interfaces: ['lan'], family: 4, first: 0xc6336410n, last: 0xc6336410n } as const;
  const wanted = { ...CLAMPED, outsides: [{ owner: 'redirect www', ...outside }] };
  const found = only('outside-address', 'note', 'ip addr add 198.51.100.16/32 dev eth0', { wanted });
  assert.match(found.why, 'provider routes it');
  const stands = { ...LAN, addresses: [...LAN.addresses, '198.51.100.16'] };
  assert.is(
    diagnose({ ...WELL, wanted, ...withDevice(stands) }).some(({ id }) => id === 'outside-address'),
    false,
  );
});

test('judges the kernel', () => {
  const kernel = (change: Partial<Facts['kernel']>) => ({ kernel: { ...WELL.kernel, ...change } });
  only('jit', 'warning', 'bpf_jit_enable=1', kernel({ jit: 0 }));
  only('btf', 'error', 'CONFIG_DEBUG_INFO_BTF', kernel({ btf: false }));
  only('unprivileged-bpf', 'warning', 'unprivileged_bpf_disabled', kernel({ unprivilegedBpf: 0 }));
  only('lockdown', 'error', 'integrity', kernel({ lockdown: 'confidentiality' }));
  only('no-tcx', 'note', null, kernel({ tcx: false }));
  const unmade = { snapshot: { ...LIVE, table: null } };
  only('memory', 'error', /^fewer `flows` in the gateway block$/, { ...kernel({ memory: 20e6 }), ...unmade });
  const memoryGroup = { path: '/system.slice/masqc.service', room: 20e6 };
  const limited = only('memory', 'error', 'MemoryMax=', { ...kernel({ memoryGroup }), ...unmade });
  assert.match(limited.text, '19.1 MiB can be had in the memory cgroup /system.slice/masqc.service');
  const made = diagnose({ ...WELL, ...kernel({ memory: 20e6 }) }).find(({ id }) => id === 'memory');
  assert.is(made?.severity, 'fine', 'the tables are there already');
  const ipv6 = { ...CLAMPED, ipv6: true };
  const twice = { ...kernel({ memory: 80e6 }), ...unmade };
  assert.is(diagnose({ ...WELL, ...twice }).find(({ id }) => id === 'memory')?.severity, 'fine');
  assert.is(diagnose({ ...WELL, ...twice, wanted: ipv6 }).find(({ id }) => id === 'memory')?.severity, 'error');
  only('kernel', 'warning', '6.1', kernel({ release: '5.15.0' }));
  const refused = only('datapath-refused', 'error', 'CONFIG_', kernel({ loads: { ok: false, said: 'unknown func' } }));
  assert.match(refused.text, 'unknown func');
});

test('names what holds an XDP hook, strips tags or takes no frames, and what that costs', () => {
  const foreign = only('xdp', 'warning', 'ip link set dev eth0 xdp off', {
    ...withDevice({ ...LAN, foreignXdp: 9 }),
    devices: [device('eth0', { programs: [{ hook: 'xdp', id: 9, name: 'filter' }] }), device('ppp0')],
  });
  assert.match(foreign.text, 'id 9, filter');
  const trunk = { ...LAN, vlans: ['eth0.100'], stripsTags: true };
  assert.match(only('xdp', 'warning', 'ethtool -K eth0 rxvlan off', withDevice(trunk)).why, 'eth0.100');
  only('xdp', 'note', null, withDevice({ ...LAN, driver: 'r8169', xdp: { native: false, transmit: false } }));
  const veth = { ...LAN, driver: 'veth', parent: 'peer0' };
  only('xdp', 'warning', 'ethtool -K peer0 gro on', withDevice({ ...veth, xdp: { native: true, transmit: false } }));
  assert.equal(xdpOf('lan', withDevice(veth)).severity, 'fine', 'nobody takes its frames: no XDP');
  const dmz = { id: 3, name: 'dmz', device: 'eth1', hides: false, hides6: false, mss: null, xdp: true };
  const wanted = { ...CLAMPED, interfaces: [...CLAMPED.interfaces, dmz] };
  only('xdp', 'note', 'ethtool -K peer0 tx off; or `xdp off` in the block of `interface lan`', {
    ...withDevice(veth),
    wanted,
  });
  const far = only('xdp', 'note', 'ethtool -K PEER tx off (in the namespace of', {
    ...withDevice({ ...veth, parent: null }),
    wanted,
  });
  assert.match(far.why, 'TC alone is nearly twice as fast');
  const tap = { ...withDevice({ ...LAN, driver: 'tun' }), wanted };
  only('xdp', 'note', 'ethtool -K PEER tx off (in the machine behind eth0); or `xdp off`', tap);
});

test('has no complaint about XDP where the file says `xdp off`', () => {
  const interfaces = CLAMPED.interfaces.map((one) => ({ ...one, xdp: one.name !== 'lan' }));
  const wanted = { ...CLAMPED, interfaces };
  const changes: Partial<Device>[] = [
    {},
    { driver: 'veth', parent: 'peer0' },
    { driver: 'veth', parent: 'peer0', xdp: { native: true, transmit: false } },
    { driver: 'r8169', xdp: { native: false, transmit: false } },
    { vlans: ['eth0.100'], stripsTags: true },
  ];
  for (const change of changes) {
    const found = xdpOf('lan', { ...withDevice({ ...LAN, ...change }), wanted });
    assert.is(found.severity, 'fine', JSON.stringify(change));
    assert.match(found.text, '`xdp off` in the file');
  }
  const foreign = xdpOf('lan', { ...withDevice({ ...LAN, foreignXdp: 9 }), wanted });
  assert.is(foreign.why, 'What it drops or redirects masqc never sees.');
});

test('says where the hook sits: bridge, bond, VRF, macvlan, VLAN', () => {
  only('port', 'error', 'interface lan = br0', withDevice({ ...LAN, master: 'br0', slaveKind: 'bridge' }));
  const line = only(
    'port',
    'error',
    'interface lan = bond0',
    withDevice({ ...LAN, master: 'bond0', slaveKind: 'bond' }),
  );
  assert.match(line.text, 'one of the lines of bond0');
  only('port', 'note', null, withDevice({ ...LAN, master: 'red', slaveKind: 'vrf' }));
  const findings = (one: Device) => diagnose({ ...WELL, ...withDevice(one) });
  assert.ok(findings({ ...LAN, driver: 'bridge' }).some((one) => one.id === 'bridge' && one.severity === 'fine'));
  assert.ok(findings({ ...LAN, driver: 'vlan', parent: 'eth9' }).some((one) => /VLAN of eth9/.test(one.text)));
  assert.ok(findings({ ...LAN, driver: 'macvlan', parent: 'eth9' }).some((one) => one.id === 'stacked'));
  assert.ok(findings({ ...LAN, driver: 'bond' }).some((one) => /bond needs drivers/.test(one.text)));
});

test('the plan puts no XDP on a device whose hardware takes VLAN tags off, and does where it does not', () => {
  const beside = { live: DMZ, xdp: true };
  const plan = (live: Device) => planHooks({ live, xdp: true }, EMPTY, [beside]);
  const hooks = (one: Device) => plan(one).intents.map((intent) => intent.place.hook);
  const trunk = { ...LAN, vlans: ['eth0.100', 'eth0.200'] };
  for (const stripsTags of [true, null]) assert.equal(hooks({ ...trunk, stripsTags }), ['tc-egress', 'tc-ingress']);
  assert.ok(hooks({ ...trunk, stripsTags: false }).includes('xdp'));
  assert.match(plan({ ...trunk, stripsTags: true }).notes[0]?.text ?? '', 'ethtool -K eth0 rxvlan off');
});

test('names offloads that lose packets, and other programs', () => {
  const eth0 = (change: Partial<DeviceFacts>) => ({ devices: [device('eth0', change), device('ppp0')] });
  only('lro', 'warning', 'ethtool -K eth0 lro off', eth0({ features: new Map([['large-receive-offload', true]]) }));
  only('big-tcp', 'error', 'gso_ipv4_max_size 65536', eth0({ gsoIpv4Max: 196_608 }));
  const program = { hook: 'TCX ingress', id: 4, name: 'cil_from_netdev' };
  assert.match(only('other-program', 'warning', 'bpftool net', eth0({ programs: [program] })).text, 'cil_from_netdev');
});

test('misses `mss` where the line outside is narrower', () => {
  const narrow = only('mss', 'warning', 'interface wan = ppp0 { mss clamp }', { wanted: WANTED });
  assert.match(narrow.text, '1492 bytes, others 1500');
});

test('knows what breaks forwarding', () => {
  const off = { ...LIVE, ipForward: false };
  only('forwarding-off', 'error', 'ip_forward=1', { snapshot: off });
  assert.is(find({ ...WELL, snapshot: { ...off, state: null } }, 'forwarding-off').severity, 'note');
  const deaf = [device('eth0', { forwarding: 0 }), device('ppp0')];
  only('forwarding-off', 'error', 'conf/eth0/forwarding=1', { devices: deaf });
  const six = [device('ppp0', { forwarding6: 1, acceptRa: 1 }), device('eth0')];
  only('accept-ra', 'warning', 'conf/ppp0/accept_ra=2', { devices: six });
});

test('strict rp_filter matters where there are two uplinks', () => {
  const devices = [device('ppp0', { rpFilter: 1 }), device('eth0'), device('eth1')];
  assert.equal(
    diagnose({ ...WELL, devices }).filter((one) => one.severity !== 'fine'),
    [],
  );
  const routes = [
    { destination: 'default', devices: ['ppp0'] },
    { destination: 'default', devices: ['eth0'] },
  ];
  only('rp-filter', 'warning', 'conf/ppp0/rp_filter=2', { devices, routes });
  only('rp-filter', 'warning', 'conf/all/rp_filter=0', {
    devices: [device('ppp0', { rpFilter: 1 }), device('eth0', { rpFilter: 2 })],
    routes,
  });
});

test('ports: the range of the gateway and its sockets against each pool', () => {
  only('local-ports', 'warning', 'ports outside', { snapshot: { ...LIVE, localPorts: [20_000, 60_999] } });
  const high = { ...CLAMPED, pools: [{ name: 'home-out', interfaces: ['wan'], first: 61_000, last: 65_095 }] };
  only('local-ports', 'warning', 'ip_local_port_range="32768 60999"', {
    wanted: high,
    snapshot: { ...LIVE, localPorts: [32_768, 65_535] },
  });
  const sockets = [{ protocol: 'tcp' as const, port: 8080, listening: true }];
  assert.match(only('sockets-in-pool', 'note', null, { sockets }).text, 'tcp 8080');
});

test('routes that lead past the file', () => {
  only('route-undeclared', 'warning', 'interface NAME = wwan0', {
    routes: [{ destination: 'default', devices: ['wwan0'] }],
  });
  only('multipath', 'warning', 'masquerade', { routes: [{ destination: 'default', devices: ['ppp0', 'eth0'] }] });
  assert.match(only('ipsec', 'warning', 'xfrm', { ipsec: ['10.0.0.0/8 → 10.9.0.0/16 (fwd)'] }).why, 'in the clear');
});

const chain = (table: string, name: string, rest: object) => ({ chain: { family: 'ip', table, name, ...rest } });
const line = (table: string, name: string, ...expr: object[]) => ({ rule: { family: 'ip', table, chain: name, expr } });
const RULESET = JSON.stringify({
  nftables: [
    { table: { family: 'inet', name: 'masqc' } },
    { chain: { family: 'inet', table: 'masqc', name: 'forward', hook: 'forward', type: 'filter', policy: 'accept' } },
    { table: { family: 'ip', name: 'filter' } },
    chain('filter', 'FORWARD', { hook: 'forward', type: 'filter', policy: 'accept' }),
    chain('filter', 'DOCKER-USER', {}),
    line('filter', 'FORWARD', { jump: { target: 'DOCKER-USER' } }),
    line('filter', 'DOCKER-USER', { match: {} }, { drop: null }),
    { table: { family: 'ip', name: 'nat' } },
    chain('nat', 'POSTROUTING', { hook: 'postrouting', type: 'nat', policy: 'accept' }),
    line('nat', 'POSTROUTING', { masquerade: null }),
    { table: { family: 'ip', name: 'quiet' } },
    chain('quiet', 'forward', { hook: 'forward', policy: 'accept' }),
    chain('quiet', 'unused', {}),
    line('quiet', 'unused', { drop: null }),
    { table: { family: 'ip', name: 'inward' } },
    chain('inward', 'input', { hook: 'input', policy: 'drop' }),
    { flowtable: { family: 'ip', table: 'quiet', name: 'fast' } },
  ],
});

test('other firewalls: whose they are, whether forwarded packets can be dropped or translated there', () => {
  const netfilter = parseRuleset(RULESET);
  const { tables, flowtables } = netfilter;
  const found = tables.map(({ name, owner, drops, translates }) => [name, owner, drops, translates]);
  assert.equal(found, [
    ['filter', 'Docker', true, false],
    ['nat', null, false, true],
    ['quiet', null, false, false],
  ]);
  assert.equal(flowtables, ['quiet/fast']);
  const findings = diagnose({ ...WELL, netfilter }).filter((one) => one.severity !== 'fine');
  assert.equal(
    findings.map((one) => one.id),
    ['other-firewall', 'other-nat', 'flowtable'],
  );
  assert.match(findings[0]?.mend ?? '', 'docker0');
  only('conntrack', 'warning', 'nf_conntrack_max=200', { conntrack: { count: 99, max: 100 } });
  only('guard-gone', 'error', 'masqc attach', { snapshot: { ...LIVE, guard: null } });
});

const LEGACY = `# Generated by iptables-save v1.8.9
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A POSTROUTING -s 10.0.0.0/8 -o ppp0 -j MASQUERADE
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:inner - [0:0]
-A FORWARD -m comment --comment "who is in" -j inner
-A inner -p tcp -m tcp --dport 25 -j REJECT --reject-with icmp-port-unreachable
COMMIT
*mangle
:FORWARD ACCEPT [0:0]
:unused - [0:0]
-A FORWARD -p tcp -j TCPMSS --clamp-mss-to-pmtu
-A unused -j DROP
COMMIT
*raw
:PREROUTING ACCEPT [0:0]
:ts-pre - [0:0]
-A PREROUTING -g ts-pre
-A ts-pre -j DROP
COMMIT
`;

test('the legacy iptables, which nft does not show', () => {
  const tables = parseLegacy('ip', LEGACY);
  assert.equal(
    tables.map(({ name, owner, drops, translates }) => [name, owner, drops, translates]),
    [
      ['nat', null, false, true],
      ['filter', null, true, false],
      ['mangle', null, false, false],
      ['raw', 'Tailscale', true, false],
    ],
  );
  const of = (name: string) => ({
    netfilter: { tables: tables.filter((one) => one.name === name), flowtables: [], unread: [] },
  });
  const filter = only(
    'other-firewall',
    'warning',
    /^iptables-legacy -t filter -P FORWARD ACCEPT && iptables-legacy -t filter -F {3}/,
    of('filter'),
  );
  assert.match(filter.text, 'iptables-legacy table filter may drop: FORWARD (policy drop).');
  only('other-nat', 'warning', /^iptables-legacy -t nat -F /, of('nat'));
  const unread = [{ family: 'ip6', names: ['filter', 'nat'] } as const];
  const note = only('legacy-iptables', 'note', 'ip6tables-legacy-save', {
    netfilter: { tables: [], flowtables: [], unread },
  });
  assert.match(note.text, 'ip6tables are loaded (filter, nat)');
});

test('the memory cgroup that leaves the least', () => {
  const read = (files: Record<string, string>) => readMemoryGroup((path) => files[path] ?? null);
  const [v1, v2] = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'];
  const two = {
    '/proc/self/cgroup': '0::/system.slice/masqc.service\n',
    [`${v2}/system.slice/masqc.service/memory.max`]: 'max\n',
    [`${v2}/system.slice/masqc.service/memory.current`]: '5000\n',
    [`${v2}/system.slice/memory.max`]: '100000\n',
    [`${v2}/system.slice/memory.current`]: '70000\n',
    [`${v2}/system.slice/memory.stat`]: 'anon 1\ninactive_file 20000\nslab 3\n',
  };
  assert.equal(read(two), { path: '/system.slice', room: 50_000 });
  const tighter = { ...two, [`${v2}/system.slice/masqc.service/memory.max`]: '30000\n' };
  assert.equal(read(tighter), { path: '/system.slice/masqc.service', room: 25_000 });
  assert.equal(
    read({ '/proc/self/cgroup': '0::/\n', [`${v2}/memory.max`]: '900\n', [`${v2}/memory.current`]: '1000\n' }),
    {
      path: '/',
      room: 0,
    },
  );
  const one = {
    '/proc/self/cgroup': '8:pids:/\n4:memory:/lxc/a:b\n0::/\n',
    [`${v1}/memory.limit_in_bytes`]: '9223372036854771712\n',
    [`${v1}/memory.usage_in_bytes`]: '1\n',
    [`${v1}/lxc/a:b/memory.limit_in_bytes`]: '5000\n',
    [`${v1}/lxc/a:b/memory.usage_in_bytes`]: '4000\n',
    [`${v1}/lxc/a:b/memory.stat`]: 'inactive_file 1\ntotal_inactive_file 500\n',
  };
  assert.equal(read(one), { path: '/lxc/a:b', room: 1500 });
  assert.is(read({}), null);
});

test('the gateway: obstacles, drift, what status would say, absent devices', () => {
  const away = { ...LIVE, devices: [LAN, DMZ], attachments: LIVE.attachments.filter((one) => one.ifindex !== 7) };
  const findings = diagnose({ ...WELL, snapshot: away, plan: makePlan(CLAMPED, away), routes: [] });
  assert.equal(
    findings.filter((one) => one.severity !== 'fine').map((one) => one.id),
    ['absent', 'drift'],
  );
  only('status', 'warning', null, { status: ['Pins are missing'] });
  only('bpffs', 'error', 'masqc apply', { snapshot: { ...LIVE, bpffsMounted: false } });
  const other = { ...LIVE, otherGateways: ['tatooine'] };
  only('obstacle', 'error', 'masqc down', { snapshot: other, plan: makePlan(CLAMPED, other) });
  const bare = {
    ...WELL,
    snapshot: null,
    plan: null,
    obstacle: { text: 'This kernel is built without BPF.', advice: 'a kernel' },
  };
  assert.is(isSick(diagnose(bare)), true);
});

test('reads what the tools print', () => {
  const text =
    'src 10.0.0.0/8 dst 10.9.0.0/16 \n\tdir fwd priority 0 ptype main \nsrc 0.0.0.0/0 dst 0.0.0.0/0 \n\tsocket in priority 0\n';
  assert.equal(parseIpsec(text), ['10.0.0.0/8 → 10.9.0.0/16 (fwd)']);
  const routes = [
    { dst: 'default', dev: 'ppp0' },
    { dst: '10.0.0.0/8', nexthops: [{ dev: 'a' }, { dev: 'b' }] },
    { dst: '192.168.1.0/24', dev: 'eth0' },
  ];
  assert.equal(parseRoutes(JSON.stringify(routes)), [
    { destination: 'default', devices: ['ppp0'] },
    { destination: '10.0.0.0/8', devices: ['a', 'b'] },
  ]);
  assert.equal(parseRoutes(''), []);
  const sockets = '  sl  local_address rem_address   st\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n';
  assert.equal(parseSockets('tcp', sockets), [{ protocol: 'tcp', port: 8080, listening: true }]);
  const features = parseFeatures('Features for eth0:\nrx-vlan-offload: on [fixed]\n\ttx-checksum-ipv4: off\n');
  assert.equal(
    [...features],
    [
      ['rx-vlan-offload', true],
      ['tx-checksum-ipv4', false],
    ],
  );
});

test('prints each finding with its reason and its mend, by area, and the same as JSON', () => {
  const facts = { ...WELL, kernel: { ...WELL.kernel, jit: 0, btf: false } };
  const text = renderFindings(diagnose(facts), plain);
  assert.match(text, /^Kernel\n {2}✓ Linux 6\.18\.0/);
  assert.match(
    text,
    '  ! The BPF JIT is off: the programs are interpreted.\n    Each packet costs several times as much.\n    mend: sysctl -w net.core.bpf_jit_enable=1\n',
  );
  assert.match(text, /1 thing breaks, 1 warning\.\n$/);
  const json = JSON.parse(renderFindingsJson(diagnose(facts)));
  assert.is(json.schema, 'masqc/doctor@1');
  assert.is(json.healthy, false);
  assert.is(json.findings.find((one: Finding) => one.id === 'jit').area, 'kernel');
});
test.run();
