/**
 * The packet's journey spelled out rule by rule over the model, as slowly and plainly as can be: what the diagrams are
 * compared with. It shares no code with the compiler beyond the types.
 */
import type { FieldValues } from '../../../compiler/diagram/walk.ts';
import type { AddressSet, Model, Protocol, Rule, Service, Side, Sides } from '../../../compiler/model.ts';

export interface TestPacket {
  readonly family: 4 | 6;
  readonly in: number;
  readonly out: number;
  readonly own: number;
  readonly protocol: number;
  readonly dport: number;
  readonly daddr: bigint;
  readonly saddr: bigint;
}

export function fieldsOf(p: TestPacket): FieldValues {
  return {
    family: BigInt(p.family),
    in: BigInt(p.in),
    out: BigInt(p.out),
    own: BigInt(p.own),
    protocol: BigInt(p.protocol),
    dport: BigInt(p.dport),
    ...(p.family === 4 ? { daddr4: p.daddr, saddr4: p.saddr } : { daddr6: p.daddr, saddr6: p.saddr }),
  };
}

const NUMBERS: Record<Protocol, { 4: number; 6: number }> = {
  tcp: { 4: 6, 6: 6 },
  udp: { 4: 17, 6: 17 },
  sctp: { 4: 132, 6: 132 },
  icmp: { 4: 1, 6: 58 },
  gre: { 4: 47, 6: 47 },
  esp: { 4: 50, 6: 50 },
};

function inSet(set: AddressSet, family: 4 | 6, address: bigint): boolean {
  return family === 4
    ? set.v4.some((r) => BigInt(r.first) <= address && address <= BigInt(r.last))
    : set.v6.some((r) => r.first <= address && address <= r.last);
}

function serves(services: readonly Service[], p: TestPacket): boolean {
  if (services.length === 0) return true;
  return services.some((service) => {
    if (NUMBERS[service.protocol][p.family] !== p.protocol) return false;
    if (service.icmp) return (p.family === 4 ? service.icmp.v4 : service.icmp.v6) === p.dport >> 8;
    return !service.ports || (service.ports.first <= p.dport && p.dport <= service.ports.last);
  });
}

function inTables(side: Side, tables: Model['tables'], family: 4 | 6, address: bigint): boolean {
  return side.tables.some((id) => inSet(tables[id]!.addresses, family, address));
}

function isFrom(side: Side, p: TestPacket, tables: Model['tables']): boolean {
  if (side.any || side.interfaces.includes(p.in)) return true;
  if (side.own.length > 0 && p.in === 0) return true;
  return inSet(side.addresses, p.family, p.saddr) || inTables(side, tables, p.family, p.saddr);
}

function isTo(side: Side, p: TestPacket, routed: boolean, tables: Model['tables']): boolean {
  if (side.any || side.own.includes(p.own)) return true;
  if (routed ? side.interfaces.includes(p.out) : side.interfaces.includes(0) && p.own !== 0) return true;
  return inSet(side.addresses, p.family, p.daddr) || inTables(side, tables, p.family, p.daddr);
}

function from(s: Sides, p: TestPacket, tables: Model['tables']): boolean {
  return isFrom(s.include, p, tables) && !(s.except && isFrom(s.except, p, tables));
}
function to(s: Sides, p: TestPacket, routed: boolean, tables: Model['tables']): boolean {
  return isTo(s.include, p, routed, tables) && !(s.except && isTo(s.except, p, routed, tables));
}
function matches(rule: Rule, p: TestPacket, routed: boolean, { tables }: Model): boolean {
  return serves(rule.services, p) && from(rule.from, p, tables) && to(rule.to, p, routed, tables);
}

function isForged(model: Model, p: TestPacket): boolean {
  if (p.in === 0) return false;
  const around = model.networks
    .flatMap((network) => network.prefixes.map((prefix) => ({ ...prefix, on: network.interface })))
    .filter(({ family, first, length }) => {
      const host = BigInt((family === 4 ? 32 : 128) - length);
      return family === p.family && first >> host === p.saddr >> host;
    });
  const longest = Math.max(...around.map(({ length }) => length));
  const homes = around.filter(({ length }) => length === longest).map(({ on }) => on);
  return homes.length > 0 && !homes.includes(p.in);
}

export function naiveIngress(model: Model, p: TestPacket): string {
  if (isForged(model, p)) return 'forged';
  for (const rule of model.gateway.rules) {
    if (matches(rule, p, false, model)) return `${rule.decision} ${rule.id} ${rule.log !== null}`;
  }
  if (p.in === 0) return 'continue';
  for (const redirect of model.redirects) {
    const set = redirect.addresses;
    const whole = set && (p.family === 4 ? set.v4[0]?.last === 2 ** 32 - 1 : set.v6[0]?.last === (1n << 128n) - 1n);
    if (set === null && !redirect.interfaces.includes(p.own)) continue;
    if (set !== null && !inSet(set, p.family, p.daddr)) continue;
    if (whole && !redirect.interfaces.includes(p.in)) continue;
    for (const listen of redirect.listens) {
      if (listen.target.kind === 'address' && listen.target.family !== p.family) continue;
      if (!serves([listen.service], p)) continue;
      return from(redirect.allowFrom, p, model.tables)
        ? `redirect ${listen.id} ${redirect.log !== null}`
        : `deny ${redirect.denyId} ${redirect.log !== null}`;
    }
  }
  const map = model.maps.find(({ family, outside }) => family === p.family && isUnder(outside, family, p.daddr));
  return map ? `map ${map.id}` : 'continue';
}

function naivePolicy(model: Model, p: TestPacket): { verdict: string; rule: number; log: boolean } {
  if (p.in === 0) {
    const rule = model.rules.find(({ kind }) => kind === 'self-default')?.id ?? 0;
    return { verdict: 'allow', rule, log: false };
  }
  const { id, decision, log } = model.gateway.default;
  if (p.in === 255 || p.out === 255) return { verdict: 'deny', rule: id, log: log !== null };
  for (const policy of model.policies) {
    if (!policy.from.includes(p.in) || !policy.to.includes(p.out)) continue;
    for (const rule of policy.rules) {
      if (matches(rule, p, true, model)) return { verdict: rule.decision, rule: rule.id, log: rule.log !== null };
    }
    return { verdict: policy.default.decision, rule: policy.default.id, log: policy.default.log !== null };
  }
  return { verdict: decision, rule: id, log: log !== null };
}

function isUnder({ first, length }: { first: bigint; length: number }, family: 4 | 6, address: bigint): boolean {
  const host = BigInt((family === 4 ? 32 : 128) - length);
  return first >> host === address >> host;
}

function naiveNat(model: Model, p: TestPacket): number {
  if (p.in === 0) return 0;
  const map = model.maps.find(
    ({ family, interfaces, inside }) =>
      family === p.family && interfaces.includes(p.out) && isUnder(inside, family, p.saddr),
  );
  if (map) return map.id;
  const taking = model.masquerades.filter((m) => m.families.includes(p.family) && m.interfaces.includes(p.out));
  return taking.find((m) => from(m.from, p, model.tables))?.id ?? 0;
}

function leaks(model: Model, p: TestPacket): boolean {
  if (p.in === 0) return false;
  if (!model.masquerades.some((m) => m.families.includes(p.family) && m.interfaces.includes(p.out))) return false;
  if (p.family === 6) return p.saddr >> 121n === 0x7en && !livesBehind(model, p);
  const bytes = [24n, 16n, 8n].map((shift) => Number((p.saddr >> shift) & 0xffn));
  const hidden =
    bytes[0] === 10 ||
    (bytes[0] === 172 && bytes[1]! >= 16 && bytes[1]! < 32) ||
    (bytes[0] === 192 && bytes[1] === 168) ||
    (bytes[0] === 100 && bytes[1]! >= 64 && bytes[1]! < 128);
  if (!hidden) return false;
  return !livesBehind(model, p);
}

/** A source that lives behind `out` itself would be forged if it were seen elsewhere. */
function livesBehind(model: Model, p: TestPacket): boolean {
  const known = model.networks.some((network) => inSet(network.addresses, p.family, p.saddr));
  return known && !isForged(model, { ...p, in: p.out === 0 ? 254 : p.out });
}

export function naiveForward(model: Model, p: TestPacket): string {
  const { verdict, rule, log } = naivePolicy(model, p);
  if (verdict !== 'allow') return `${verdict} ${rule} ${log} 0`;
  const nat = naiveNat(model, p);
  if (nat === 0 && leaks(model, p)) return `allow ${rule} ${log} 0 untranslated`;
  return `allow ${rule} ${log} ${nat}`;
}

/** A client that shares an interface with the target appears with its outside address in any case. */
export function naiveRedirected(model: Model, p: TestPacket): string {
  const nat = naiveNat(model, p);
  return nat === 0 && p.in !== p.out && leaks(model, p) ? '0 untranslated' : `${nat}`;
}
