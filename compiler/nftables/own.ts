/**
 * "An address of the gateway on this interface", which may change at any time. nft can ask whether an address is one of the
 * interface that a packet came in by, and whether it is one of the gateway's at all. So what came in elsewhere is for the
 * interface when it is for the gateway, not for where it came in, and in no network that lives elsewhere.
 */
import type { Family } from '../../grammar/ast.ts';
import type { AddressSet, InterfaceId, Model } from '../model.ts';
import { ownedAddresses, rangesOwned } from '../ownership.ts';
import { type Builder, layer } from './builder.ts';
import { inFamily, type Match } from './matches.ts';

export function matchOwn(builder: Builder, ids: readonly InterfaceId[], ins: readonly InterfaceId[]): Match[] {
  return ids.length === 0 ? [] : [...matchHere(builder, ids, ins), ...matchThere(builder, ids, ins)];
}

function matchHere(builder: Builder, ids: readonly InterfaceId[], ins: readonly InterfaceId[]): Match[] {
  const here = ins.filter((id) => ids.includes(id));
  return here.length === 0 ? [] : [inFamily(null, `iifname ${builder.devices(here)} fib daddr . iif type local`)];
}

function matchThere(builder: Builder, ids: readonly InterfaceId[], ins: readonly InterfaceId[]): Match[] {
  const others = ins.filter((one) => ids.some((id) => id !== one));
  if (others.length === 0) return [];
  const asked = [`iifname ${builder.devices(others)}`, 'fib daddr type local', 'fib daddr . iif type != local'];
  return ([4, 6] as const).map((family) => {
    const elsewhere = builder.addresses(livingElsewhere(builder.model, ids, family), family);
    return inFamily(family, ...asked, ...(elsewhere === null ? [] : [`${layer(family)} daddr != ${elsewhere}`]));
  });
}

function livingElsewhere(model: Model, ids: readonly InterfaceId[], family: Family): AddressSet {
  const owned = ownedAddresses(model, family);
  const ranges = rangesOwned(owned, family, (interfaces) => !interfaces.some((id) => ids.includes(id)));
  return family === 4 ? { v4: ranges as AddressSet['v4'], v6: [] } : { v4: [], v6: ranges as AddressSet['v6'] };
}

/**
 * Interfaces without a network whose addresses can't be told from those of `id` where a packet came in by a third one.
 */
export function listConfusable({ interfaces, networks }: Model, id: InterfaceId): readonly InterfaceId[] {
  if (interfaces.length < 3) return [];
  const bare = interfaces.filter((one) => one.id !== id && !networks.some((network) => network.interface === one.id));
  return bare.map((one) => one.id);
}
