import type { Device } from '../machine/types.ts';
import { canTransmit, hasNativeXdp, isUseful, type Present } from '../plan/attach.ts';
import type { WantedInterface } from '../plan/types.ts';
import { describePort } from '../plan/warnings.ts';
import type { DeviceFacts, Facts, Finding } from './facts.ts';

const AREA = { area: 'devices' } as const;
/** What an IPv4 packet can say of its length. */
const MOST_BYTES = 65_536;

export function* checkDevices(facts: Facts): Generator<Finding> {
  const { snapshot, wanted } = facts;
  if (snapshot === null) return;
  const find = (name: string) => snapshot.devices.find((device) => device.name === name);
  const interfaces = listInterfaces(facts);
  const present = interfaces.flatMap(({ name, device, xdp }) => {
    const live = find(device);
    return live === undefined ? [] : [{ name, live, xdp }];
  });
  for (const one of interfaces) {
    const live = find(one.device);
    if (live === undefined) {
      yield {
        ...AREA,
        id: 'absent',
        severity: 'warning',
        text: `${one.name} = ${one.device} is not there.`,
        why: 'It is shut until it comes and is attached.',
        mend: `masqc watch (examples/hooks/masqc-watch.service), or masqc attach ${one.device} when it is there`,
      };
      continue;
    }
    const known = facts.devices.find((device) => device.name === live.name) ?? null;
    yield checkXdp({ name: one.name, live, xdp: one.xdp }, present, known);
    yield* checkPlace(one.name, live);
    if (known !== null) yield* checkOffloads(live, known);
    if (known !== null) yield* checkPrograms(live, known);
  }
  if (wanted !== null) yield* checkMtu(wanted.interfaces, snapshot.devices);
}

/** Of the file; without one, whatever could be an interface. */
export function listInterfaces({
  wanted,
  snapshot,
}: Pick<Facts, 'wanted' | 'snapshot'>): Pick<WantedInterface, 'name' | 'device' | 'xdp'>[] {
  if (wanted !== null) return [...wanted.interfaces];
  const devices = snapshot?.devices.filter((one) => one.name !== 'lo' && one.up && one.master === null) ?? [];
  return devices.map(({ name }) => ({ name, device: name, xdp: true }));
}

function checkXdp(
  one: Present & { readonly name: string },
  present: readonly Present[],
  known: DeviceFacts | null,
): Finding {
  const { live, xdp } = one;
  const { name } = live;
  const say = (severity: Finding['severity'], text: string, why: string, mend: string | null): Finding => {
    return { ...AREA, id: 'xdp', severity, text: `${name}: ${text}`, why, mend };
  };
  const dear = 'TC translates what comes in there, at about three times the cost of XDP.';
  if (live.mac === null)
    return say('fine', 'no Ethernet header: TC translates, XDP has nothing to hold on to', '', null);
  if (!xdp && live.foreignXdp === null) return say('fine', '`xdp off` in the file: TC translates', '', null);
  if (live.foreignXdp !== null) {
    const program = known?.programs.find((one) => one.hook === 'xdp')?.name ?? '';
    const what = `another program holds XDP (id ${live.foreignXdp}${program === '' ? '' : `, ${program}`})`;
    return say(
      'warning',
      what,
      `${xdp ? `${dear} ` : ''}What it drops or redirects masqc never sees.`,
      `ip link set dev ${name} xdp off`,
    );
  }
  if (live.vlans.length > 0 && live.stripsTags !== false) {
    const why = `Tags are taken off before XDP, which would take the packets of ${live.vlans.join(', ')} for ${name}'s own. ${dear}`;
    return say('warning', `no XDP, for its hardware takes VLAN tags off`, why, `ethtool -K ${name} rxvlan off`);
  }
  if (!hasNativeXdp(live)) return say('note', `its driver (${live.driver ?? 'unknown'}) has no XDP`, dear, null);
  if (live.driver === 'bond') {
    return say('note', 'XDP of a bond needs drivers with XDP in all its lines', `Else ${dear}`, null);
  }
  if (!canTransmit(live, true) && present.some((other) => other.live !== live && other.xdp)) {
    const mend = live.driver === 'veth' ? atPeer(live, 'gro on') : null;
    return say(
      'warning',
      'XDP, but it takes no frames of others',
      'What leaves there is sent by TC, which costs more.',
      mend,
    );
  }
  if (!isUseful(one, present)) {
    return say('fine', 'no XDP, for no other interface takes the frames that it sends: TC translates', '', null);
  }
  const isVeth = live.driver === 'veth';
  if ((isVeth || live.driver === 'tun') && known?.features?.get('tx-checksumming') !== false) {
    const large = isVeth ? 'no longer lets them be larger than the wire’s' : 'copies the large ones';
    const why = `What sockets behind it send has checksums left to hardware that is not there. XDP ${large}, and hands each to TC, at 5 times the cost of a packet with a whole checksum; TC alone is ${isVeth ? 'nearly twice as fast' : 'faster'} for such.`;
    const mend = `${atPeer(live, 'tx off')}; or \`xdp off\` in the block of \`interface ${one.name}\``;
    return say('note', 'XDP, if what comes has whole checksums', why, mend);
  }
  return say('fine', `XDP in the driver (${live.driver ?? 'unknown'})`, '', null);
}

/** `ethtool -K` at the other end: a veth's peer, the machine behind a tap. */
function atPeer({ parent, name, driver }: Device, setting: string): string {
  if (parent !== null) return `ethtool -K ${parent} ${setting}`;
  const where = driver === 'tun' ? `in the machine behind ${name}` : `in the namespace of ${name}'s peer`;
  return `ethtool -K PEER ${setting} (${where})`;
}

function* checkPlace(name: string, live: Device): Generator<Finding> {
  const device = live.name;
  const say = (id: string, severity: Finding['severity'], text: string, why: string, mend: string | null): Finding => {
    return { ...AREA, id, severity, text, why, mend };
  };
  if (live.master !== null) {
    const isVrf = live.slaveKind === 'vrf';
    const mend = isVrf ? null : `interface ${name} = ${live.master}`;
    yield say(
      'port',
      isVrf ? 'note' : 'error',
      describePort(name, live),
      isVrf ? '' : 'No packet of it would be seen.',
      mend,
    );
  }
  if (live.driver === 'bridge') {
    yield say(
      'bridge',
      'fine',
      `${device} is a bridge: the programs sit on it, where its packets are routed`,
      'What it hands from port to port is not the gateway’s and passes.',
      null,
    );
  }
  if (live.driver === 'macvlan' || live.driver === 'ipvlan') {
    yield say(
      'stacked',
      'note',
      `${device} is a ${live.driver} on ${live.parent ?? 'another device'}: the programs sit on ${device}.`,
      'What its siblings say to each other does not come by.',
      null,
    );
  }
  if (live.driver === 'vlan') {
    yield say(
      'vlan',
      'fine',
      `${device} is a VLAN of ${live.parent ?? 'another device'}: TC sees it without its tag`,
      '',
      null,
    );
  }
  if (!live.up) yield say('down', 'warning', `${device} is down.`, 'Nothing passes there.', `ip link set ${device} up`);
}

function* checkOffloads({ name }: Device, { features, gsoIpv4Max, groIpv4Max }: DeviceFacts): Generator<Finding> {
  if (features?.get('large-receive-offload') === true) {
    yield {
      ...AREA,
      id: 'lro',
      severity: 'warning',
      text: `${name} merges packets in hardware (LRO).`,
      why: 'What was merged so can’t be cut again as it was, and is not forwarded.',
      mend: `ethtool -K ${name} lro off`,
    };
  }
  if (Math.max(gsoIpv4Max ?? 0, groIpv4Max ?? 0) > MOST_BYTES) {
    yield {
      ...AREA,
      id: 'big-tcp',
      severity: 'error',
      text: `${name} makes IPv4 packets of more than 64 KB (BIG TCP).`,
      why: 'Their header says 0 for their length, and they are dropped as malformed.',
      mend: `ip link set dev ${name} gso_ipv4_max_size ${MOST_BYTES} gro_ipv4_max_size ${MOST_BYTES}`,
    };
  }
}

function* checkPrograms({ name }: Device, { programs }: DeviceFacts): Generator<Finding> {
  for (const one of programs.filter(({ hook }) => hook !== 'xdp')) {
    yield {
      ...AREA,
      id: 'other-program',
      severity: 'warning',
      text: `${name}: another program is on ${one.hook}: ${one.name || 'without a name'} (id ${one.id}).`,
      why: 'What it drops, redirects or rewrites first masqc sees so, or never; what masqc redirects it may never see.',
      mend: 'bpftool net shows who has it',
    };
  }
}

/** A narrower way out than way in, where nobody tells the ends. */
function* checkMtu(interfaces: readonly WantedInterface[], devices: readonly Device[]): Generator<Finding> {
  const live = interfaces.flatMap((one) => {
    const device = devices.find((other) => other.name === one.device);
    return device === undefined ? [] : [{ ...one, mtu: device.mtu }];
  });
  const widest = Math.max(0, ...live.map((one) => one.mtu));
  for (const { name, device, mtu, hides, mss } of live) {
    if (!hides || mtu >= widest || mss !== null) continue;
    yield {
      ...AREA,
      id: 'mss',
      severity: 'warning',
      text: `${device} takes packets of ${mtu} bytes, others ${widest}, and ${name} has no \`mss\`.`,
      why: 'Connections hang with servers that don’t hear “fragmentation needed” (many filter it).',
      mend: `interface ${name} = ${device} { mss clamp }`,
    };
  }
}
