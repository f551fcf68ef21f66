import type { AddressItem, Name, PlaceItem, WhatItem } from '../../../grammar/ast.ts';
import type { Span } from '../../../grammar/span.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { formatPorts } from './services.ts';

/**
 * An item that stands twice in a list: the second one does nothing, so something else was meant (`udp 53, 53` for
 * `udp 53, tcp 53`).
 */
export function refuseTwice(context: Context, items: readonly (AddressItem | PlaceItem | WhatItem)[]): void {
  if (items.length < 2) return;
  refuse(
    context,
    items.map((item) => ({ text: describe(item), span: item.span })),
  );
}

export function refuseNamesTwice(context: Context, names: readonly Name[]): void {
  refuse(context, names);
}

function refuse(context: Context, items: readonly { readonly text: string; readonly span: Span }[]): void {
  const first = new Map<string, Span>();
  for (const { text, span } of items) {
    const before = first.get(text);
    if (before === undefined) first.set(text, span);
    else {
      context.report.add(
        CODES.repeatedItem,
        span,
        { item: `\`${text}\`` },
        {
          related: [{ span: before, message: 'first here' }],
        },
      );
    }
  }
}

function describe(item: AddressItem | PlaceItem | WhatItem): string {
  switch (item.kind) {
    case 'name':
    case 'service':
      return item.name.text;
    case 'address':
      return item.text;
    case 'file':
      return `file "${item.path.value}"`;
    case 'ports':
      return `${item.protocol} ${formatPorts(item.ports)}`;
    case 'bare-ports':
      return formatPorts(item.ports);
    case 'icmp':
      return item.type === null ? 'icmp' : `icmp ${item.type.text}`;
    case 'any':
    case 'self':
    case 'gre':
    case 'esp':
      return item.kind;
    default:
      return item satisfies never;
  }
}
