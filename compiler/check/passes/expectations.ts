import type { Endpoint, ExpectDecl, Family, Name, Step } from '../../../grammar/ast.ts';
import { findNearest } from '../../../grammar/nearest.ts';
import type { ExpectedPacket, ExpectedWait, Machine, Protocol } from '../../model.ts';
import { SELF } from '../../model.ts';
import { CODES } from '../codes.ts';
import type { Context } from '../context.ts';
import { askMachine, lookUp, type OwnerKind } from '../names.ts';
import { resolveInterface } from '../resolve/places.ts';
import { resolveIcmpType } from '../resolve/services.ts';
import { didYouMean, didYouMeanName, listWords, withArticle } from '../words.ts';

type PacketStep = Extract<Step, { kind: 'packet' }>;
const PROTOCOLS: readonly Protocol[] = ['tcp', 'udp', 'sctp', 'icmp', 'gre', 'esp'];
const ECHO_REQUEST = { v4: 8, v6: 128 };

export function resolveExpectation(context: Context, { title, steps, span }: ExpectDecl): void {
  const resolved: (ExpectedPacket | ExpectedWait)[] = [];
  for (const step of steps) {
    if (step.kind === 'wait') {
      resolved.push({ waitMs: step.time.ms, span: step.span });
      continue;
    }
    const packet = resolveStep(context, step);
    if (packet !== null) resolved.push(packet);
  }
  context.expectations.push({ title: title.value, steps: resolved, span });
}

function resolveStep(context: Context, step: PacketStep): ExpectedPacket | null {
  const protocol = PROTOCOLS.find((known) => known === step.protocol.text) ?? null;
  if (protocol === null) {
    const { text, span } = step.protocol;
    const parameters = { word: text, by: '`expect`', words: listWords(PROTOCOLS, 9, 'or') };
    context.report.add(CODES.unknownWord, span, parameters, { fixes: didYouMean(text, span, PROTOCOLS) });
    return null;
  }
  const on = resolveInterface(context, step.on, '`on`');
  const from = resolveMachine(context, step.from);
  const to = resolveMachine(context, step.to);
  const sound = [
    checkPorts(context, protocol, step.from, false),
    checkPorts(context, protocol, step.to, true),
    checkOwner(context, step),
    checkTail(context, step),
  ].every((one) => one);
  const icmp = step.icmpType === null ? ECHO_REQUEST : resolveIcmpType(context, step.icmpType);
  if (!sound || on === null || from === null || to === null || icmp === null) return null;

  const typeFamilies =
    protocol === 'icmp' ? ([4, 6] as const).filter((f) => (f === 4 ? icmp.v4 : icmp.v6) !== null) : [4, 6];
  const family = ([4, 6] as const).find(
    (f) => typeFamilies.includes(f) && pick(from, f) !== null && pick(to, f) !== null,
  );
  if (family === undefined) {
    const is = pick(from, 4) === null ? 6 : 4;
    const parameters = { what: 'the sender', is, other: 'the destination or the type' } as const;
    context.report.add(CODES.familiesApart, step.to.span, parameters);
    return null;
  }
  const as = step.as === null ? null : resolveTail(context, step.as, family);
  const becomes = step.becomes === null ? null : resolveTail(context, step.becomes, family);
  if (as === 'wrong' || becomes === 'wrong') return null;
  return {
    protocol,
    icmpType: protocol === 'icmp' ? (family === 4 ? icmp.v4 : icmp.v6) : null,
    family,
    from: pick(from, family) as Machine,
    fromPort: step.from.ports?.first ?? null,
    on: step.from.machine.kind === 'self' ? SELF : on,
    to: pick(to, family) as Machine,
    toPort: step.to.ports?.first ?? null,
    outcome: step.outcome,
    by: step.by?.text ?? null,
    as,
    becomes,
    span: step.span,
  };
}

/** What an endpoint's machine may be: one address of each family, or one that is not known here. */
function resolveMachine(context: Context, { machine }: Endpoint): readonly Machine[] | null {
  if (machine.kind === 'self') return [{ kind: 'self' }];
  if (machine.kind === 'address') {
    return [{ kind: 'address', family: machine.family, address: machine.first }];
  }
  const thing = lookUp(context.names, context.report, machine.name, askMachine('an `expect`'));
  if (thing === null) return null;
  if (thing.kind === 'interface')
    return [{ kind: 'own', interface: context.interfaceIds.get(thing.name.text) ?? SELF }];
  const host = context.hosts.get(thing.name.text) ?? [];
  return host.length === 0 ? null : host;
}

function pick(machines: readonly Machine[], family: Family): Machine | null {
  return machines.find((machine) => machine.kind !== 'address' || machine.family === family) ?? null;
}

function resolveTail(
  context: Context,
  endpoint: Endpoint,
  family: Family,
): { readonly machine: Machine; readonly port: number | null } | 'wrong' {
  const machines = resolveMachine(context, endpoint);
  if (machines === null) return 'wrong';
  const machine = pick(machines, family);
  if (machine === null) {
    const is = family === 4 ? 6 : 4;
    context.report.add(CODES.familiesApart, endpoint.span, { what: 'this', is, other: 'the packet' });
    return 'wrong';
  }
  return { machine, port: endpoint.ports?.first ?? null };
}

/** A packet has one port or none: tcp, udp and sctp go to one, the others have none. */
function checkPorts(context: Context, protocol: Protocol, { ports, span }: Endpoint, required: boolean): boolean {
  const ported = protocol === 'tcp' || protocol === 'udp' || protocol === 'sctp';
  if (!ported && ports !== null) {
    context.report.add(CODES.portsOnIcmp, ports.span, { protocol });
    return false;
  }
  if (ported && required && ports === null) {
    const message = `a ${protocol} packet goes to a port, and none is given`;
    context.report.add(CODES.badEndpoint, span, { message, expected: 'a port after the destination, like `yoda:80`' });
    return false;
  }
  if (ports !== null && ports.first !== ports.last) {
    const parameters = { message: 'a packet has one port, and this is a range', expected: 'one port' };
    context.report.add(CODES.badEndpoint, ports.span, parameters);
    return false;
  }
  return true;
}

const OWNERS: Readonly<Record<PacketStep['outcome'], readonly OwnerKind[]>> = {
  denied: ['policy', 'redirect', 'autofw', 'masquerade'],
  allowed: ['policy'],
  masqueraded: ['masquerade'],
  redirected: ['redirect', 'masquerade', 'autofw'], // a masquerade's open mapping lets in, too
  mapped: ['map'],
};
/** What the gateway itself decides goes by its name. */
const BY_GATEWAY: ReadonlySet<PacketStep['outcome']> = new Set(['denied', 'allowed']);

function checkOwner(context: Context, { outcome, by }: PacketStep): boolean {
  if (by === null) return true;
  const { owners, gateways } = context.names;
  const kinds: string[] = OWNERS[outcome].filter((kind) => owners[kind].has(by.text));
  const gatewayMeant = BY_GATEWAY.has(outcome) && gateways[0]?.name.text === by.text;
  if (gatewayMeant) kinds.push('gateway');
  if (kinds.length === 1) return true;
  if (kinds.length > 1) {
    const parameters = { name: by.text, kinds: listWords(kinds.map(withArticle)) };
    context.report.add(CODES.ambiguousOwner, by.span, parameters);
    return false;
  }
  reportNoOwner(context, outcome, by);
  return false;
}

function reportNoOwner(context: Context, outcome: PacketStep['outcome'], by: Name): void {
  const { owners, gateways } = context.names;
  context.names.search.left -= owners.policy.size + owners.redirect.size + owners.masquerade.size;
  const searched = context.names.search.left > 0;
  const kinds = OWNERS[outcome].filter((kind) => kind !== 'autofw').map(withArticle);
  const asked = listWords(BY_GATEWAY.has(outcome) ? [...kinds, 'the gateway'] : kinds, 9, 'or');
  const fitting = searched ? OWNERS[outcome].flatMap((kind) => [...owners[kind].keys()]) : [];
  if (BY_GATEWAY.has(outcome) && gateways[0] !== undefined) fitting.push(gateways[0].name.text);
  const known = fitting.length === 0 ? '' : `: ${listWords(fitting, 6, 'or')}`;
  const others = (Object.keys(owners) as OwnerKind[]).filter((kind) => owners[kind].has(by.text));
  const [is] = others;
  if (is !== undefined) {
    const parameters = { name: `\`${by.text}\``, is: withArticle(is), by: `\`is ${outcome} by\``, asked, known };
    context.report.add(CODES.wrongType, by.span, parameters);
  } else if (!context.report.mayBeLost(by.text)) {
    const fixes = didYouMeanName(by.text, by.span, fitting);
    const meant = findNearest(by.text, fitting);
    const declared = declarationOf(context, outcome, meant);
    const related = declared === null ? [] : [{ span: declared, message: `\`${meant}\` is declared here` }];
    const parameters = { name: by.text, asked, known };
    context.report.addForName(by.text, CODES.unknownName, by.span, parameters, { fixes, related });
  }
}

function declarationOf({ names }: Context, outcome: PacketStep['outcome'], name: string | null): Name['span'] | null {
  if (name === null) return null;
  const [gateway] = names.gateways;
  if (BY_GATEWAY.has(outcome) && gateway?.name.text === name) return gateway.name.span;
  for (const kind of OWNERS[outcome]) {
    const declared = names.owners[kind].get(name);
    if (declared !== undefined) return declared.name.span;
  }
  return null;
}

/** `as` belongs to masquerading and mapping, the last `to` to redirecting and mapping. */
function checkTail(context: Context, { outcome, as, becomes }: PacketStep): boolean {
  const refuse = (endpoint: Endpoint, word: string, needs: string) =>
    context.report.add(CODES.outcomeWithout, endpoint.span, { word, outcome, needs });
  if (as !== null && outcome !== 'masqueraded' && outcome !== 'mapped') refuse(as, 'as', 'is masqueraded');
  else if (becomes !== null && outcome !== 'redirected' && outcome !== 'mapped') refuse(becomes, 'to', 'is redirected');
  else return checkTailPorts(context, as) && checkTailPorts(context, becomes);
  return false;
}

function checkTailPorts(context: Context, endpoint: Endpoint | null): boolean {
  if (endpoint?.ports == null || endpoint.ports.first === endpoint.ports.last) return true;
  const parameters = { message: 'a packet has one port, and this is a range', expected: 'one port' };
  context.report.add(CODES.badEndpoint, endpoint.ports.span, parameters);
  return false;
}
