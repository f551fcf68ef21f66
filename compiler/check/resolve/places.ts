import type { Name, Places } from '../../../grammar/ast.ts';
import type { InterfaceId } from '../../model.ts';
import { SELF } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { askInterface, askPlace, lookUp } from '../names.ts';
import { refuseNamesTwice, refuseTwice } from './twice.ts';

/** The interfaces of a name that is a place; null: it is none, or one with a mistake, and that is reported. */
export function resolvePlace(context: Context, name: Name, by: string): readonly InterfaceId[] | null {
  const thing = lookUp(context.names, context.report, name, askPlace(by));
  if (thing === null) return null;
  if (thing.kind === 'zone') return context.zones.get(name.text) ?? null;
  return [idOf(context, name)];
}

export function resolveInterface(context: Context, name: Name, by: string): InterfaceId | null {
  return lookUp(context.names, context.report, name, askInterface(by)) === null ? null : idOf(context, name);
}

/** The list after `interface`: each interface once, in the order of ids. */
export function resolveInterfaces(context: Context, names: readonly Name[], by: string): InterfaceId[] | null {
  refuseNamesTwice(context, names);
  const found = names.map((name) => resolvePlace(context, name, by));
  if (found.includes(null)) return null;
  return inOrder(found.flatMap((ids) => ids ?? []));
}

/** The places of a policy's head. `any` is every declared interface, and not the gateway. */
export function resolvePlaces(context: Context, places: Places, by: string): InterfaceId[] | null {
  refuseTwice(context, places.items);
  refuseNamesTwice(context, places.except);
  const included: InterfaceId[] = [];
  let sound = true;
  for (const item of places.items) {
    if (item.kind === 'any') for (const { id } of context.interfaces) included.push(id);
    else if (item.kind === 'self') included.push(SELF);
    else {
      const found = resolvePlace(context, item.name, by);
      if (found === null) sound = false;
      else for (const id of found) included.push(id);
    }
  }
  const excepted = new Set<InterfaceId>();
  for (const name of places.except) {
    const found = resolvePlace(context, name, '`except`');
    if (found === null) sound = false;
    else for (const id of found) excepted.add(id);
  }
  if (!sound) return null;
  const stay = inOrder(included.filter((id) => !excepted.has(id)));
  if (stay.length === 0 && included.length > 0) context.report.add(CODES.nowhere, places.span, undefined);
  return stay.length === 0 ? null : stay;
}

function idOf(context: Context, name: Name): InterfaceId {
  return context.interfaceIds.get(name.text) ?? SELF;
}

function inOrder(ids: readonly InterfaceId[]): InterfaceId[] {
  return [...new Set(ids)].sort((a, b) => a - b);
}
