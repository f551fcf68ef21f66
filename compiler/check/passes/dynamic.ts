/** Tables that `dynamic` networks need beside those that lines name: what is forged, and what lives on an uplink. */
import { type Living, type Named, writePrefix } from '../../dynamic.ts';
import type { InterfaceId } from '../../model.ts';
import type { Context } from '../context.ts';
import { followingTable } from '../resolve/tables.ts';

export function prepareDynamic(context: Context): void {
  const first = context.networks.find(({ dynamic }) => dynamic);
  if (first === undefined) return;
  const networks: Living[] = context.networks.map(({ interface: id, dynamic, written }) => {
    return { interface: id, dynamic, prefixes: written.map((one) => writePrefix(one, one.family)) };
  });
  const owners = new Set<InterfaceId>(networks.map((network) => network.interface));
  for (const id of [...owners, null]) {
    followingTable(context, 'networks elsewhere', { kind: 'elsewhere', interface: id, networks }, first.span);
  }
  for (const id of new Set(context.masquerades.flatMap(({ interfaces }) => interfaces))) {
    if (owners.has(id)) followingTable(context, 'networks here', { kind: 'here', interface: id, networks }, first.span);
  }
}

/** For whoever reads what the names stand for now. */
export function nameFollowers({ names, dynamics, maps, values }: Context): Named[] {
  const things = [...names.things.values()].flatMap(({ kind, name }): Named[] => {
    const parts = dynamics.get(name.text);
    if (parts === undefined || (kind !== 'network' && kind !== 'host')) return [];
    return [{ kind, name: name.text, follows: { kind: 'prefixes', parts } }];
  });
  const mapped = maps.flatMap(({ name, follows }): Named[] => {
    const value = follows === null ? undefined : values[follows.value - 1];
    return value?.kind === 'outside' ? [{ kind: 'map', name, follows: value }] : [];
  });
  return [...things, ...mapped];
}
