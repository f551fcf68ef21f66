/**
 * Limits: of a rate, of live connections, of all or of each source (an IPv4 address, a /64 of IPv6). Sources are kept in sets
 * that the packets fill. A source for which there is no room is beyond the limit: a flood of forged ones gets nothing past it.
 */
import type { Family } from '../../grammar/ast.ts';
import type { Limit, Log, RuleOrigin } from '../model.ts';
import { addressType, type Builder } from './builder.ts';
import { logLines, writeRate } from './logs.ts';
import { commentOf } from './names.ts';
import { always, type Line } from './ruleset.ts';

const MOST_SOURCES = 65_536;

export interface Limited {
  readonly origin: RuleOrigin;
  readonly limits: readonly Limit[];
  readonly log: Log | null;
  /** Where the lines will stand. */
  readonly chain: string;
  /** Of the packets that get there. */
  readonly families: readonly Family[];
}

/** What drops a connection that is beyond. */
export function limitLines(builder: Builder, limited: Limited): Line[] {
  const { origin, limits, log, chain, families } = limited;
  if (limits.length === 0) return [];
  const drop = always('counter drop', commentOf(origin, 'beyond its limit'));
  const says = commentOf(origin, 'beyond its limit');
  const beyond =
    log === null ? null : builder.addSubchain(`${chain}-beyond`, says, [...logLines(origin, log, 'limited'), drop]);
  const refuse = (match: string, why = says): Line =>
    beyond === null
      ? { match, statement: 'counter drop', comment: why }
      : { match, statement: `goto ${beyond}`, comment: null };
  return limits.flatMap((limit) => {
    if (limit.kind === 'ports') return []; // complain() refuses it
    const over = limit.kind === 'rate' ? `limit rate over ${writeRate(limit.rate)}` : `ct count over ${limit.count}`;
    if (!limit.perSource) return [refuse(over)];
    return families.flatMap((family) => {
      const key = `sources ${origin.id} ${limit.span.start} ${family}`;
      const set = builder.once(key, () => addSources(builder, origin, limit, family));
      const add = limit.kind === 'rate' ? 'update' : 'add';
      const source = family === 4 ? 'ip saddr' : 'ip6 saddr & ffff:ffff:ffff:ffff::';
      return [
        refuse(`meta nfproto ipv${family} ${add} @${set} { ${source} ${over} }`),
        refuse(`${source} != @${set}`, commentOf(origin, 'no room for more sources')),
      ];
    });
  });
}

function addSources(builder: Builder, origin: RuleOrigin, limit: Limit, family: Family): string {
  const name = builder.names.give(`${limit.kind}-${origin.owner}-${origin.span.line}-ipv${family}`);
  const type = [`type ${addressType(family)}`, `size ${MOST_SOURCES}`];
  const forget =
    limit.kind === 'rate' ? ['flags dynamic,timeout', `timeout ${secondsToFill(limit)}s`] : ['flags dynamic'];
  builder.addSet({ kind: 'set', name, says: commentOf(origin), spec: [...type, ...forget], elements: [] });
  return name;
}

/** Whoever is forgotten then has a full bucket anyway. */
function secondsToFill({ rate: { count, perMs, burst } }: Extract<Limit, { kind: 'rate' }>): number {
  return Math.max(60, Math.ceil((burst * perMs) / count / 1000));
}
