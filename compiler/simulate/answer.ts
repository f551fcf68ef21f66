/** Packets that answer those that start connections. */
import { SELF } from '../model.ts';
import type { Flow } from './flows.ts';
import { ICMP, type NewPacket } from './packet.ts';

/** null: nothing answers it. */
export function answerOf({ packet, decision, to }: Flow): NewPacket | null {
  const { family, protocol } = packet;
  const machine = (address: bigint) => ({ kind: 'address', family, address }) as const;
  const as = decision.as?.address;
  const own = as?.kind === 'own' ? ({ kind: 'own', interface: as.interface } as const) : null;
  const back = {
    ...{ family, protocol, in: decision.out ?? SELF },
    from: decision.becomes?.machine ?? packet.to,
    to: as ? (own ?? machine(to.saddr)) : packet.from,
  };
  if (protocol !== ICMP[family]) return { ...back, sport: to.dport, dport: to.sport };
  const type = answerType(packet);
  return type === null ? null : { ...back, sport: to.sport, dport: type << 8 };
}

export function isAnswerTo(answer: NewPacket, query: NewPacket): boolean {
  return answer.dport >> 8 === answerType(query);
}

/** The type of ICMP that answers a query; null: nothing does. */
function answerType({ family, dport }: NewPacket): number | null {
  const type = dport >> 8;
  if (family === 6) return type === 128 ? 129 : null;
  return type === 8 ? 0 : [13, 15, 17].includes(type) ? type + 1 : null;
}
