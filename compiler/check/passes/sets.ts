/** Sets and services: both may be made of others of their kind, in any order, but not of themselves. */
import type { Addresses, Name, ServiceDecl, SetDecl } from '../../../grammar/ast.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { orderByUse } from '../order.ts';
import { resolveWhat } from '../resolve/services.ts';
import { OF_A_SET, resolveAddresses } from '../resolve/sides.ts';

export function resolveSets(context: Context): void {
  resolveKind(context, 'set', namesInSet, ({ name, addresses }, circular) => {
    context.addresses.set(name.text, circular ? null : resolveAddresses(context, addresses, OF_A_SET));
    if (!circular) takeParts(context, name.text, addresses);
    const items = [...addresses.items, ...addresses.except];
    const isFilled = items.some(
      (item) => item.kind === 'file' || (item.kind === 'name' && context.filled.has(item.name.text)),
    );
    if (isFilled) context.filled.add(name.text);
  });
}

/** What follows prefixes of interfaces in the set: that of all its names. `except` would need other tables: it stands in rules. */
function takeParts(context: Context, set: string, { items, except }: Addresses): void {
  const parts = items.flatMap((item) => (item.kind === 'name' ? (context.dynamics.get(item.name.text) ?? []) : []));
  if (parts.length > 0)
    context.dynamics.set(set, [...new Map(parts.map((part) => [JSON.stringify(part), part])).values()]);
  const changes =
    parts.length > 0 || except.some((item) => item.kind === 'name' && context.dynamics.has(item.name.text));
  const [excepted] = except;
  if (excepted !== undefined && changes) {
    context.report.add(CODES.changingExcept, excepted.span, { name: set });
  }
}

export function resolveServices(context: Context): void {
  resolveKind(context, 'service', namesInService, ({ name, what }, circular) => {
    context.services.set(name.text, circular ? null : resolveWhat(context, what, 'a service'));
  });
}

const namesInSet = ({ addresses }: SetDecl): Name[] =>
  [...addresses.items, ...addresses.except].flatMap((item) => (item.kind === 'name' ? [item.name] : []));
const namesInService = ({ what }: ServiceDecl): Name[] =>
  what.items.flatMap((item) => (item.kind === 'service' ? [item.name] : []));

function resolveKind<K extends 'set' | 'service'>(
  context: Context,
  kind: K,
  namesIn: (declaration: Declared<K>) => Name[],
  resolve: (declaration: Declared<K>, circular: boolean) => void,
): void {
  const declared = new Map<string, Declared<K>>();
  for (const thing of context.names.things.values()) {
    if (thing.kind === kind) declared.set(thing.name.text, thing as Declared<K>);
  }
  const { order, cycles } = orderByUse(declared.keys(), (name) => {
    const declaration = declared.get(name);
    if (declaration === undefined) return [];
    return namesIn(declaration).flatMap(({ text }) => (declared.has(text) ? [text] : []));
  });
  const circular = new Set<string>();
  for (const cycle of cycles) {
    for (const name of cycle) {
      circular.add(name);
      context.names.used.add(name);
    }
    const first = declared.get(cycle[0] ?? '');
    if (first === undefined) continue;
    const next = namesIn(first).find(({ text }) => text === cycle[1]);
    context.report.add(CODES.cycle, (next ?? first.name).span, { what: kind, chain: cycle.join(' → ') });
  }
  for (const name of order) {
    const declaration = declared.get(name);
    if (declaration !== undefined) resolve(declaration, circular.has(name));
  }
}

type Declared<K> = K extends 'set' ? SetDecl : ServiceDecl;
