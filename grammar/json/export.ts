/** Declarations as the JSON that `readJson` reads. Comments are not in it. */
import type {
  Addresses,
  AddressItem,
  Declaration,
  GatewayLine,
  HealthCheck,
  Log,
  Places,
  Property,
  Rule,
  TimeoutEntry,
  What,
  WhatItem,
} from '../ast.ts';
import type { Span } from '../span.ts';

export type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json | undefined };

/** What stands at a span, blanks as one. */
export type Said = (span: Span) => string;
/** The path of a file of addresses, as the JSON is to name it. */
export type NamePath = (path: string, saidIn: string) => string;

interface Around {
  readonly said: Said;
  readonly namePath: NamePath;
}

export function exportDeclaration(declaration: Declaration, around: Around): Json {
  const { kind } = declaration;
  return { [kind]: kind === 'include' ? declaration.path.value : describe(declaration, around) };
}

function describe(declaration: Exclude<Declaration, { kind: 'include' }>, around: Around): Json {
  const { said } = around;
  switch (declaration.kind) {
    case 'expect':
      return { title: declaration.title.value, steps: declaration.steps.map(({ span }) => said(span)) };
    case 'gateway':
      return { name: declaration.name.text, ...describeGateway(declaration.lines, around) };
    case 'interface': {
      const { name, device, mss, xdp } = declaration;
      const clamp = mss === null ? undefined : mss.kind === 'clamp' ? 'clamp' : mss.bytes.value;
      return { name: name.text, device: device.text, mss: clamp, xdp: xdp ? undefined : false };
    }
    case 'zone':
      return { name: declaration.name.text, members: declaration.members.map(({ text }) => text) };
    case 'network': {
      const prefixes = declaration.prefixes.map((one) => (one.kind === 'dynamic' ? 'dynamic' : one.text));
      return { name: declaration.name.text, addresses: prefixes, on: declaration.on.text };
    }
    case 'host': {
      const addresses = declaration.addresses.map(({ address, in: network }) =>
        network === null ? address.text : `${address.text} in ${network.text}`,
      );
      return { name: declaration.name.text, addresses };
    }
    case 'set':
      return { name: declaration.name.text, addresses: addressesOf(declaration.addresses, around) };
    case 'service':
      return { name: declaration.name.text, what: whatOf(declaration.what) };
    case 'policy': {
      const { name, from, to, rules, default: last } = declaration;
      return {
        name: name.text,
        from: placesOf(from),
        to: placesOf(to),
        rules: rules.map((rule) => ruleOf(rule, around)),
        default: last === null ? undefined : defaultOf(last.action, last.log, said),
      };
    }
    default:
      return { name: declaration.name.text, ...describeProperties(declaration.properties, around) };
  }
}

const defaultOf = (action: string, log: Log | null, said: Said): Json =>
  log === null ? action : { action, log: logOf(log, said) };

/** In the order of the text: lines that decide have their numbers from it. */
function describeGateway(lines: readonly GatewayLine[], around: Around): { readonly [key: string]: Json } {
  const { said } = around;
  const members: Record<string, Json> = {};
  for (const line of lines) {
    switch (line.kind) {
      case 'rule':
        members.rules = [...((members.rules as readonly Json[]) ?? []), ruleOf(line, around)];
        break;
      case 'default':
        members.default = defaultOf(line.action.text, line.log, said);
        break;
      case 'flows':
        members.flows = line.count.value;
        break;
      case 'timeout':
        members.timeout = timeoutsOf(line.entries, said);
        break;
      case 'confirm-within':
        members.confirm = { ...(members.confirm as object), within: said(line.time.span) };
        break;
      case 'confirm-by':
        members.confirm = { ...(members.confirm as object), by: `${line.protocol.text} ${said(line.endpoint.span)}` };
        break;
      case 'account':
        members.account = addressesOf(line.addresses, around);
        break;
      default:
        members[line.kind] = line.value.text;
    }
  }
  return members;
}

/** Those that may repeat are arrays. */
const REPEATED: readonly string[] = ['listen', 'open', 'check', 'limit'];

function describeProperties(properties: readonly Property[], around: Around): { readonly [key: string]: Json } {
  const members: Record<string, Json> = {};
  for (const property of properties) {
    const key = property.kind === 'allow-from' ? 'allowFrom' : property.kind;
    const value = propertyOf(property, around);
    members[key] = REPEATED.includes(key) ? [...((members[key] as readonly Json[]) ?? []), value] : value;
  }
  return members;
}

function propertyOf(property: Property, around: Around): Json {
  const { said } = around;
  switch (property.kind) {
    case 'from':
    case 'address':
    case 'allow-from':
      return addressesOf(property.addresses, around);
    case 'interface':
      return property.names.map(({ text }) => text);
    case 'family':
    case 'helper':
      return property.words.map(({ text }) => text);
    case 'ports': {
      const words = [property.ports === null ? [] : portsOf(property.ports), property.choice?.text ?? []].flat();
      return words.join(' ');
    }
    case 'share':
      return property.count.value;
    case 'limit':
      return limitOf(said(property.limit.span));
    case 'timeout':
      return timeoutsOf(property.entries, said);
    case 'log':
      return logOf(property.log, said);
    case 'listen':
      return { what: whatOf(property.what), to: property.to.map(({ span }) => said(span)) };
    case 'check':
      return checkOf(property.check, said);
    case 'drain':
    case 'hold':
      return said(property.time.span);
    case 'control':
      return whatOf(property.what);
    case 'open':
      return { what: whatOf(property.what), from: property.from ?? undefined };
    case 'inside':
    case 'outside':
      return said(property.network.span);
    default:
      return property.word.text;
  }
}

const limitOf = (text: string): string => text.replace(/^limit /, '');

function checkOf({ probe, every, fall, rise }: HealthCheck, said: Said): Json {
  const http = probe.kind === 'http' ? probe.path.value : undefined;
  return { http, every: said(every.span), fall: fall?.value, rise: rise?.value };
}

function ruleOf({ action, what, from, to, limit, log }: Rule, around: Around): Json {
  return {
    action,
    what: what === null ? undefined : whatOf(what),
    from: from === null ? undefined : addressesOf(from, around),
    to: to === null ? undefined : addressesOf(to, around),
    limit: limit === null ? undefined : limitOf(around.said(limit.span)),
    log: log === null ? undefined : logOf(log, around.said),
  };
}

function logOf({ label, rate }: Log, said: Said): Json {
  return label === null && rate === null
    ? true
    : { label: label?.value, rate: rate === null ? undefined : said(rate.span) };
}

const timeoutsOf = (entries: readonly TimeoutEntry[], said: Said): Json =>
  Object.fromEntries(entries.map(({ protocol, time }) => [protocol.text, said(time.span)]));

const portsOf = ({ first, last }: { readonly first: number; readonly last: number }): string =>
  first === last ? `${first}` : `${first}-${last}`;

const whatOf = ({ items }: What): Json => items.map(itemOf);

function itemOf(item: WhatItem): string {
  switch (item.kind) {
    case 'ports':
      return `${item.protocol} ${portsOf(item.ports)}`;
    case 'bare-ports':
      return portsOf(item.ports);
    case 'icmp':
      return item.type === null ? 'icmp' : `icmp ${item.type.text}`;
    case 'service':
      return item.name.text;
    default:
      return item.kind;
  }
}

function addressesOf({ items, except }: Addresses, around: Around): Json {
  const list = (some: readonly AddressItem[]) => some.map((item) => addressOf(item, around));
  return except.length === 0 ? list(items) : { of: list(items), except: list(except) };
}

function addressOf(item: AddressItem, { namePath }: Around): Json {
  if (item.kind === 'address') return item.text;
  if (item.kind === 'name') return item.name.text;
  return item.kind === 'file' ? { file: namePath(item.path.value, item.path.span.file) } : item.kind;
}

function placesOf({ items, except }: Places): Json {
  const list = items.map((item) => (item.kind === 'name' ? item.name.text : item.kind));
  return except.length === 0 ? list : { of: list, except: except.map(({ text }) => text) };
}

const WIDEST = 120;

/** Indented; what fits on a line stands on one. */
export function writeJson(value: Json | undefined, indent = ''): string {
  const flat = writeFlat(value);
  if (indent.length + flat.length <= WIDEST || typeof value !== 'object') return flat;
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    return `[\n${value.map((one) => deeper + writeJson(one, deeper)).join(',\n')}\n${indent}]`;
  }
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  const lines = members.map(([key, one]) => `${deeper}${JSON.stringify(key)}: ${writeJson(one, deeper)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

function writeFlat(value: Json | undefined): string {
  if (Array.isArray(value)) return `[${value.map(writeFlat).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const members = Object.entries(value).filter(([, one]) => one !== undefined);
  return members.length === 0
    ? '{}'
    : `{ ${members.map(([key, one]) => `${JSON.stringify(key)}: ${writeFlat(one)}`).join(', ')} }`;
}
