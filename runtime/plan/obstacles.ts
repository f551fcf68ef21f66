import type { Snapshot, State } from '../machine/types.ts';
import { groups } from './render.ts';
import type { Obstacle, Wanted } from './types.ts';

/** Half of the seats of the map `interfaces` (63), so that all of them can be made again at once. */
const MAX_INTERFACES = 31;

/** Why this file can't be applied to this machine as it is; empty when it can. `state` null: nothing applied. */
export function findObstacles(wanted: Wanted, snapshot: Snapshot, state: State | null): Obstacle[] {
  const obstacles: Obstacle[] = [];
  for (const other of snapshot.otherGateways) {
    obstacles.push({
      text: `Gateway "${other}" is applied in this network namespace, and one namespace has one gateway.`,
      advice: `Run \`masqc down\` first, or name this gateway "${other}" if it is the same one.`,
    });
  }
  for (const { name, device } of wanted.interfaces) {
    if (device === 'lo') {
      obstacles.push({
        text: `Interface ${name} = lo: the loopback device leads nowhere, and its packets are never subject to rules.`,
        advice: 'Leave it out.',
      });
    }
  }
  for (const { name, device } of wanted.interfaces) {
    const live = snapshot.devices.find((one) => one.name === device);
    if (!wanted.ipv6 || snapshot.ipv6Forward !== false || live?.learnsRoute6 !== true) continue;
    obstacles.push({
      text: `${name} = ${device} learns its IPv6 route from router advertisements, and the kernel takes none any more once it forwards IPv6 (accept_ra is 1): the route would be gone in a while.`,
      advice: `Run \`sysctl -w net.ipv6.conf.${device}.accept_ra=2\` first, and put it in /etc/sysctl.d.`,
    });
  }
  if (wanted.interfaces.length > MAX_INTERFACES) {
    obstacles.push({
      text: `The file names ${wanted.interfaces.length} interfaces; the tables have room for ${MAX_INTERFACES}.`,
      advice: 'Leave some out.',
    });
  }
  if (state !== null && snapshot.active === null && snapshot.attachments.length > 0) {
    obstacles.push({
      text: 'Programs of this gateway are attached, but pins of its tables are missing: it can no longer be spoken to.',
      advice: 'Run `masqc down` and apply again: live connections end then. `masqc show status` names the pins.',
    });
  }
  if (snapshot.state === null && snapshot.attachments.length > 0) {
    obstacles.push({
      text: 'Programs of masqc are attached here, but the record of what was applied (in /run/masqc) is lost.',
      advice: 'Run `masqc down` and apply again: live connections end then. Until then the programs go on as they are.',
    });
  }
  if (state === null || snapshot.active === null) return obstacles;
  const { table } = snapshot;
  if (table !== null && wanted.flows < table.flows && table.used > wanted.flows) {
    obstacles.push({
      text: `The file asks for a table of ${groups(wanted.flows)} flows, and ${groups(table.used)} connections are live in the one of ${groups(table.flows)}.`,
      advice: `Ask for more than ${groups(table.used)}, or wait until fewer are live; \`masqc down\` and apply again ends them.`,
    });
  }
  if (state.hashes.layout !== wanted.hashes.layout) {
    obstacles.push({
      text: 'This version of masqc lays its tables out otherwise than the one that is running here.',
      advice: 'Run `masqc down` and apply again: live connections end then.',
    });
  }
  return obstacles;
}
