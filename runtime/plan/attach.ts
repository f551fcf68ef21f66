import type { Attachment, Device, Mode, Snapshot } from '../machine/types.ts';
import type { Note, Place } from './types.ts';

/** A hook that an interface should have, and why in this way. */
export interface Intent {
  readonly place: Place;
  readonly why: string;
}

/** An interface of the file whose device is here. */
export interface Present {
  readonly live: Device;
  /** false: `xdp off`. */
  readonly xdp: boolean;
}

/**
 * Where programs go on a device: TC both ways always (it does what XDP hands on, and the gateway's own traffic), XDP
 * where the driver has it, the file does not say `xdp off`, and some other device takes the frames that XDP sends (else it
 * would only turn off the device's large packets). Generic XDP is never used: it comes after the socket buffer is made, so
 * that it saves nothing; it copies large packets; and the copy that 6.18 makes for it loses the length of the Ethernet
 * header, which TC then does not see.
 */
export function planHooks(
  one: Present,
  { tcx }: Pick<Snapshot, 'tcx'>,
  present: readonly Present[],
): { intents: readonly Intent[]; notes: readonly Note[] } {
  const device = one.live;
  const tc: Mode = tcx ? 'tcx' : 'clsact';
  const at = (hook: Place['hook'], mode: Mode): Place => ({ device: device.name, ifindex: device.ifindex, hook, mode });
  const why = tcx ? 'TCX link' : 'clsact filter: this kernel has no TCX (6.6)';
  const intents: Intent[] = [
    { place: at('tc-egress', tc), why },
    { place: at('tc-ingress', tc), why },
  ];
  const without = explainNoXdp(device);
  const useful = isUseful(one, present);
  if (!one.xdp && device.mac !== null) {
    const text = `${device.name}: the file says \`xdp off\`; TC translates.`;
    return { intents, notes: without === null && useful ? [{ severity: 'info', text }] : [] };
  }
  if (without !== null) return { intents, notes: [without] };
  if (useful || isNeeded(one, present))
    intents.push({ place: at('xdp', 'native'), why: `native: ${device.driver ?? 'the driver'} has XDP` });
  return { intents, notes: [] };
}

/** Whether another device takes frames from XDP on this one. */
export function isUseful(one: Present, present: readonly Present[]): boolean {
  return present.some((other) => other.live !== one.live && canTransmit(other.live, other.xdp));
}

/** Whether this device takes frames from XDP on another one only if there is a program on it, too. */
function isNeeded(one: Present, present: readonly Present[]): boolean {
  if (!takesWithProgram(one.live)) return false;
  return present.some((other) => other.live !== one.live && other.xdp && explainNoXdp(other.live) === null);
}

/** Why a device can have no XDP of ours; null: it can. */
function explainNoXdp(device: Device): Note | null {
  const { name, foreignXdp, vlans } = device;
  if (device.mac === null) {
    return { severity: 'info', text: `${name} has no Ethernet header: no XDP there, TC translates.` };
  }
  if (foreignXdp !== null) {
    const text = `${name} carries another XDP program (id ${foreignXdp}): it stays, and packets that come in there are translated by TC, at about three times the cost.`;
    return { severity: 'warning', text };
  }
  if (vlans.length > 0 && device.stripsTags !== false) {
    const text = `${name} carries VLANs (${vlans.join(', ')}) and its hardware takes their tags off, so that XDP would take their packets for ${name}'s own: no XDP there, TC translates. \`ethtool -K ${name} rxvlan off\` and apply mend that.`;
    return { severity: 'warning', text };
  }
  if (hasNativeXdp(device)) return null;
  const text = `${name}: ${device.driver ?? 'its driver'} has no native XDP; TC translates, at about three times the cost.`;
  return { severity: 'info', text };
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
 * They say that they take frames only while there is a program on them, with which they set up queues for it (Linux from 6.3,
 * xdp_features_set_redirect_target in drivers/net).
 */
const TAKING_WITH_PROGRAM = ['virtio_net', 'i40e', 'iavf', 'ice', 'idpf', 'ena', 'fec'];

function takesWithProgram({ driver }: Device): boolean {
  return driver !== null && TAKING_WITH_PROGRAM.includes(driver);
}

/** They take frames whether or not a program of their own is there. */
const TAKING_ALONE = ['veth', 'tun'];

/**
 * Whether XDP can hand frames to this device. veth takes them only while its peer polls (an XDP program or GRO there),
 * which kernels before 6.3 do not say: then no, and TC does it, which always works. `xdp` false: without a program of ours
 * on it; many drivers (virtio_net, ice, mlx5) set up what sends frames together with their program, and say so or not. Those that
 * say so are believed to take them once our program is there.
 */
export function canTransmit(device: Device, xdp: boolean): boolean {
  if (device.mac === null) return false;
  if (!xdp && !TAKING_ALONE.includes(device.driver ?? '')) return false;
  if (device.xdp?.transmit === false && takesWithProgram(device)) return explainNoXdp(device) === null;
  if (device.xdp !== null) return device.xdp.transmit;
  return device.driver !== 'veth' && device.driver !== 'bond' && hasNativeXdp(device);
}

export function isSamePlace(a: Attachment | Place, b: Attachment | Place): boolean {
  return a.hook === b.hook && a.ifindex === b.ifindex;
}
