/** What the simulator says of a case, in the words in which compare.ts says what happened. */
import type { Gateway } from '../../../compiler/simulate/gateway.ts';
import type { NewPacket } from '../../../compiler/simulate/packet.ts';
import { reverse, type Tuple } from '../../../compiler/simulate/tuple.ts';
import type { Case } from './cases.ts';
import { DEVICES, type Device, ECHO, PLACES, protocolOf, toNumber, toText, type Wire } from './family.ts';

/** `192.0.2.80:80 → 203.0.113.1:20000`, of ICMP `… → … id 7`. */
export function nameTuple(
  { protocol }: Pick<Wire, 'protocol'>,
  out: { saddr: string; daddr: string; sport: number; dport: number; id: number },
): string {
  const port = (number: number) => (protocol === 'icmp' ? '' : `:${number}`);
  const id = protocol === 'icmp' ? ` id ${out.id}` : '';
  return `${out.saddr} ${port(out.sport)} → ${out.daddr} ${port(out.dport)}${id}`;
}

/** What the datapath counts under another name. */
const COUNTED: Readonly<Record<string, string>> = {
  ...{ 'forged-own': 'forged', 'answers-outside': 'forged', unmappable: 'untranslated' },
};

/** It is told the outside port that the kernel took, and complains if it may not have taken that. */
export function simulate(gateway: Gateway, one: Case, drawn: number | null): string {
  const packet = makePacket(one);
  const [prospect] = gateway.look(packet);
  if (!prospect) return 'nothing';
  try {
    const decision = gateway.enter(prospect, prospect.follows === null ? drawn : null);
    if (decision.outcome === 'denied')
      return `dropped: ${COUNTED[decision.drop?.kind ?? ''] ?? decision.drop?.kind ?? 'denied'}`;
    if (decision.out === 0) return 'to the gateway';
  } catch (error) {
    return `${error}`;
  }
  if (one.about !== null) return sayError(gateway, one, one.about);
  const to = gateway.becomes(tupleOf(one));
  return to ? `sent ${show(one, to)}` : 'sent, without a connection';
}

function sayError(gateway: Gateway, one: Case, about: Wire): string {
  const key = reverse(tupleOf(about));
  const to = gateway.becomes(key);
  if (to === null) return 'sent, without a connection';
  const isHidden = to.saddr !== key.saddr || to.sport !== key.sport;
  const from = isHidden ? toText(one.family, to.saddr) : one.saddr;
  return `sent from ${from} to ${toText(one.family, to.daddr)} about ${show(about, reverse(to))}`;
}

function show({ family, protocol }: Wire, tuple: Tuple): string {
  const [saddr, daddr] = [toText(family, tuple.saddr), toText(family, tuple.daddr)];
  return nameTuple({ protocol }, { ...tuple, saddr, daddr, id: tuple.sport || tuple.dport });
}

function makePacket(one: Case): NewPacket {
  const { family, device, about, error } = one;
  const machine = (text: string): NewPacket['from'] => {
    const own = Object.entries(PLACES[family].own).find(([, address]) => address === text);
    return own
      ? { kind: 'own', interface: DEVICES[own[0] as Device] }
      : { kind: 'address', family, address: toNumber(family, text) };
  };
  const common = {
    ...{ family, protocol: protocolOf(family, one.protocol), in: DEVICES[device] },
    ...{ from: machine(one.saddr), to: machine(one.daddr) },
  };
  if (about !== null && error !== null) {
    return { ...common, sport: null, dport: (error[0] << 8) | error[1], quotes: tupleOf(about) };
  }
  return {
    ...{ ...common, sport: one.sport, dport: one.protocol === 'icmp' ? one.type << 8 : one.dport },
    ...(one.protocol === 'tcp' ? { flags: [...one.flags].reduce((sum, flag) => sum | (BITS[flag] ?? 0), 0) } : {}),
  };
}

const BITS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, A: 16 };

function tupleOf({ family, protocol, saddr, daddr, sport, dport, type }: Wire): Tuple {
  const answers = type === ECHO[family][1];
  return {
    ...{ protocol: protocolOf(family, protocol), saddr: toNumber(family, saddr), daddr: toNumber(family, daddr) },
    ...(protocol !== 'icmp' ? { sport, dport } : answers ? { sport: 0, dport: sport } : { sport, dport: 0 }),
  };
}
