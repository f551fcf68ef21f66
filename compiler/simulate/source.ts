/** What a connection's packets become, and the outside port that they take (native/datapath/claim.h). */
import type { Masquerade, Model } from '../model.ts';
import { blockOf, isShared } from '../share.ts';
import { addressOf, type Surroundings } from './decide.ts';
import type { Appearance, Decision } from './decision.ts';
import type { Flows } from './flows.ts';
import { type Choice, choosePort, type Mapping, type Mappings } from './mappings.ts';
import { hasPorts, ICMP, type NewPacket, SCTP, TCP, UDP } from './packet.ts';
import { keyOf, reverse, type Tuple } from './tuple.ts';

interface State {
  readonly model: Model;
  readonly around: Surroundings;
  readonly flows: Flows;
  readonly mappings: Mappings;
}

interface Translated {
  readonly to: Tuple;
  readonly source: Mapping | null;
  /** With the outside port that it has. */
  readonly shown: Decision;
}

/** Where client and target share an interface and no masquerade speaks: native/datapath/decide.h. */
const HAIRPIN_PORTS = { first: 1024, last: 32767 };
const EVERY_PORT = { first: 0, last: 65535 };

export function translate(
  state: State,
  packet: NewPacket,
  forth: Tuple,
  decision: Decision,
  drawn: number | null,
): Translated | 'ports-exhausted' | 'port-taken' {
  const { becomes, as } = decision;
  const place = { ...state, packet };
  const daddr = becomes ? addressOf(place, becomes.machine) : forth.daddr;
  const to = { ...forth, daddr, dport: becomes?.port ?? forth.dport };
  const answered = (tuple: Tuple) => state.flows.isFree(reverse(tuple)) && keyOf(reverse(tuple)) !== keyOf(forth);
  if (as === null) return answered(to) ? { to, source: null, shown: decision } : 'port-taken';
  const { address } = as;
  const saddr = address.kind === 'own' ? state.around.own(address.interface, packet.family) : address.address;
  const hidden = { ...to, saddr };
  const claimed = claim(state, packet, hidden, forth, decision, drawn);
  if (claimed === null) return 'ports-exhausted';
  const known = { ...hidden, sport: claimed.port };
  if (!answered(known)) return 'port-taken'; // a socket that sends to its own outside socket answers itself
  return { to: known, source: claimed.mapping, shown: { ...decision, as: showPort(packet, as, claimed) } };
}

interface Claimed extends Choice {
  readonly mapping: Mapping | null;
  readonly pool: { readonly first: number; readonly last: number };
}

function claim(
  state: State,
  { protocol, family, from }: NewPacket,
  to: Tuple,
  forth: Tuple,
  { nat, out, as, trail }: Decision,
  drawn: number | null,
): Claimed | null {
  const { model, flows, mappings } = state;
  const { saddr, sport } = forth;
  const isMap = model.rules[nat - 1]?.kind === 'map' && as?.address.kind === 'outside';
  const masquerade = isMap ? undefined : model.masquerades.find(({ id }) => id === nat);
  if (isMap) return { port: sport, certain: true, mapping: null, pool: EVERY_PORT };
  const pool = masquerade ? poolOf(masquerade, from.kind === 'address' ? from.address : 0n) : HAIRPIN_PORTS;
  const inside = { protocol, address: saddr, port: sport };
  const keep = masquerade?.choice !== 'random';
  const door = trail.some(({ stage }) => stage === 'door');
  const met = door ? mappings.findLive({ protocol, address: forth.daddr, port: forth.dport }) : null;
  const side = met?.side ?? out ?? 0;
  if (masquerade && isMapped(masquerade, protocol)) {
    const mapping = mappings.claim({ inside, address: to.saddr, side, pool, keep }, drawn);
    return mapping && { port: mapping.outside.port, certain: mapping.certain, mapping, pool };
  }
  const paired = protocol === TCP || protocol === UDP;
  const isFree = (port: number) =>
    flows.isFree(reverse({ ...to, sport: port })) &&
    (!paired || mappings.isFree({ protocol, address: to.saddr, port }));
  const isIcmp = protocol === ICMP[family];
  if (!isIcmp && !hasPorts(protocol))
    return isFree(0) ? { port: 0, certain: true, mapping: null, pool: EVERY_PORT } : null;
  const whole = isIcmp && !(masquerade && isShared(masquerade));
  if ((protocol === SCTP || whole) && isFree(sport) && (whole || (pool.first <= sport && sport <= pool.last))) {
    return { port: sport, certain: true, mapping: null, pool };
  }
  if (protocol === SCTP) return null;
  const chosen = choosePort({ inside, pool, keep: keep || isIcmp }, isFree, drawn);
  return chosen && { ...chosen, mapping: null, pool };
}

function poolOf(masquerade: Masquerade, source: bigint): { readonly first: number; readonly last: number } {
  return (isShared(masquerade) ? blockOf(masquerade, source)?.ports : null) ?? masquerade.ports;
}

function isMapped({ mapping }: Masquerade, protocol: number): boolean {
  return mapping === 'endpoint-independent' && (protocol === TCP || protocol === UDP);
}

/** The port where it is sure, else those of which it is one. */
function showPort({ protocol, sport }: NewPacket, as: Appearance, { port, certain, pool }: Claimed): Appearance {
  if (as.ports === null && (!hasPorts(protocol) || pool === HAIRPIN_PORTS)) return as;
  if (sport === null) return as;
  return { ...as, ports: certain ? { first: port, last: port } : { first: pool.first, last: pool.last } };
}

/** What a limit of ports counts the connection by; null: it needs no port. A mapping is one for each inside socket. */
export function portKeyOf(model: Model, forth: Tuple, { nat, out }: Decision, number: number): string | null {
  const { protocol, saddr, sport } = forth;
  const counts = hasPorts(protocol) || [1, 58, 33, 136].includes(protocol);
  const masquerade = model.masquerades.find(({ id }) => id === nat);
  if (!counts || !masquerade) return null;
  return isMapped(masquerade, protocol) ? [protocol, saddr, sport, out].join(' ') : `#${number}`;
}
