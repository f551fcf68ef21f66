/** What the datapath is told of an interface, where it sits in the kernel's table, and what of that has changed. */
import type { Device, InterfaceRecord, State } from '../machine/types.ts';
import { canTransmit } from './attach.ts';
import type { Present, Step, Wanted, WantedInterface } from './types.ts';

/** What the datapath is told of a device. */
export function makeRecord(
  device: Device,
  { hides, hides6, mss, xdp }: Pick<WantedInterface, 'hides' | 'hides6' | 'mss' | 'xdp'>,
  pool: string | null = null,
): InterfaceRecord {
  return {
    mac: device.mac,
    mtu: device.mtu,
    transmit: canTransmit(device, xdp),
    hides,
    hides6,
    mss,
    pool,
    addresses: device.addresses,
    addresses6: device.addresses6,
    probe: device.probe,
    probe6: device.probe6,
  };
}

/** The span of the outside ports that all masquerades of an interface give out. */
function findPool({ pools }: Wanted, name: string): string | null {
  const own = pools.filter((pool) => pool.interfaces.includes(name));
  if (own.length === 0) return null;
  return `${Math.min(...own.map(({ first }) => first))}-${Math.max(...own.map(({ last }) => last))}`;
}

/** The interfaces of which the kernel has to be told. */
export function* planInterfaces(wanted: Wanted, before: State | null, present: Present): Generator<Step> {
  const taken = new Set(before?.interfaces.map((one) => one.seat));
  for (const { id, name, device, live, hides, hides6, mss, xdp } of present) {
    const known = before?.interfaces.find((one) => one.ifindex === live.ifindex);
    const after = makeRecord(live, { hides, hides6, mss, xdp }, findPool(wanted, name));
    if (known !== undefined && isSameRecord(known.record, after)) continue;
    const seat = known?.seat ?? takeSeat(taken, live.ifindex);
    yield { kind: 'interface', id, seat, name, device, ifindex: live.ifindex, before: known?.record ?? null, after };
  }
}

const SEATS = 64;

/** Seats of the map `interfaces` are 1..63; 0 stays empty. The one that the index names is found fastest (maps.h). */
function takeSeat(taken: Set<number>, ifindex: number): number {
  let seat = ifindex % SEATS;
  for (let tries = 0; seat === 0 || taken.has(seat); tries += 1) {
    if (tries === SEATS) throw new Error(`no seat is left for interface ${ifindex}`);
    seat = (seat + 1) % SEATS;
  }
  taken.add(seat);
  return seat;
}

/**
 * Whether the kernel's record still serves. The datapath asks the kernel for the address that an interface sends from,
 * so that another first one is no change, but one where there was none is, and so is each further one.
 */
function isSameRecord(known: InterfaceRecord, now: InterfaceRecord): boolean {
  if (known.mac !== now.mac || known.mtu !== now.mtu) return false;
  if (
    known.transmit !== now.transmit ||
    known.hides !== now.hides ||
    known.hides6 !== now.hides6 ||
    known.mss !== now.mss
  )
    return false;
  if (known.pool !== now.pool) return false;
  const found = (before: boolean, after: boolean) => !before && after;
  return (
    !found(known.addresses.length > 0, now.addresses.length > 0) &&
    !found(known.probe !== null, now.probe !== null) &&
    !found(known.probe6 !== null, now.probe6 !== null) &&
    now.addresses.slice(1).every((address) => known.addresses.includes(address)) &&
    now.addresses6.every((address) => known.addresses6.includes(address))
  );
}
