import type { Snapshot, State } from '../machine/types.ts';
import { canTransmit } from './attach.ts';
import type { Note, Wanted } from './types.ts';

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
  for (const { name, device } of wanted.interfaces) {
    const live = snapshot.devices.find((one) => one.name === device);
    if (live === undefined) {
      if (state?.interfaces.some((one) => one.device === device)) {
        yield {
          severity: 'warning',
          text: `${name} = ${device} is not there now. The guard keeps it shut; apply again when it is back.`,
        };
      }
      continue;
    }
    if (live.master !== null) {
      yield {
        severity: 'warning',
        text: `${name} = ${device} is a port of ${live.master}: packets are routed by ${live.master}, so that is the device to name.`,
      };
    }
    if (!live.up)
      yield { severity: 'warning', text: `${name} = ${device} is down: nothing passes there until it is up.` };
  }
  const deaf = wanted.interfaces.flatMap(({ device }) => {
    const live = snapshot.devices.find((one) => one.name === device);
    return live !== undefined && live.mac !== null && !canTransmit(live) ? [live] : [];
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
