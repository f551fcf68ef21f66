/** What a line lists, one by one: a host named in it may never be meant, though the line as a whole is. */
import type { Addresses, AddressItem, Rule as RuleLine } from '../../../grammar/ast.ts';
import type { Span } from '../../../grammar/span.ts';
import { addressesOf } from '../../addresses.ts';
import type { Rule, Side } from '../../model.ts';
import { SELF } from '../../model.ts';
import { boxesOf, type Named } from '../boxes.ts';
import type { Context } from '../context.ts';
import { formatService, resolveWhat } from '../resolve/services.ts';
import { ANYONE } from '../resolve/sides.ts';
import { MOST_SPELLED_OUT } from '../resolve/tables.ts';
import { reportPart, type Search } from '../taken.ts';

/** The line, if it listed just what stands at `span`. */
export interface Part {
  readonly span: Span;
  readonly named: Named;
  /** `tcp 25` */
  readonly text: string;
}
export type Parts = ReadonlyMap<Rule, readonly Part[]>;

export function listParts(context: Context): Parts {
  const sentences = new Map<string, RuleLine>();
  const keyOf = ({ file, start }: Span) => `${start} ${file}`;
  for (const declaration of context.documents.flatMap(({ declarations }) => declarations)) {
    const lines =
      declaration.kind === 'policy' ? declaration.rules : declaration.kind === 'gateway' ? declaration.lines : [];
    for (const line of lines) if (line.kind === 'rule') sentences.set(keyOf(line.span), line);
  }
  const parts = new Map<Rule, readonly Part[]>();
  for (const { rules } of [...context.gateway, ...context.policies]) {
    for (const rule of rules) {
      const sentence = sentences.get(keyOf(rule.span));
      const found = sentence === undefined ? [] : partsOf(context, sentence, rule);
      if (found.length > 0) parts.set(rule, found);
    }
  }
  return parts;
}

function partsOf(context: Context, { what, from, to }: RuleLine, rule: Rule): Part[] {
  const { services } = rule;
  const items = what === null || what.items.length < 2 ? [] : what.items;
  const ofWhat = items.map((item) => {
    const only = resolveWhat(context, { items: [item], span: item.span }, 'a line') ?? services;
    const text = item.kind === 'ports' ? only.map(formatService).join(', ') : textAt(context, item.span);
    return { span: item.span, named: { ...rule, services: only }, text };
  });
  return [
    ...ofWhat,
    ...sidesOf(context, from).map(({ side, ...part }) => ({
      ...part,
      named: { ...rule, from: { ...rule.from, include: side } },
    })),
    ...sidesOf(context, to).map(({ side, ...part }) => ({
      ...part,
      named: { ...rule, to: { ...rule.to, include: side } },
    })),
  ];
}

function sidesOf(
  context: Context,
  addresses: Addresses | null,
): { readonly span: Span; readonly side: Side; readonly text: string }[] {
  if (addresses === null || addresses.items.length < 2) return [];
  return addresses.items.flatMap((item) => {
    const side = sideOf(context, item);
    return side === null ? [] : [{ span: item.span, side, text: textAt(context, item.span) }];
  });
}

const textAt = ({ sources }: Context, { file, start, end }: Span) => sources.get(file)?.slice(start, end) ?? '';

/** null: `any`, or what is looked up in a table and may change. */
function sideOf(context: Context, item: AddressItem): Side | null {
  const side = { ...ANYONE.include, any: false };
  if (item.kind === 'self') return { ...side, interfaces: [SELF] };
  if (item.kind === 'any' || item.kind === 'file') return null;
  if (item.kind !== 'name') return { ...side, addresses: addressesOf([item]) };
  const name = item.name.text;
  const place = context.zones.get(name) ?? context.interfaceIds.get(name);
  if (place !== undefined) return { ...side, interfaces: [place].flat() };
  const addresses = context.addresses.get(name) ?? null;
  const changes = context.filled.has(name) || context.dynamics.has(name);
  if (addresses === null || changes || addresses.v4.length + addresses.v6.length > MOST_SPELLED_OUT) return null;
  return { ...side, addresses };
}

/** Warns where lines that decide otherwise take all of it. Who decides alike makes no difference. */
export function seekPart(search: Search, { decision }: Rule, { span, named, text }: Part): void {
  const { sight, lines, before } = search;
  const boxes = boxesOf(named, sight.ins, sight.outs, 'most');
  const cover = boxes.length === 0 ? 'unknown' : lines.coversAll(boxes, before);
  if (cover === 'unknown' || 'left' in cover) return;
  const allows = decision === 'allow';
  const otherwise = [...cover.takers].every((taker) => {
    if (taker.kind === 'line' || taker.kind === 'gateway') return (taker.rule.decision === 'allow') !== allows;
    return taker.kind === 'redirect' && allows;
  });
  if (!otherwise) return;
  reportPart(search, span, text, named, cover.takers);
}
