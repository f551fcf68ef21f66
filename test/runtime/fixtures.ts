/** A machine and a file that fit each other, to be bent by tests. */
import type { Attachment, Device, Snapshot, State } from '../../runtime/machine/types.ts';
import { planHooks } from '../../runtime/plan/attach.ts';
import { readLive } from '../../runtime/plan/dynamic.ts';
import { makePlan } from '../../runtime/plan/plan.ts';
import { makeRecord } from '../../runtime/plan/record.ts';
import type { Wanted } from '../../runtime/plan/types.ts';

export const WAN: Device = {
  name: 'ppp0',
  ifindex: 7,
  mac: null,
  mtu: 1492,
  up: true,
  master: null,
  slaveKind: null,
  parent: null,
  vlans: [],
  stripsTags: null,
  driver: 'ppp',
  addresses: ['203.0.113.5'],
  addresses6: [],
  prefixes: [],
  probe: '203.0.113.1',
  probe6: null,
  learnsRoute6: false,
  xdp: { native: false, transmit: false },
  foreignXdp: null,
};
export const LAN: Device = {
  name: 'eth0',
  ifindex: 3,
  mac: '02:00:00:00:00:03',
  mtu: 1500,
  up: true,
  master: null,
  slaveKind: null,
  parent: null,
  vlans: [],
  stripsTags: null,
  driver: 'igb',
  addresses: ['192.168.1.1'],
  addresses6: [],
  prefixes: [],
  probe: '192.168.1.20',
  probe6: null,
  learnsRoute6: false,
  xdp: { native: true, transmit: true },
  foreignXdp: null,
};
export const DMZ: Device = { ...LAN, name: 'eth1', ifindex: 4, mac: '02:00:00:00:00:04', addresses: ['192.168.2.1'] };

export const WANTED: Wanted = {
  gateway: 'deathstar',
  interfaces: [
    { id: 1, name: 'wan', device: 'ppp0', hides: true, hides6: false, mss: null, xdp: true },
    { id: 2, name: 'lan', device: 'eth0', hides: false, hides6: false, mss: null, xdp: true },
  ],
  flows: 65536,
  established: 'recheck',
  ipv6: false,
  timeouts: { tcp: 7_440_000, udp: 300_000 },
  hashes: { policy: 'p1', datapath: 'd1', layout: 'l1' },
  sets: [],
  values: [],
  dynamic: [],
  rules: 12,
  pools: [{ name: 'home-out', interfaces: ['wan'], first: 1024, last: 32767 }],
  outsides: [],
};

export const EMPTY: Snapshot = {
  netns: 4026531840,
  kernel: '6.18.0',
  devices: [WAN, LAN, DMZ],
  ipForward: false,
  ipv6Forward: false,
  localPorts: [32768, 60999],
  bpffsMounted: false,
  guard: null,
  state: null,
  otherGateways: [],
  attachments: [],
  dead: [],
  pins: [],
  active: null,
  table: null,
  next: null,
  sets: [],
  tcx: true,
};

/** The machine after `wanted` was applied to it. */
export function applied(wanted: Wanted, before: Snapshot = EMPTY): Snapshot {
  const devices = wanted.interfaces.flatMap((one, index) => {
    const live = before.devices.find((other) => other.name === one.device);
    return live === undefined ? [] : [{ ...one, seat: index + 1, live }];
  });
  const attachments: Attachment[] = devices.flatMap((one) =>
    planHooks(one, before, devices).intents.map(({ place: { hook, ifindex, mode } }) => ({
      hook,
      ifindex,
      mode,
    })),
  );
  const state: State = {
    schema: 'masqc/state@1',
    gateway: wanted.gateway,
    netns: before.netns,
    token: 'token',
    generation: 1,
    active: 0,
    since: '2026-01-01T00:00:00.000Z',
    hashes: wanted.hashes,
    sets: wanted.sets.map(({ name, hash }) => ({ name, hash })),
    live: readLive(wanted, before.devices),
    flows: wanted.flows,
    timeouts: wanted.timeouts,
    interfaces: devices.map(({ id, seat, name, device, live, hides, hides6, mss, xdp }) => ({
      id,
      seat,
      name,
      device,
      ifindex: live.ifindex,
      hooks: attachments.filter((one) => one.ifindex === live.ifindex).map(({ hook, mode }) => ({ hook, mode })),
      ownsQdisc: false,
      record: makeRecord(live, { hides, hides6, mss, xdp }, hides ? '1024-32767' : null),
    })),
    ipForward: '0',
    ipv6Forward: null,
    ipv6: wanted.ipv6,
  };
  return {
    ...before,
    table: { flows: wanted.flows, number: 0, used: 0 },
    ipForward: true,
    ipv6Forward: wanted.ipv6 ? true : before.ipv6Forward,
    bpffsMounted: true,
    guard: {
      token: 'token',
      devices: wanted.interfaces.map((one) => one.device).sort(),
      indexes: devices.map(({ live }) => live.ifindex).sort((a, b) => a - b),
    },
    state,
    attachments,
    pins: ['control', 'flows4', 'interfaces'],
    active: { slot: 0, filled: true },
  };
}

/** The kinds of the steps, attachments with their place: `attach eth0 xdp native`. */
export function outline(wanted: Wanted, snapshot: Snapshot): string[] {
  return makePlan(wanted, snapshot).steps.map((step) => {
    switch (step.kind) {
      case 'attach':
      case 'detach':
        return `${step.kind} ${step.place.device} ${step.place.hook} ${step.place.mode}`;
      case 'guard':
        return `guard ${step.devices.join(',')} open ${step.indexes.join(',')}`;
      case 'interface':
        return `interface ${step.device} ${step.before === null ? 'new' : 'changed'}`;
      default:
        return step.kind;
    }
  });
}
