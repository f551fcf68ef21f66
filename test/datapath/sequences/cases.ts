/** Packets that come one after the other: first ones, answers, strays, strangers, neighbours, forged ones, errors. */
import type { Random } from '../fuzz/random.ts';
import { type Device, ECHO, ERRORS, type Family, PLACES, type Wire } from './family.ts';
import { LISTENING, POOL } from './gateways.ts';

export interface Case extends Wire {
  readonly device: Device;
  /** An ICMP error, which quotes this; of the rest only `device`, `family`, `saddr` and `daddr` count. */
  readonly about: Wire | null;
  readonly error: readonly [number, number] | null;
  /** XDP sees it first. */
  readonly xdp: boolean;
}
/** What left, as somebody outside or inside saw it. */
export interface Seen extends Wire {
  readonly device: Device;
}

/** `window` keeps the ports of a sequence from those of the ones before. */
export function makeCase(random: Random, family: Family, window: number, seen: readonly Seen[]): Case {
  const last = seen.length > 0 ? random.pick(seen.slice(-6)) : null;
  const common = { family, about: null, error: null, xdp: random.chance(0.5) };
  if (last !== null && random.chance(0.12)) return { ...common, ...makeError(random, family, last) };
  const flags = random.pick(['S', 'S', 'S', 'SA', 'A', 'A', 'FA', 'R', 'RA']);
  const rest = { ...common, flags };
  if (last !== null && random.chance(0.5)) return { ...rest, ...follow(random, family, last) };
  return { ...rest, ...start(random, family, window, seen) };
}

type Part = Pick<Case, 'device' | 'protocol' | 'saddr' | 'sport' | 'daddr' | 'dport' | 'type'>;

/** An answer, or what looks like one. */
function follow(random: Random, family: Family, last: Seen): Part {
  const { peers, inside } = PLACES[family];
  const back = random.chance(0.93) ? last.device : random.pick(['eth0', 'wan0'] as const);
  const other = random.chance(0.2);
  const isIcmp = last.protocol === 'icmp';
  return {
    ...{ device: back, protocol: last.protocol, type: isIcmp ? ECHO[family][1] : ECHO[family][0] },
    saddr: other && random.chance(0.5) ? random.pick(last.device === 'wan0' ? peers : inside) : last.daddr,
    ...{ daddr: last.saddr, dport: last.sport },
    sport: isIcmp ? last.sport : other ? random.pick([53, 99]) : last.dport,
  };
}

function start(random: Random, family: Family, window: number, seen: readonly Seen[]): Part {
  const { peers, inside, own, mapped } = PLACES[family];
  const protocol = random.pick(['tcp', 'udp', 'udp', 'icmp'] as const);
  const [query, reply] = ECHO[family];
  const type = random.pick([query, query, query, reply]);
  const inner = random.chance(0.5) ? POOL.first : 40_000;
  const sport = inner + ((window * 3) % 9_000) + random.below(3);
  const outside = seen.filter(({ device, protocol: one }) => device === 'wan0' && one === protocol).at(-1);
  if (random.chance(0.25)) {
    const known = outside && random.chance(0.3) ? [outside.saddr] : [];
    const daddr = random.pick([own.wan0, own.wan0, LISTENING[family], ...mapped, ...inside, ...known, ...known]);
    const dport = random.pick([80, 5003, 22, 7, 53, known.length > 0 ? (outside?.sport ?? sport) : sport]);
    const saddr = random.pick(random.chance(0.05) ? [...inside, own.wan0] : peers);
    return { device: 'wan0', protocol, type, saddr, sport: 1000 + window, daddr, dport };
  }
  const saddr = random.pick(random.chance(0.04) ? [...peers, own.eth0] : inside);
  const common = { device: 'eth0', protocol, type, saddr, sport } as const;
  if (outside && random.chance(0.15)) return { ...common, daddr: outside.saddr, dport: outside.sport };
  const near = [own.wan0, own.eth0, LISTENING[family], ...mapped, ...inside];
  const daddr = random.pick(random.chance(0.15) ? near : peers);
  return { ...common, daddr, dport: random.pick([25, 53, 80, 443, 22, 5001, 7]) };
}

/** About a packet that has left: by whom it was for, a router, or a liar. */
function makeError(random: Random, family: Family, last: Seen): Omit<Case, 'family' | 'xdp'> {
  const { peers, inside, router } = PLACES[family];
  const liar = random.pick(last.device === 'wan0' ? [router, ...peers] : inside);
  const about = random.chance(0.15) ? { ...last, sport: last.sport ^ 1 } : last;
  return {
    ...{ protocol: 'icmp', saddr: random.chance(0.5) ? last.daddr : liar, daddr: about.saddr, sport: 0, dport: 0 },
    device: random.chance(0.93) ? last.device : random.pick(['eth0', 'wan0'] as const),
    ...{ flags: '', type: ECHO[family][0], about, error: random.pick(ERRORS[family]) },
  };
}
