/** How long TCP and UDP may be idle, as `ct timeout` objects. Of other protocols the kernel has the only word. */
import type { Builder } from './builder.ts';
import { always, type Line } from './ruleset.ts';

/** The lines that give a new connection its timeouts. */
export function writeTimeouts(builder: Builder): Line[] {
  const { timeouts } = builder.model.gateway;
  const opening = inSeconds(timeouts['tcp-syn']);
  const closing = inSeconds(timeouts['tcp-fin']);
  const idle = inSeconds(timeouts.udp);
  const states = { syn_sent: opening, syn_recv: opening, established: inSeconds(timeouts.tcp) };
  const ends = { fin_wait: closing, close_wait: closing, last_ack: closing, time_wait: closing, close: closing };
  const policies = { tcp: { ...states, ...ends }, udp: { unreplied: idle, replied: idle } };
  return Object.entries(policies).map(([protocol, policy]) => {
    const name = `idle-${protocol}`;
    const written = Object.entries(policy).map(([state, seconds]) => `${state}: ${seconds}`);
    builder.addTimeout({ name, lines: [`protocol ${protocol}`, 'l3proto inet', `policy = { ${written.join(', ')} }`] });
    return always(`meta l4proto ${protocol} ct timeout set "${name}"`);
  });
}

const inSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
