/** How long a connection lives (RFC 5382 REQ-5, RFC 4787 REQ-5, RFC 5508 REQ-2; native/datapath/tcp.h). */
import type { Model, RuleId, Timeouts } from '../model.ts';
import type { Decision } from './decision.ts';
import type { Flow } from './flows.ts';
import { ICMP, TCP, UDP } from './packet.ts';
import { stateOf } from './tcp.ts';

export function classOf({ packet, flags }: Pick<Flow, 'packet' | 'flags'>): keyof Timeouts {
  const { protocol, family } = packet;
  if (protocol === TCP) return stateOf(flags);
  if (protocol === UDP) return 'udp';
  return protocol === ICMP[family] ? 'icmp' : 'other';
}

/** When it ends, unless another packet comes: in milliseconds. */
export function endOf(flow: Flow, timeouts: Timeouts): number {
  return Math.max(...flow.keptBy.map((direction) => flow.used[direction])) + timeouts[classOf(flow)];
}

/** Whose packets keep a connection alive (RFC 4787 REQ-6). */
export function keepersOf(model: Model, { nat, rule, as }: Decision, door: boolean): Flow['keptBy'] {
  const outbound = (id: RuleId) => model.masquerades.some((one) => one.id === id && one.refresh === 'outbound');
  if (door && outbound(rule)) return as ? ['forth', 'back'] : ['back'];
  return !door && outbound(nat) ? ['forth'] : ['forth', 'back'];
}
