import { containsAddress, LAST_V4 } from '../addresses.ts';
import type { InterfaceId, Sides } from '../model.ts';
import type { Context } from './context.ts';

/**
 * The interfaces that strangers are behind: those that a masquerade leaves by, and those with no `network` on them
 * (or one that holds the whole internet).
 */
export function outerInterfaces(context: Context): ReadonlySet<InterfaceId> {
  const outer = new Set(context.masquerades.flatMap(({ interfaces }) => interfaces));
  const inner = new Set<InterfaceId>();
  for (const network of context.networks) {
    if (containsAddress(network.addresses, 4, 0n)) outer.add(network.interface);
    else inner.add(network.interface);
  }
  for (const { id } of context.interfaces) if (!inner.has(id)) outer.add(id);
  return outer;
}

/** Can a stranger who comes in by one of these interfaces be the sender? `except` may name a few that can't. */
export function admitsEveryone({ include }: Sides, by: readonly InterfaceId[]): boolean {
  if (include.any || include.interfaces.some((id) => by.includes(id))) return true;
  const [only] = include.addresses.v4;
  return only?.first === 0 && only.last === LAST_V4;
}
