import type { AddressItem, BlockDecl, Endpoint, Property, Target } from '../../../grammar/ast.ts';
import type { Span } from '../../../grammar/span.ts';
import { hasFamily } from '../../addresses.ts';
import type { Part } from '../../dynamic.ts';
import type { AddressSet, InterfaceId, Listen, Redirect, Service, ValueId } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, giveId, type HostAddress, sentenceAt } from '../context.ts';
import { askMachine, lookUp } from '../names.ts';
import { resolveLimits, resolveLog } from '../resolve/limits.ts';
import { resolveInterfaces } from '../resolve/places.ts';
import {
  findProperty,
  isForgottenAllow,
  isMissing,
  limitsOf,
  reportMissing,
  takeProperties,
} from '../resolve/properties.ts';
import { formatPorts, formatService, resolveWhat, serviceFamilies } from '../resolve/services.ts';
import { resolveAddresses, resolveSides } from '../resolve/sides.ts';
import { addValue } from '../resolve/tables.ts';

type ListenLine = Extract<Property, { kind: 'listen' }>;

export function resolveRedirect(context: Context, block: BlockDecl): void {
  const { name, span } = block;
  const properties = takeProperties(context, block);
  const log = resolveLog(context, findProperty(properties, 'log')?.log ?? null);
  const limits = resolveLimits(context, limitsOf(block));

  const places = findProperty(properties, 'interface');
  if (places === null) reportMissing(context, block, 'interface', 'interface wan');
  const interfaces = places === null ? null : resolveInterfaces(context, places.names, '`interface`');

  const addressed = findProperty(properties, 'address');
  const addresses =
    addressed === null ? null : resolveListened(context, addressed.addresses.items, interfaces, addressed);

  const lines = properties.filter((property) => property.kind === 'listen');
  if (lines.length === 0) reportMissing(context, block, 'listen', 'listen tcp 80 to yoda');
  const listens = lines.flatMap((line) =>
    resolveListen(context, block, line, addresses === 'wrong' ? null : addresses),
  );

  const allow = findProperty(properties, 'allow-from');
  const forgotten = block.properties.some(({ kind }) => isForgottenAllow(block, kind));
  if (allow === null && !forgotten && isMissing(context, block, 'allow-from')) {
    context.report.add(CODES.redirectWithoutAllow, name.span, { name: name.text });
  }
  const allowFrom = allow === null ? null : resolveSides(context, allow.addresses, '`allow from`');
  const denyId = giveId(context, 'redirect-denied', name.text, allow?.span ?? span);
  if (interfaces === null || allow === null || allowFrom === null || addresses === 'wrong') return;
  const redirect: Redirect = {
    name: name.text,
    interfaces,
    addresses,
    listens,
    allowFrom,
    denyId,
    limits,
    log,
    allowSpan: allow.span,
    span,
  };
  context.redirects.push(redirect);
}

/** `address`: what it owns; null is the interface's own address, which may also be named by the interface. */
function resolveListened(
  context: Context,
  items: readonly AddressItem[],
  interfaces: readonly InterfaceId[] | null,
  { addresses, span }: Extract<Property, { kind: 'address' }>,
): AddressSet | null | 'wrong' {
  const own = items.filter((item) => item.kind === 'name' && context.interfaceIds.has(item.name.text));
  if (own.length === 0 || addresses.except.length > 0) {
    return resolveAddresses(context, addresses, '`address`') ?? 'wrong';
  }
  const ids = own.map((item) => (item.kind === 'name' ? context.interfaceIds.get(item.name.text) : undefined));
  for (const item of own) if (item.kind === 'name') context.names.used.add(item.name.text);
  const same =
    interfaces !== null &&
    ids.length === interfaces.length &&
    ids.every((id) => id !== undefined && interfaces.includes(id));
  if (same && own.length === items.length) return null;
  if (interfaces !== null) {
    const what = "the address of another interface, or one's own beside others, is";
    context.report.add(CODES.notBuilt, span, {
      what,
      instead: 'no `address` (then it is the own one of `interface`), or addresses alone',
    });
  }
  return 'wrong';
}

/** One `Listen` for each service, and for each family that the target has; each with an id of its own. */
function resolveListen(context: Context, block: BlockDecl, line: ListenLine, addresses: AddressSet | null): Listen[] {
  const services = resolveWhat(context, line.what, '`listen`');
  const [target, second] = line.to;
  if (second !== undefined) {
    const parameters = { what: 'a redirect to several targets is', instead: 'one target' };
    context.report.add(CODES.notBuilt, second.span, parameters);
  } else if (target?.weight != null) {
    context.report.add(CODES.notBuilt, target.weight.span, { what: '`weight` is', instead: 'the target alone' });
  }
  if (target === undefined) return [];
  const machines = resolveTarget(context, target);
  if (services === null || machines === null) return [];
  if (!services.every((service) => isBuilt(context, line, service)) || !doPortsFit(context, line, services, target))
    return [];

  const text = sentenceAt(context, line.span);
  const listens: Listen[] = [];
  for (const service of services) {
    const fitting = machines.filter(
      ({ family }) => serviceFamilies(service).has(family) && (addresses === null || hasFamily(addresses, family)),
    );
    const [machine] = machines;
    if (fitting.length === 0 && machine !== undefined) {
      const other = serviceFamilies(service).has(machine.family) ? '`address`' : `\`${formatService(service)}\``;
      context.report.add(CODES.familiesApart, target.endpoint.span, { what: 'the target', is: machine.family, other });
      return [];
    }
    for (const { part, ...one } of fitting) {
      const ports = target.endpoint.ports;
      listens.push({
        id: giveId(context, 'redirect', block.name.text, line.span, text),
        service,
        target: one,
        value: part === null ? null : numberValue(context, part, line.span),
        targetPorts: ports === null ? null : { first: ports.first, last: ports.last },
        span: line.span,
      });
    }
  }
  return listens;
}

/** The number of what the policy is told of a host in a prefix that changes. */
function numberValue(context: Context, { interface: id, family, suffix }: Part, span: Span): ValueId | null {
  if (family === null || suffix === null) return null;
  const value = { kind: 'host', interface: id, family, suffix } as const;
  const known = context.values.findIndex((one) => JSON.stringify(one) === JSON.stringify(value));
  return known >= 0 ? known + 1 : addValue(context, value, span);
}

function isBuilt(context: Context, line: ListenLine, { protocol }: Service): boolean {
  if (protocol === 'tcp' || protocol === 'udp' || protocol === 'icmp') return true;
  context.report.add(CODES.notBuilt, line.what.span, {
    what: `a redirect of ${protocol} is`,
    instead: 'tcp, udp or icmp',
  });
  return false;
}

/** The addresses of a target; null: none that can be used, which is reported. */
function resolveTarget(context: Context, { endpoint }: Target): readonly HostAddress[] | null {
  const { machine } = endpoint;
  if (machine.kind === 'address') {
    return [{ kind: 'address', family: machine.family, address: machine.first, part: null }];
  }
  if (machine.kind === 'name') {
    const thing = lookUp(context.names, context.report, machine.name, askMachine('the target of a redirect'));
    if (thing === null) return null;
    const host = context.hosts.get(thing.name.text);
    if (thing.kind === 'host') return host === undefined || host.length === 0 ? null : host;
  }
  const parameters = { what: 'a redirect to the gateway itself is', instead: 'a host or an address' };
  context.report.add(CODES.notBuilt, machine.span, parameters);
  return null;
}

/** Ports after the target: as many as are listened for, and one list for one of them. */
function doPortsFit(context: Context, line: ListenLine, services: readonly Service[], { endpoint }: Target): boolean {
  const { ports } = endpoint;
  if (ports === null) return true;
  const drop = {
    title: 'let each port stay what it is',
    span: { ...endpoint.span, ...columnsBetween(endpoint) },
    replacement: '',
  };
  const portless = services.find((service) => service.ports === null);
  if (portless !== undefined) {
    context.report.add(CODES.portsOnIcmp, ports.span, { protocol: portless.protocol }, { fixes: [drop] });
    return false;
  }
  const size = ports.last - ports.first;
  const ranges = new Map<string, number>();
  for (const { protocol } of services) ranges.set(protocol, (ranges.get(protocol) ?? 0) + 1);
  const several = [...ranges.values()].some((count) => count > 1);
  const differs = services.some(
    (service) => service.ports !== null && service.ports.last - service.ports.first !== size,
  );
  if (!several && !differs) return true;
  const listened = `\`${services.slice(0, 4).map(formatService).join(', ')}${services.length > 4 ? ', …' : ''}\``;
  const targets = size === 0 ? `the one port ${ports.first}` : `the ${size + 1} ports ${formatPorts(ports)}`;
  context.report.add(
    CODES.portsDiffer,
    ports.span,
    { listened, targets },
    {
      related: [{ span: line.what.span, message: 'listened for here' }],
      fixes: [drop],
    },
  );
  return false;
}

/** From the end of the machine to the end of the ports: `:8080`. */
function columnsBetween({ machine, ports, span }: Endpoint): { start: number; end: number; column: number } {
  const start = machine.span.end;
  return { start, end: ports?.span.end ?? span.end, column: machine.span.column + (start - machine.span.start) };
}
