/** By which interface a destination leaves, as far as the file tells. */
import type { Family } from '../../grammar/ast.ts';
import type { InterfaceId, Model } from '../model.ts';
import { ownedAddresses } from '../ownership.ts';

/** Interfaces by which packets to an address may leave: one when it is known, never none. */
export type Routes = (family: Family, address: bigint) => readonly InterfaceId[];

/**
 * The longest prefix of all `network … on` lines that holds the destination; a destination in no network leaves by an
 * uplink. Several answers: the file does not tell which.
 */
export function routesOf(model: Model): Routes {
  const owned = { 4: ownedAddresses(model, 4), 6: ownedAddresses(model, 6) };
  const uplinks = findUplinks(model);
  return (family, address) =>
    owned[family].find(({ first, last }) => first <= address && address <= last)?.interfaces ?? uplinks;
}

/**
 * Where the rest of the world is: the interfaces that masquerades name; when there are none, those without a network;
 * when all have one, all of them.
 */
export function findUplinks(model: Model): readonly InterfaceId[] {
  const ids = model.interfaces.map(({ id }) => id);
  const named = ids.filter((id) => model.masquerades.some(({ interfaces }) => interfaces.includes(id)));
  if (named.length > 0) return named;
  const bare = ids.filter((id) => !model.networks.some((network) => network.interface === id));
  return bare.length > 0 ? bare : ids;
}
