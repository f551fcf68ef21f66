/** Networks tied to their interfaces, and hosts. */
import type { HostDecl, NetworkDecl } from '../../../grammar/ast.ts';
import { addressesOf, formatRange, prefixLength } from '../../addresses.ts';
import type { Machine, Network } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { interfaceName } from '../context.ts';
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
  const prefixes: Network['prefixes'][number][] = [];
  const literals = [];
  let sound = id !== null;
  for (const literal of declaration.prefixes) {
    if (literal.kind === 'dynamic') {
      const parameters = { what: '`dynamic` is', instead: 'the prefixes themselves' };
      context.report.add(CODES.notBuilt, literal.span, parameters);
      sound = false;
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
  if (id !== null) context.networks.push({ name: name.text, addresses, prefixes, interface: id, span });
}

function resolveHost(context: Context, { name, addresses }: HostDecl): void {
  const found: Extract<Machine, { kind: 'address' }>[] = [];
  const literals = [];
  let sound = true;
  for (const { address, in: network } of addresses) {
    if (network !== null) {
      const parameters = { what: '`in` (a suffix in a dynamic network) is', instead: 'the whole address' };
      context.report.add(CODES.notBuilt, network.span, parameters);
      context.names.used.add(network.text);
      sound = false;
    } else if (address.form !== 'address') {
      context.report.add(CODES.notAnAddress, address.span, { text: address.text });
      sound = false;
    } else if (found.some(({ family }) => family === address.family)) {
      context.report.add(CODES.secondAddress, address.span, { family: address.family });
      sound = false;
    } else {
      found.push({ kind: 'address', family: address.family, address: address.first });
      literals.push(address);
    }
  }
  context.hosts.set(name.text, sound ? found : []);
  context.addresses.set(name.text, sound ? addressesOf(literals) : null);
}
