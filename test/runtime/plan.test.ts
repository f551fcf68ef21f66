import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Snapshot } from '../../runtime/machine/types.ts';
import { familyBytes, flowTableBytes, formatBytes, loadBytes } from '../../runtime/plan/memory.ts';
import { listOutsides } from '../../runtime/plan/outsides.ts';
import { makePlan } from '../../runtime/plan/plan.ts';
import { POLICY_SLOTS, UNTOLD } from '../../runtime/plan/policy.ts';
import { describeStep } from '../../runtime/plan/render.ts';
import type { Wanted } from '../../runtime/plan/types.ts';
import { applied, DMZ, EMPTY, LAN, outline, WAN, WANTED } from './fixtures.ts';

const test = suite('plan');
const THREE: Wanted = {
  ...WANTED,
  interfaces: [
    ...WANTED.interfaces,
    { id: 3, name: 'dmz', device: 'eth1', hides: false, hides6: false, mss: null, xdp: true },
  ],
};
const obstacles = (wanted: Wanted, snapshot: Snapshot) => makePlan(wanted, snapshot).obstacles.map((one) => one.text);
const warnings = (wanted: Wanted, snapshot: Snapshot) =>
  makePlan(wanted, snapshot)
    .notes.filter((one) => one.severity === 'warning')
    .map((one) => one.text)
    .join('\n');

test('does a first apply in the order that keeps the machine shut until it is whole', () => {
  assert.equal(outline(WANTED, EMPTY), [
    'mount',
    'load',
    'timeouts',
    'interface ppp0 new',
    'interface eth0 new',
    'sweep',
    'policy',
    'guard eth0,ppp0 open ',
    'forward',
    'attach ppp0 tc-egress tcx',
    'attach ppp0 tc-ingress tcx',
    'attach eth0 tc-egress tcx',
    'attach eth0 tc-ingress tcx',
    'guard eth0,ppp0 open 3,7',
  ]);
});

test('is empty right after apply', () => {
  assert.equal(outline(WANTED, applied(WANTED)), []);
  assert.equal(outline(THREE, applied(THREE)), []);
});

test('is empty right after apply on a kernel without TCX', () => {
  const old = { ...EMPTY, tcx: false };
  assert.equal(outline(WANTED, applied(WANTED, old)), []);
  assert.ok(outline(WANTED, old).includes('attach eth0 tc-egress clsact'));
});

test('replaces nothing but the policy when only the policy changed', () => {
  const changed = { ...WANTED, hashes: { ...WANTED.hashes, policy: 'p2' } };
  assert.equal(outline(changed, applied(WANTED)), ['policy']);
});

test('takes the next slot and the next generation, and comes round', () => {
  const changed = { ...WANTED, hashes: { ...WANTED.hashes, policy: 'p2' } };
  const live = applied(WANTED);
  for (const [slot, next] of [
    [0, 1],
    [POLICY_SLOTS - 1, 0],
  ] as const) {
    const [step] = makePlan(changed, { ...live, active: { slot, filled: true } }).steps;
    assert.is(step?.kind === 'policy' && step.slot, next);
    assert.is(step?.kind === 'policy' && step.generation, 2);
    assert.is(step?.kind === 'policy' && step.first, false);
  }
});

test('loads the policy again when its slot was found empty', () => {
  const [step] = makePlan(WANTED, { ...applied(WANTED), active: { slot: 0, filled: false } }).steps;
  assert.is(step?.kind, 'policy');
});

test('adds an interface: known to the policy first, shut until attached', () => {
  const changed = { ...THREE, hashes: { ...WANTED.hashes, policy: 'p2' } };
  assert.equal(outline(changed, applied(WANTED)), [
    'interface eth1 new',
    'policy',
    'guard eth0,eth1,ppp0 open 3,7',
    'attach eth0 xdp native',
    'attach eth1 tc-egress tcx',
    'attach eth1 tc-ingress tcx',
    'attach eth1 xdp native',
    'guard eth0,eth1,ppp0 open 3,4,7',
  ]);
});

const without = (...names: string[]): Wanted => ({
  ...THREE,
  interfaces: THREE.interfaces.map((one) => ({ ...one, xdp: !names.includes(one.name) })),
});

test('puts no XDP where the file says `xdp off`, and says so where there would have been one', () => {
  const veth = { ...EMPTY, devices: [WAN, { ...LAN, driver: 'veth' }, DMZ] };
  const plan = makePlan(without('lan'), veth);
  const hooks = plan.steps.flatMap((step) =>
    step.kind === 'attach' ? [`${step.place.device} ${step.place.hook}`] : [],
  );
  assert.not.ok(hooks.includes('eth0 xdp'));
  assert.ok(hooks.includes('eth1 xdp'), 'lan still takes its frames');
  const said = plan.notes.map(({ text }) => text).filter((text) => text.includes('xdp off'));
  assert.equal(said, ['eth0: the file says `xdp off`; TC translates.']);
  const silent: Partial<typeof LAN>[] = [
    { foreignXdp: 9 },
    { vlans: ['eth0.1'], stripsTags: true },
    { driver: 'r8169', xdp: { native: false, transmit: false } },
  ];
  for (const change of silent) {
    const live = { ...EMPTY, devices: [WAN, { ...LAN, ...change }, DMZ] };
    const notes = makePlan(without('lan'), live).notes.map(({ text }) => text);
    assert.equal(
      notes.filter((text) => /xdp off|XDP program|no native|VLAN/.test(text)),
      [],
      JSON.stringify(change),
    );
  }
  const all = makePlan(without('lan', 'dmz', 'wan'), veth);
  assert.not.ok(all.steps.some((step) => step.kind === 'attach' && step.place.hook === 'xdp'));
  assert.is(makePlan(without('lan'), applied(without('lan'), veth)).steps.length, 0);
});

test('takes XDP off when the line comes, puts it back when it goes, and touches nothing else', () => {
  const devices = [WAN, { ...LAN, driver: 'veth' }, { ...DMZ, driver: 'veth' }];
  const on = applied(THREE, { ...EMPTY, devices });
  const off = applied(without('lan'), { ...EMPTY, devices });
  assert.equal(outline(without('lan'), on), ['detach eth0 xdp native']);
  const [step] = makePlan(without('lan'), on).steps;
  assert.match(step === undefined ? '' : describeStep(step).why, 'xdp off');
  assert.equal(outline(THREE, off), ['attach eth0 xdp native']);
});

test('hands no frames by XDP to what may not take them without a program of its own', () => {
  const on = applied(THREE);
  // The record says so first: no frame is sent that nobody takes.
  assert.equal(outline(without('lan'), on), [
    'interface eth0 changed',
    'detach eth0 xdp native',
    'detach eth1 xdp native',
  ]);
  const tap = { ...EMPTY, devices: [WAN, { ...LAN, driver: 'tun' }, DMZ] };
  const deaf = { ...EMPTY, devices: [WAN, { ...LAN, driver: 'veth', xdp: { native: true, transmit: false } }, DMZ] };
  const transmits = (snapshot: Snapshot) =>
    makePlan(without('lan'), snapshot).steps.find((one) => one.kind === 'interface' && one.device === 'eth0');
  for (const [snapshot, expected] of [
    [tap, true],
    [deaf, false],
    [EMPTY, false],
  ] as const) {
    const step = transmits(snapshot);
    assert.is(step?.kind === 'interface' && step.after.transmit, expected);
  }
});

test('takes an interface away after the policy that knew it', () => {
  const changed = { ...WANTED, hashes: { ...WANTED.hashes, policy: 'p2' } };
  assert.equal(outline(changed, applied(THREE)), [
    'policy',
    'detach eth0 xdp native',
    'detach eth1 tc-egress tcx',
    'detach eth1 tc-ingress tcx',
    'detach eth1 xdp native',
    'guard eth0,ppp0 open 3,7',
    'drop-interface',
  ]);
});

test('loads the policy with new numbers when the file numbers interfaces anew, and touches no seat', () => {
  const swapped: Wanted = {
    ...WANTED,
    interfaces: [
      { id: 1, name: 'lan', device: 'eth0', hides: false, hides6: false, mss: null, xdp: true },
      { id: 2, name: 'wan', device: 'ppp0', hides: true, hides6: false, mss: null, xdp: true },
    ],
  };
  const [policy, ...more] = makePlan(swapped, applied(WANTED)).steps;
  assert.equal(more, []);
  assert.equal(policy?.kind === 'policy' && policy.ids, [
    { ifindex: 3, id: 1 },
    { ifindex: 7, id: 2 },
  ]);
});

test('follows a device that was made again under a new index', () => {
  const live = applied(WANTED);
  const back = { ...WAN, ifindex: 12 };
  assert.equal(
    outline(WANTED, {
      ...live,
      devices: [back, LAN, DMZ],
      attachments: live.attachments.filter((one) => one.ifindex !== 7),
      dead: live.attachments.filter((one) => one.ifindex === 7),
    }),
    [
      'interface ppp0 new',
      'policy',
      'guard eth0,ppp0 open 3',
      'detach ppp0 tc-egress tcx',
      'detach ppp0 tc-ingress tcx',
      'attach ppp0 tc-egress tcx',
      'attach ppp0 tc-ingress tcx',
      'guard eth0,ppp0 open 3,12',
      'drop-interface',
    ],
  );
});

test('does not refuse a new policy while a known device is away, and keeps it shut', () => {
  const live = applied(WANTED);
  const away = { ...live, devices: [LAN, DMZ], attachments: live.attachments.filter((one) => one.ifindex !== 7) };
  const changed = { ...WANTED, hashes: { ...WANTED.hashes, policy: 'p2' } };
  assert.equal(obstacles(changed, away), []);
  assert.match(warnings(changed, away), 'ppp0 is not there');
  assert.equal(outline(changed, away), ['policy', 'guard eth0,ppp0 open 3', 'drop-interface']);
});

test('mends a hook that somebody took off, shutting the device only for those that see every packet', () => {
  const torn = applied(THREE);
  const withoutXdp = { ...torn, attachments: torn.attachments.filter((one) => one.hook !== 'xdp') };
  assert.equal(outline(THREE, withoutXdp), ['attach eth0 xdp native', 'attach eth1 xdp native']);
  const live = applied(WANTED);
  const bare = {
    ...live,
    attachments: live.attachments.filter((one) => one.hook !== 'tc-ingress' || one.ifindex !== 3),
  };
  assert.equal(outline(WANTED, bare), [
    'guard eth0,ppp0 open 7',
    'attach eth0 tc-ingress tcx',
    'guard eth0,ppp0 open 3,7',
  ]);
});

test('mends a guard that somebody flushed, open for what carries programs', () => {
  assert.equal(outline(WANTED, { ...applied(WANTED), guard: null }), ['guard eth0,ppp0 open 3,7']);
});

test('replaces a guard that is not of this state', () => {
  const live = applied(WANTED);
  const guard = { token: 'another', devices: ['eth0', 'ppp0'], indexes: [3, 7] };
  assert.equal(outline(WANTED, { ...live, guard }), ['guard eth0,ppp0 open 3,7']);
});

test('turns forwarding on again', () => {
  assert.equal(outline(WANTED, { ...applied(WANTED), ipForward: false }), ['forward']);
});

test('clears what a namespace with the same inode left', () => {
  const gone = { ...applied(WANTED), guard: null, attachments: [], ipForward: true };
  assert.is(outline(WANTED, gone)[0], 'forget');
  assert.is(outline(WANTED, gone)[1], 'load');
  assert.is(outline(WANTED, { ...EMPTY, bpffsMounted: true, pins: ['flows4'] })[0], 'forget');
});

test('finishes a first apply that was killed before anything was attached', () => {
  const live = applied(WANTED);
  const state = {
    ...live.state!,
    generation: 0,
    interfaces: live.state!.interfaces.map((one) => ({ ...one, hooks: [] })),
  };
  const killed = {
    ...live,
    guard: null,
    attachments: [],
    active: { slot: -1, filled: false },
    ipForward: false,
    state,
  };
  const steps = outline(WANTED, killed);
  assert.not(steps.includes('forget'));
  assert.not(steps.includes('load'));
  assert.ok(steps.includes('policy') && steps.includes('forward') && steps.includes('attach eth0 tc-ingress tcx'));
});

test('updates the datapath in place when its layout is the same, and loads the policy for it', () => {
  const newer = { ...WANTED, hashes: { ...WANTED.hashes, datapath: 'd2' } };
  assert.equal(outline(newer, applied(WANTED)), ['replace', 'sweep', 'policy']);
});

test('changes timeouts without touching the policy', () => {
  const changed = { ...WANTED, timeouts: { ...WANTED.timeouts, udp: 60_000 } };
  assert.equal(outline(changed, applied(WANTED)), ['timeouts']);
});

test('writes an interface again when its MTU changed, and not for another address', () => {
  const live = applied(WANTED);
  const other = (change: Partial<typeof LAN>) => ({ ...live, devices: [WAN, { ...LAN, ...change }, DMZ] });
  assert.equal(outline(WANTED, other({ mtu: 9000 })), ['interface eth0 changed']);
  assert.equal(outline(WANTED, other({ addresses: ['192.168.9.1'], probe: '192.168.9.2' })), []);
});

test('writes an interface again that has an address more', () => {
  const live = applied(WANTED);
  const more = { ...LAN, addresses: [...LAN.addresses, '192.168.9.1'] };
  assert.equal(outline(WANTED, { ...live, devices: [WAN, more, DMZ] }), ['interface eth0 changed']);
  assert.equal(outline(WANTED, { ...applied(WANTED), devices: [WAN, { ...LAN, addresses: [] }, DMZ] }), []);
});

test('refuses a table that is too small for what is live', () => {
  const busy = { ...applied(WANTED), table: { flows: 65536, number: 0, used: 2000 } };
  assert.match(
    obstacles({ ...WANTED, flows: 1024 }, busy).join(),
    'asks for a table of 1,024 flows, and 2,000 connections are live in the one of 65,536',
  );
  assert.equal(outline({ ...WANTED, flows: 1024 }, busy), []);
});

test('refuses another layout of the tables', () => {
  const newer = { ...WANTED, hashes: { ...WANTED.hashes, layout: 'l2' } };
  assert.match(obstacles(newer, applied(WANTED)).join(), 'otherwise');
});

test('refuses to speak to programs whose pins are gone', () => {
  assert.match(obstacles(WANTED, { ...applied(WANTED), active: null, pins: ['flows4'] }).join(), 'pins of its tables');
});

test('accepts an interface that is not there yet, shut, and names the devices that the file does not', () => {
  const stray = { ...DMZ, name: 'ppp1', ifindex: 77 };
  const snapshot = { ...EMPTY, devices: [LAN, stray] };
  assert.equal(obstacles(WANTED, snapshot), []);
  assert.match(warnings(WANTED, snapshot), 'wan = ppp0 is not there (not named here: ppp1)');
  const guards = outline(WANTED, snapshot).filter((step) => step.startsWith('guard'));
  assert.equal(guards.at(-1), `guard eth0,ppp0 open ${LAN.ifindex}`);
});

test('tells the active policy of a device that comes later, without another generation', () => {
  const live = applied(WANTED);
  const back = { ...WAN, ifindex: 12 };
  const snapshot = {
    ...live,
    devices: [back, LAN, DMZ],
    attachments: live.attachments.filter((one) => one.ifindex !== 7),
    pins: [...live.pins, 'ids_0'],
  };
  assert.equal(outline(WANTED, snapshot).slice(0, 3), ['interface ppp0 new', 'ids', 'guard eth0,ppp0 open 3']);
  const other = { ...WANTED, hashes: { ...WANTED.hashes, policy: 'p2' } };
  assert.equal(outline(other, snapshot).slice(0, 3), ['interface ppp0 new', 'policy', 'guard eth0,ppp0 open 3']);
  const told = live.state!.interfaces.map((one) => (one.device === 'ppp0' ? { ...one, ifindex: 12, id: UNTOLD } : one));
  const halfway = { ...snapshot, state: { ...live.state!, interfaces: told } };
  assert.ok(outline(WANTED, halfway).includes('ids'), 'an apply that ended in between is completed');
});

test('refuses the loopback device', () => {
  const looped = {
    ...WANTED,
    interfaces: [
      ...WANTED.interfaces,
      { id: 3, name: 'me', device: 'lo', hides: false, hides6: false, mss: null, xdp: true },
    ],
  };
  const snapshot = { ...EMPTY, devices: [...EMPTY.devices, { ...WAN, name: 'lo', ifindex: 1 }] };
  assert.match(obstacles(looped, snapshot).join(), 'loopback');
});

test('warns of a device that is a port of a bridge', () => {
  assert.match(warnings(WANTED, { ...EMPTY, devices: [WAN, { ...LAN, master: 'br0' }] }), 'a port of br0');
});

test('refuses to guess when the record of what is attached is lost', () => {
  const text = obstacles(WANTED, { ...applied(WANTED), state: null }).join();
  assert.match(text, 'is lost');
});

test('refuses a second gateway in one namespace', () => {
  assert.match(obstacles(WANTED, { ...EMPTY, otherGateways: ['tatooine'] }).join(), 'tatooine');
});

test('warns of a pool that meets the own ports of the gateway, and only then', () => {
  assert.not.match(warnings(WANTED, EMPTY), 'ip_local_port_range');
  const wide = { ...WANTED, pools: [{ name: 'home-out', interfaces: ['wan'], first: 1024, last: 32768 }] };
  assert.match(warnings(wide, EMPTY), '32768-60999');
});

test('keeps to TC where another XDP program sits, and says so', () => {
  const taken = { ...EMPTY, devices: [WAN, { ...LAN, foreignXdp: 99 }] };
  assert.not(outline(WANTED, taken).some((step) => step.includes('xdp')));
  assert.match(warnings(WANTED, taken), 'id 99');
});

test('keeps to TC where the driver has no native XDP, and says so', () => {
  const poor = { ...EMPTY, devices: [WAN, { ...LAN, driver: 'e1000', xdp: null }] };
  assert.not(outline(WANTED, poor).some((step) => step.includes('xdp')));
  assert.match(
    makePlan(WANTED, poor)
      .notes.map((note) => note.text)
      .join(),
    'e1000 has no native XDP',
  );
});

test('keeps to TC where no other device takes the frames that XDP sends', () => {
  assert.not(outline(WANTED, EMPTY).some((step) => step.includes('xdp')));
  const deaf = { ...DMZ, xdp: { native: true, transmit: false } };
  const steps = outline(THREE, { ...EMPTY, devices: [WAN, LAN, deaf] });
  assert.not(steps.includes('attach eth0 xdp native'));
  assert.ok(steps.includes('attach eth1 xdp native'));
});

test('puts XDP on cards that take frames only with a program of their own', () => {
  const card = { driver: 'virtio_net', xdp: { native: true, transmit: false } };
  const two = { ...EMPTY, devices: [WAN, { ...LAN, ...card }, { ...DMZ, ...card }] };
  const steps = outline(THREE, two);
  assert.ok(steps.includes('attach eth0 xdp native'));
  assert.ok(steps.includes('attach eth1 xdp native'));
  const told = makePlan(THREE, two).steps.flatMap((step) => (step.kind === 'interface' ? [step.after.transmit] : []));
  assert.equal(told.slice(-2), [true, true]);

  const deaf = { ...DMZ, driver: 'veth', xdp: { native: true, transmit: false } };
  const mixed = outline(THREE, { ...EMPTY, devices: [WAN, { ...LAN, ...card }, deaf] });
  assert.ok(mixed.includes('attach eth0 xdp native'), 'it is needed, so that eth0 takes what eth1 sends');
  assert.ok(mixed.includes('attach eth1 xdp native'));

  const alone = outline(THREE, {
    ...EMPTY,
    devices: [WAN, { ...LAN, ...card }, { ...DMZ, xdp: { native: false, transmit: false } }],
  });
  assert.not(
    alone.some((step) => step.includes('xdp')),
    'nobody takes what eth0 would send',
  );
});

test('prints the memory of the table: a flow, its mapping (with a place among those that end) and a peer', () => {
  const flow = 2 * 128 + 2 * 16 + 32;
  const mapping = 2 * 112 + 2 * 16 + 2 * 8;
  const peer = 72 + 16;
  assert.is(flowTableBytes(65536, 4), 65536 * (flow + mapping + peer + 8 / 8) + 2 * 8);
  assert.is(formatBytes(flowTableBytes(65536, 4)), '42.6 MiB');
  assert.is(formatBytes(512), '512 bytes');
  assert.ok(loadBytes(65536, true) === loadBytes(65536, false) + familyBytes(65536, 6));
});

test('never mentions a device that is neither in the file nor ours', () => {
  assert.not(JSON.stringify(makePlan(WANTED, EMPTY).steps).includes('eth1'));
});

const FOLLOWING: Wanted = {
  ...WANTED,
  dynamic: [
    {
      kind: 'network',
      name: 'home',
      follows: { kind: 'prefixes', parts: [{ interface: 2, family: null, suffix: null }] },
    },
    { kind: 'map', name: 'out', follows: { kind: 'outside', interface: 1, family: 6, inside: 'fd00::/48' } },
  ],
};
const having = (...prefixes: string[]): Snapshot => ({ ...EMPTY, devices: [WAN, { ...LAN, prefixes }, DMZ] });

test('prefixes that changed are told to the policy that decides, and nothing else is done', () => {
  const before = applied(FOLLOWING, having('2001:db8:1::/64'));
  const there = { ...before, pins: [...before.pins, 'live_0'] };
  assert.equal(outline(FOLLOWING, there), []);
  assert.equal(makePlan(FOLLOWING, there).dynamic, [
    'home = 2001:db8:1::/64, as lan has it',
    'outside of out = nothing, as wan has it',
  ]);
  const changed = { ...there, devices: having('2001:db8:2::/64').devices };
  const [step, more] = makePlan(FOLLOWING, changed).steps;
  assert.is(more, undefined);
  assert.is(step?.kind === 'prefixes' && step.slot, 0);
  assert.match(step === undefined ? '' : describeStep(step).text, 'lan 2001:db8:1::/64 → 2001:db8:2::/64');
  assert.match(warnings(FOLLOWING, changed), 'The map out translates nothing: wan has no prefix that fd00::/48 fits.');
  assert.match(warnings(FOLLOWING, { ...there, devices: having().devices }), 'The network home is nothing');
});

test('a policy that has no place for prefixes is made anew', () => {
  assert.equal(outline(FOLLOWING, applied(FOLLOWING, having('2001:db8:1::/64'))), ['policy']);
});

test('another size of the table: a table beside, a policy that knows both, the move, and the same policy again', () => {
  const wanted = { ...WANTED, flows: 131072 };
  const before = applied(WANTED);
  assert.equal(outline(wanted, before), ['table', 'policy', 'move', 'settle', 'policy']);
  const steps = makePlan(wanted, before).steps;
  const policies = steps.flatMap((step) => (step.kind === 'policy' ? [step] : []));
  assert.equal(
    policies.map(({ table, slot, generation, established }) => [table, slot, generation, established]),
    [
      ['moving', 1, 2, 'recheck'],
      ['moved', 2, 2, 'keep'],
    ],
  );
  const [first] = steps;
  assert.is(first?.kind === 'table' && first.after.bytes > first.before.bytes, true);
});

test('a table that an apply has begun is taken back, or brought to its end once connections are made in it', () => {
  const begun = { ...applied(WANTED), next: { flows: 131072, switched: false } };
  assert.equal(outline(WANTED, begun), ['withdraw']);
  assert.equal(outline({ ...WANTED, flows: 131072 }, begun), [
    'withdraw',
    'table',
    'policy',
    'move',
    'settle',
    'policy',
  ]);
  const switched = { ...applied(WANTED), next: { flows: 131072, switched: true } };
  assert.equal(outline({ ...WANTED, flows: 131072 }, switched), ['move', 'settle', 'policy']);
  assert.equal(outline(WANTED, switched), ['move', 'settle', 'table', 'policy', 'move', 'settle', 'policy']);
});

const OUTSIDES = listOutsides({
  masquerades: [
    {
      id: 1,
      name: 'cgn',
      interfaces: ['lan'],
      families: [4],
      addresses: [{ first: '198.51.100.16', last: '198.51.100.31' }],
      ports: { first: 1024, last: 65535 },
      choice: 'keep',
      refresh: 'both',
      share: null,
    },
    {
      id: 2,
      name: 'own',
      interfaces: ['wan'],
      families: [4],
      addresses: null,
      ports: { first: 1, last: 2 },
      choice: 'keep',
      refresh: 'both',
      share: null,
    },
  ],
  redirects: [
    { name: 'www', interfaces: ['wan'], addresses: [{ first: '203.0.113.5', last: '203.0.113.5' }] },
    { name: 'mail', interfaces: ['wan'], addresses: [{ first: '203.0.113.6', last: '203.0.113.6' }] },
  ],
  maps: [
    { id: 3, name: 'site', interfaces: ['lan'], inside: 'fd00:1::/48', outside: '2001:db8:1::/48' },
    { id: 4, name: 'same', interfaces: ['lan'], inside: '10.0.0.16/28', outside: '198.51.100.16/28' },
  ],
});
const notesOf = (wanted: Wanted, snapshot: Snapshot) => makePlan(wanted, snapshot).notes.map(({ text }) => text);

test('notes outside addresses that no interface has, with the command that mends it', () => {
  const wanted = { ...WANTED, outsides: OUTSIDES };
  const mine = notesOf(wanted, EMPTY).filter((text) => text.includes('on no interface'));
  assert.equal(mine, [
    'masquerade cgn, map same: 198.51.100.16-198.51.100.31 stand on no interface of this machine. Packets to them come here only if the provider routes them to this gateway, or this machine must answer for them (ARP), as it does for its own. Then: ip addr add 198.51.100.16/32 dev eth0   (and so on, up to 198.51.100.31)',
    'redirect mail: 203.0.113.6 stands on no interface of this machine. Packets to it come here only if the provider routes it to this gateway.',
    'map site: 2001:db8:1::-2001:db8:1:ffff:ffff:ffff:ffff:ffff stand on no interface of this machine. Packets to them come here only if the provider routes them to this gateway, or this machine must answer for them (neighbour discovery), as it does for its own.',
  ]);
  assert.is(makePlan(wanted, EMPTY).obstacles.length, 0);
});

test('counts those of a range that are there, and is silent when all are', () => {
  const range = Array.from({ length: 16 }, (_, index) => `198.51.100.${16 + index}`);
  const having = (...addresses: string[]): Snapshot => ({
    ...EMPTY,
    devices: [WAN, { ...LAN, addresses: [...LAN.addresses, ...addresses] }, DMZ],
  });
  const wanted = { ...WANTED, outsides: OUTSIDES.filter(({ owner }) => owner === 'masquerade cgn') };
  const said = (snapshot: Snapshot) => notesOf(wanted, snapshot).filter((text) => text.includes('on no interface'));
  assert.match(
    said(having(...range.slice(0, 15))).join(),
    /^masquerade cgn: 1 of 198\.51\.100\.16-198\.51\.100\.31 stands on no .*ip addr add 198\.51\.100\.31\/32 dev eth0$/,
  );
  assert.equal(said(having(...range)), []);
});

test('says it again only with another policy', () => {
  const wanted = { ...WANTED, outsides: OUTSIDES };
  const live = applied(wanted);
  assert.equal(notesOf(wanted, live), []);
  const changed = { ...wanted, hashes: { ...WANTED.hashes, policy: 'p2' } };
  assert.is(notesOf(changed, live).filter((text) => text.includes('on no interface')).length, 3);
});

test.run();
