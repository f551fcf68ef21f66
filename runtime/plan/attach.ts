import type { Attachment, Device, Mode, Snapshot } from '../machine/types.ts';
import type { Note, Place } from './types.ts';

/** A hook that an interface should have, and why in this way. */
export interface Intent {
  readonly place: Place;
  readonly why: string;
}

/**
 * Where programs go on a device: TC both ways always (it does what XDP hands on, and the gateway's own traffic), XDP
 * where the driver has it and `useful`: some other device takes the frames that XDP sends (else it would only turn off
 * the device's large packets). Generic XDP is never used: it comes after the socket buffer is made, so that it saves
 * nothing; it copies large packets; and the copy that 6.18 makes for it loses the length of the Ethernet header, which
 * TC then does not see.
 */
export function planHooks(
  device: Device,
  snapshot: Snapshot,
  useful: boolean,
): { intents: readonly Intent[]; notes: readonly Note[] } {
  const tc: Mode = snapshot.tcx ? 'tcx' : 'clsact';
  const at = (hook: Place['hook'], mode: Mode): Place => ({ device: device.name, ifindex: device.ifindex, hook, mode });
  const why = snapshot.tcx ? 'TCX link' : 'clsact filter: this kernel has no TCX (6.6)';
  const intents: Intent[] = [
    { place: at('tc-egress', tc), why },
    { place: at('tc-ingress', tc), why },
  ];
  const notes: Note[] = [];
  const warn = (text: string) => notes.push({ severity: 'warning', text });
  if (device.mac === null) {
    notes.push({ severity: 'info', text: `${device.name} has no Ethernet header: no XDP there, TC translates.` });
  } else if (device.foreignXdp !== null) {
    warn(
      `${device.name} carries another XDP program (id ${device.foreignXdp}): it stays, and packets that come in there are translated by TC, at about three times the cost.`,
    );
  } else if (device.vlans.length > 0 && device.stripsTags !== false) {
    warn(
      `${device.name} carries VLANs (${device.vlans.join(', ')}) and its hardware takes their tags off, so that XDP would take their packets for ${device.name}'s own: no XDP there, TC translates. \`ethtool -K ${device.name} rxvlan off\` and apply mend that.`,
    );
  } else if (!hasNativeXdp(device)) {
    notes.push({
      severity: 'info',
      text: `${device.name}: ${device.driver ?? 'its driver'} has no native XDP; TC translates, at about three times the cost.`,
    });
  } else if (useful) {
    intents.push({ place: at('xdp', 'native'), why: `native: ${device.driver ?? 'the driver'} has XDP` });
  }
  return { intents, notes };
}

/** Drivers known to have native XDP, for kernels that do not say (before 6.3). Debian 6.1's, `ndo_bpf` in drivers/net. */
const NATIVE = new Set(
  'veth tun virtio_net bnxt_en thunder_nicvf dpaa2-eth fsl_dpa fsl_enetc gve hv_netvsc i40e ice igb igc ixgbe ixgbevf mlx4_en mlx5_core mvneta mvpp2 nfp qede sfc stmmac ti_cpsw xen_netfront vif ena tsnep bond'.split(
    ' ',
  ),
);

export function hasNativeXdp(device: Device): boolean {
  if (device.xdp !== null) return device.xdp.native;
  return device.driver !== null && NATIVE.has(device.driver);
}

/**
 * Whether XDP can hand frames to this device. veth takes them only while its peer polls (an XDP program or GRO there),
 * which kernels before 6.3 do not say: then no, and TC does it, which always works.
 */
export function canTransmit(device: Device): boolean {
  if (device.mac === null) return false;
  if (device.xdp !== null) return device.xdp.transmit;
  return device.driver !== 'veth' && device.driver !== 'bond' && hasNativeXdp(device);
}

export function isSamePlace(a: Attachment | Place, b: Attachment | Place): boolean {
  return a.hook === b.hook && a.ifindex === b.ifindex;
}
