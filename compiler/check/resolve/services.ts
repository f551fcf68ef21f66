/** `what` lists: protocols, ports, ICMP types and the names of services. */
import type { Name, What, WhatItem } from '../../../grammar/ast.ts';
import { findNearest, isOnlyNearest } from '../../../grammar/nearest.ts';
import type { Range, Service } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { ICMP_ALIASES, ICMP_TYPES, type IcmpType } from '../icmp-types.ts';
import { askService, lookUp } from '../names.ts';
import { listWords, replaceBy } from '../words.ts';
import { refuseTwice } from './twice.ts';

/** null: a mistake, which is reported. */
export function resolveWhat(context: Context, what: What, by: string): Service[] | null {
  refuseTwice(context, what.items);
  const services: Service[] = [];
  let sound = true;
  for (const item of what.items) {
    const found = resolveItem(context, item, by);
    if (found === null) sound = false;
    else for (const service of found) services.push(service);
  }
  return sound ? withoutTwins(services) : null;
}

/** Services that several names of a list hold: once, or lists of lists would double with each level. */
function withoutTwins(services: Service[]): Service[] {
  if (services.length < 2) return services;
  const key = ({ protocol, ports, icmp }: Service) =>
    `${protocol} ${ports?.first}-${ports?.last} ${icmp?.v4} ${icmp?.v6}`;
  return [...new Map(services.map((service) => [key(service), service])).values()];
}

function resolveItem(context: Context, item: WhatItem, by: string): readonly Service[] | null {
  switch (item.kind) {
    case 'ports':
      return [{ protocol: item.protocol, ports: { first: item.ports.first, last: item.ports.last }, icmp: null }];
    case 'gre':
    case 'esp':
      return [{ protocol: item.kind, ports: null, icmp: null }];
    case 'icmp': {
      if (item.ports !== null) {
        context.report.add(
          CODES.portsOnIcmp,
          item.ports.span,
          { protocol: 'icmp' },
          {
            fixes: [{ title: 'leave the port out', span: item.ports.span, replacement: '' }],
          },
        );
        return null;
      }
      if (item.type === null) return [{ protocol: 'icmp', ports: null, icmp: null }];
      const icmp = resolveIcmpType(context, item.type);
      return icmp === null ? null : [{ protocol: 'icmp', ports: null, icmp }];
    }
    case 'bare-ports': {
      const ports = formatPorts(item.ports);
      context.report.add(
        CODES.portWithoutProtocol,
        item.span,
        { ports },
        {
          fixes: ['tcp', 'udp'].map((protocol) => ({
            title: `${protocol} ${ports}`,
            span: item.ports.span,
            replacement: `${protocol} ${ports}`,
          })),
        },
      );
      return null;
    }
    case 'service': {
      const thing = lookUp(context.names, context.report, item.name, askService(by));
      return thing === null ? null : (context.services.get(item.name.text) ?? null);
    }
    default:
      return item satisfies never;
  }
}

export function resolveIcmpType(context: Context, type: Name): IcmpType | null {
  const known = ICMP_TYPES.get(type.text);
  if (known !== undefined) return known;
  const names = [...ICMP_TYPES.keys()];
  const alias = ICMP_ALIASES.get(type.text);
  const meant = alias ?? findNearest(type.text, names);
  const types = meant === null ? listWords(names, 5, 'or') : `\`${meant}\``;
  const fixes =
    meant === null
      ? []
      : [{ ...replaceBy(meant, type.span), certain: alias !== undefined || isOnlyNearest(type.text, meant, names) }];
  context.report.add(CODES.unknownIcmpType, type.span, { type: type.text, types }, { fixes });
  return null;
}

export function formatPorts({ first, last }: Range<number>): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

/** `tcp 80`, `icmp echo-request`, `gre`. */
export function formatService({ protocol, ports, icmp }: Service): string {
  if (ports !== null) return `${protocol} ${formatPorts(ports)}`;
  if (icmp === null) return protocol;
  for (const [name, type] of ICMP_TYPES) if (type.v4 === icmp.v4 && type.v6 === icmp.v6) return `icmp ${name}`;
  return protocol;
}

/** Families that packets of a service can have. */
export function serviceFamilies({ icmp }: Service): ReadonlySet<4 | 6> {
  const families = new Set<4 | 6>();
  if (icmp === null || icmp.v4 !== null) families.add(4);
  if (icmp === null || icmp.v6 !== null) families.add(6);
  return families;
}
