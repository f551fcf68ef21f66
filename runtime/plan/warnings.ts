import type { Device, Snapshot, State } from '../machine/types.ts';
import { canTransmit } from './attach.ts';
import type { Note, Wanted } from './types.ts';

/** A port of a bridge or a bond gets no packets to route: they come in by its master. */
export function describePort(name: string, { name: device, master, slaveKind }: Device): string {
  if (slaveKind === 'vrf') return `${name} = ${device} is in the VRF ${master}: routes are looked up in its table.`;
  const what =
    slaveKind === 'bond' || slaveKind === 'team' ? `is one of the lines of ${master}` : `is a port of ${master}`;
  return `${name} = ${device} ${what}: packets are routed by ${master}, so that is the device to name.`;
}

/** What the admin should know before saying yes. `state` null: nothing applied yet. */
export function* findWarnings(wanted: Wanted, snapshot: Snapshot, state: State | null): Generator<Note> {
  const [first, last] = snapshot.localPorts;
  for (const pool of wanted.pools) {
    const from = Math.max(first, pool.first);
    const to = Math.min(last, pool.last);
    if (from > to) continue;
    yield {
      severity: 'warning',
      text: `Masquerade ${pool.name} uses ports ${pool.first}-${pool.last}, and the gateway's own connections take theirs from ${first}-${last} (net.ipv4.ip_local_port_range): a new connection of either kind may find its port taken. Choose \`ports\` outside ${first}-${last}.`,
    };
  }
  const named = new Set(wanted.interfaces.map((one) => one.device));
  for (const { name, device } of wanted.interfaces) {
    const live = snapshot.devices.find((one) => one.name === device);
    if (live === undefined) {
      const others = snapshot.devices.map((one) => one.name).filter((one) => one !== 'lo' && !named.has(one));
      const list =
        others.length === 0
          ? ''
          : ` (not named here: ${others.slice(0, 12).join(', ')}${others.length > 12 ? ', …' : ''})`;
      yield {
        severity: 'warning',
        text: `${name} = ${device} is not there${list}. It is shut until it comes and is attached: by \`masqc watch\`, by \`masqc attach ${device}\` in a hook, or by apply.`,
      };
      continue;
    }
    if (live.master !== null) {
      yield { severity: live.slaveKind === 'vrf' ? 'info' : 'warning', text: describePort(name, live) };
    }
    if (!live.up)
      yield { severity: 'warning', text: `${name} = ${device} is down: nothing passes there until it is up.` };
  }
  const deaf = wanted.interfaces.flatMap((one) => {
    const live = snapshot.devices.find(({ name }) => name === one.device);
    const asked = wanted.interfaces.some((other) => other !== one && other.xdp);
    return asked && live !== undefined && live.mac !== null && !canTransmit(live, one.xdp) ? [live] : [];
  });
  if (deaf.length > 0) {
    const mend = deaf.some((one) => one.driver === 'veth') ? ' For veth `ethtool -K PEER gro on` mends that.' : '';
    yield {
      severity: 'info',
      text: `${deaf.map((one) => one.name).join(', ')} can't be handed XDP frames: packets that leave there are sent by TC, which costs more.${mend}`,
    };
  }
  if (state === null) {
    yield {
      severity: 'info',
      text: 'Connections that cross this machine now were not let in by masqc: those end. Its own established TCP connections (your ssh) go on.',
    };
  }
}
