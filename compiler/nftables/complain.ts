/** What of a file nft can't say, or says otherwise. Only asked when nftables is the target. */
import type { BlockDecl, Document, GatewayDecl, GatewayLine, Property } from '../../grammar/ast.ts';
import type { Diagnostic } from '../../grammar/diagnostic.ts';
import type { Span } from '../../grammar/span.ts';
import { formatRange } from '../addresses.ts';
import type { Template } from '../check/codes.ts';
import { ICMP_TYPES } from '../check/icmp-types.ts';
import { type Masquerade, type Model, SELF } from '../model.ts';
import { rangeOfPrefix } from '../pairing.ts';
import { adjustment } from '../prefix-translation.ts';
import { NFT_CODES } from './codes.ts';
import { listConfusable } from './own.ts';
import { hasSeveral } from './pools.ts';

type Say = <P>(template: Template<P>, span: Span, parameters: P) => void;

/** In the order of the text. */
export function complain(model: Model, documents: readonly Document[]): Diagnostic[] {
  const found: Diagnostic[] = [];
  const say: Say = (template, span, parameters) => {
    const { code, severity } = template;
    const expected = template.expected(parameters);
    const message = template.message(parameters);
    found.push({
      code,
      severity,
      message,
      ...(expected === undefined ? {} : { expected }),
      span,
      related: [],
      fixes: [],
    });
  };
  for (const declaration of documents.flatMap(({ declarations }) => declarations)) {
    switch (declaration.kind) {
      case 'gateway':
        complainOfGateway(say, declaration);
        break;
      case 'network':
        for (const one of declaration.prefixes)
          if (one.kind === 'dynamic') say(NFT_CODES.dynamicPrefix, one.span, undefined);
        break;
      case 'masquerade':
        complainOfMasquerade(say, model, declaration);
        break;
      case 'map':
        complainOfMap(say, model, declaration);
        break;
      default:
    }
  }
  complainOfOwn(say, model);
  complainOfIcmp(say, model);
  const rank = new Map(documents.map(({ file }, i) => [file, i]));
  const of = ({ span }: Diagnostic): number => rank.get(span.file) ?? documents.length;
  return found.sort((a, b) => of(a) - of(b) || a.span.start - b.span.start);
}

function complainOfGateway(say: Say, { lines, name }: GatewayDecl): void {
  const find = <K extends GatewayLine['kind']>(kind: K) =>
    lines.find((line): line is Extract<GatewayLine, { kind: K }> => line.kind === kind);
  const flows = find('flows');
  if (flows !== undefined) say(NFT_CODES.flowsWord, flows.span, { count: flows.count.value });
  const entries = find('timeout')?.entries ?? [];
  const others = entries.filter(({ protocol }) => ['icmp', 'other'].includes(protocol.text));
  for (const { protocol, span } of others) say(NFT_CODES.timeoutWord, span, { word: protocol.text });
  if (others.length === 0) say(NFT_CODES.timeoutDefault, name.span, undefined);
  const established = find('established');
  if (established === undefined) say(NFT_CODES.establishedDefault, name.span, undefined);
  else if (established.value.text !== 'keep')
    say(NFT_CODES.establishedWord, established.span, { word: established.value.text });
}

function complainOfMasquerade(say: Say, model: Model, { name, properties }: BlockDecl): void {
  const masquerade = model.masquerades.find((one) => one.name === name.text);
  if (masquerade === undefined) return;
  const find = <K extends Property['kind']>(kind: K) =>
    properties.find((one): one is Extract<Property, { kind: K }> => one.kind === kind);
  const words = (['mapping', 'filtering'] as const).flatMap((kind) => find(kind) ?? []);
  const unsaid = words.filter(({ word }) => word.text !== 'address-and-port-dependent');
  for (const { kind, word, span } of unsaid) say(NFT_CODES.mappingWord, span, { property: kind, word: word.text });
  if (unsaid.length === 0 && masquerade.mapping === 'endpoint-independent')
    say(NFT_CODES.mappingDefault, name.span, { name: name.text });
  const refresh = find('refresh');
  if (refresh?.word.text === 'outbound') say(NFT_CODES.refreshOutbound, refresh.span, undefined);
  const ports = find('ports');
  if (ports?.choice?.text === 'keep') say(NFT_CODES.portsKeep, ports.choice.span, undefined);
  const log = find('log');
  if (log !== undefined) say(NFT_CODES.allocationLog, log.span, undefined);
  for (const { kind, span } of masquerade.limits) if (kind === 'ports') say(NFT_CODES.portLimit, span, undefined);
  if (isPaired(masquerade)) say(NFT_CODES.pairing, find('address')?.span ?? name.span, { name: name.text });
}

function isPaired(masquerade: Masquerade): boolean {
  return masquerade.share === null && masquerade.families.some((family) => hasSeveral(masquerade, family));
}

function complainOfMap(say: Say, model: Model, { name, properties }: BlockDecl): void {
  const map = model.maps.find((one) => one.name === name.text);
  if (map === undefined) return;
  if (map.follows !== null) {
    const outside = properties.find(({ kind }) => kind === 'outside');
    say(NFT_CODES.dynamicPrefix, outside?.span ?? name.span, undefined);
    return;
  }
  if (map.family === 4 || isNeutral(adjustment(map.inside, map.outside))) return;
  const write = (prefix: typeof map.inside): string => {
    const { first, last } = rangeOfPrefix(prefix, 6);
    return formatRange(6, first, last);
  };
  say(NFT_CODES.prefixTranslation, name.span, { inside: write(map.inside), outside: write(map.outside) });
}

/** Both zeros of ones' complement. */
const isNeutral = (sum: number): boolean => sum === 0 || sum === 0xffff;

/** Lines that ask for the own address of an interface, which may be taken for another one's. */
function complainOfOwn(say: Say, model: Model): void {
  const { interfaces, gateway, policies, redirects } = model;
  const named = (id: number): string => interfaces.find((one) => one.id === id)?.name ?? '';
  const rules = [...gateway.rules, ...policies.filter(({ to }) => to.includes(SELF)).flatMap((policy) => policy.rules)];
  const asked = [
    ...rules.map(({ to, span }) => ({ ids: [...to.include.own, ...(to.except?.own ?? [])], span })),
    ...redirects.filter(({ addresses }) => addresses === null).map((one) => ({ ids: one.interfaces, span: one.span })),
  ];
  for (const { ids, span } of asked) {
    for (const id of ids) {
      const others = listConfusable(model, id).filter((one) => !ids.includes(one));
      const parameters = { name: named(id), others: others.map(named).join(', ') };
      if (others.length > 0) say(NFT_CODES.alikeInterfaces, span, parameters);
    }
  }
}

/** Types that begin something for us and nothing for the kernel's connection tracking (valid_new in nf_conntrack_proto_icmp.c). */
const UNTRACKED_V4 = ['router-advertisement', 'router-solicitation'];

function complainOfIcmp(say: Say, { policies }: Model): void {
  const untracked = new Map(UNTRACKED_V4.map((name) => [ICMP_TYPES.get(name)?.v4, name]));
  for (const { decision, services, span } of policies.flatMap(({ rules }) => rules)) {
    if (decision !== 'allow') continue;
    for (const { icmp } of services) {
      const type = icmp === null ? undefined : untracked.get(icmp.v4 ?? undefined);
      if (type !== undefined) say(NFT_CODES.untrackedIcmp, span, { type });
    }
  }
}
