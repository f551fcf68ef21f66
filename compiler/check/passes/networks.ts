/** Networks tied to their interfaces, and hosts. */
import { writeAddress } from '../../../grammar/address.ts';
import type { AddressLiteral, HostDecl, Name, NetworkDecl } from '../../../grammar/ast.ts';
import type { Span } from '../../../grammar/span.ts';
import { addressesOf, formatRange, prefixLength, unite } from '../../addresses.ts';
import { fillTable, firstAddress, type Part, readPrefix, STAND_INS, SUFFIX_BITS } from '../../dynamic.ts';
import type { FamilyPrefix } from '../../model.ts';
import { CODES } from '../codes.ts';
import { type Context, type HostAddress, interfaceName } from '../context.ts';
import { askNetwork, lookUp } from '../names.ts';
import { resolveInterface } from '../resolve/places.ts';

interface Placed {
  readonly network: NetworkDecl;
  readonly interface: number;
}

export function resolveNetworksAndHosts(context: Context): void {
  const prefixes = new Map<string, Placed>();
  for (const thing of context.names.things.values()) {
    if (thing.kind === 'network') resolveNetwork(context, thing, prefixes);
    else if (thing.kind === 'host') resolveHost(context, thing);
  }
}

function resolveNetwork(context: Context, declaration: NetworkDecl, placed: Map<string, Placed>): void {
  const { name, on, span } = declaration;
  const id = resolveInterface(context, on, '`on`');
  const prefixes: FamilyPrefix[] = [];
  const literals = [];
  let sound = id !== null;
  let dynamic = false;
  for (const literal of declaration.prefixes) {
    if (literal.kind === 'dynamic') {
      if (dynamic) context.report.add(CODES.repeatedItem, literal.span, { item: '`dynamic`' });
      dynamic = true;
      continue;
    }
    const { family, first, last } = literal;
    const length = literal.form === 'range' ? null : prefixLength(family, first, last);
    if (length === null) {
      context.report.add(CODES.notAPrefix, literal.span, { text: literal.text });
      sound = false;
      continue;
    }
    prefixes.push({ family, first, length });
    literals.push(literal);
    if (id === null) continue;
    const prefix = formatRange(family, first, last);
    const other = placed.get(prefix);
    if (other === undefined) placed.set(prefix, { network: declaration, interface: id });
    else if (other.interface !== id) {
      const parameters = { prefix, other: other.network.name.text, interface: interfaceName(context, other.interface) };
      context.report.add(CODES.samePrefix, literal.span, parameters, {
        related: [{ span: other.network.span, message: 'first placed here' }],
      });
    }
  }
  const addresses = addressesOf(literals);
  context.addresses.set(name.text, sound ? addresses : null);
  if (id === null) return;
  const common = { name: name.text, interface: id, dynamic, written: prefixes, span };
  if (!dynamic) {
    context.networks.push({ ...common, addresses, prefixes });
    return;
  }
  const parts = [{ interface: id, family: null, suffix: null }];
  context.dynamics.set(name.text, parts);
  context.networks.push({
    ...common,
    addresses: unite([addresses, fillTable({ kind: 'prefixes', parts }, STAND_INS)]),
    prefixes: [...prefixes, ...(STAND_INS.get(id) ?? []).map(readPrefix)],
  });
}

/** The suffix `address` in what the interface of `network` has; null: a mistake, which is reported. */
function resolvePart(context: Context, address: AddressLiteral, network: Name): Part | null {
  const thing = lookUp(context.names, context.report, network, askNetwork('`in`'));
  if (thing?.kind !== 'network') return null;
  const { family, first, text, span } = address;
  if (!thing.prefixes.some(({ kind }) => kind === 'dynamic')) {
    context.report.add(CODES.suffixInFixed, network.span, { name: network.text }, declaredAt(thing.name.span));
    return null;
  }
  if (address.form === 'address' && first >> BigInt(SUFFIX_BITS[family]) !== 0n) {
    context.report.add(CODES.notASuffix, span, { text, bits: SUFFIX_BITS[family], example: EXAMPLES[family] });
    return null;
  }
  const id = context.interfaceIds.get(thing.on.text);
  return id === undefined ? null : { interface: id, family, suffix: writeAddress(first, family) };
}

const EXAMPLES = { 4: '0.0.0.10', 6: '::10' } as const;
const declaredAt = (span: Span) => ({ related: [{ span, message: 'declared here' }] });

function resolveHost(context: Context, { name, addresses }: HostDecl): void {
  const found: HostAddress[] = [];
  const literals = [];
  const parts: Part[] = [];
  let sound = true;
  for (const { address, in: network } of addresses) {
    const part = network === null ? null : resolvePart(context, address, network);
    if (network !== null && part === null) sound = false;
    else if (address.form !== 'address') {
      context.report.add(CODES.notAnAddress, address.span, { text: address.text });
      sound = false;
    } else if (found.some(({ family }) => family === address.family)) {
      context.report.add(CODES.secondAddress, address.span, { family: address.family });
      sound = false;
    } else if (part !== null) {
      found.push({ kind: 'address', family: address.family, address: firstAddress(part, STAND_INS) ?? 0n, part });
      parts.push(part);
    } else {
      found.push({ kind: 'address', family: address.family, address: address.first, part: null });
      literals.push(address);
    }
  }
  context.hosts.set(name.text, sound ? found : []);
  if (sound && parts.length > 0) context.dynamics.set(name.text, parts);
  context.addresses.set(name.text, sound ? addressesOf(literals) : null);
}
