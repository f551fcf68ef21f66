/** The simulator and the eBPF programs, packet by packet: the same verdict, the same translation, the same reason to drop. */
import { Gateway } from '../../../compiler/simulate/gateway.ts';
import { ICMP, type NewPacket } from '../../../compiler/simulate/packet.ts';
import type { Tuple } from '../../../compiler/simulate/tuple.ts';
import { compilePolicy } from '../compiled-policy.ts';
import { Random } from '../fuzz/random.ts';
import { Network } from '../network.ts';
import { ethernet, icmp, type Layer3, parsePacket, tcp, udp } from '../packets.ts';
import { type Case, makeCase, makeGateway, type Seen } from './cases.ts';

const [TO_STACK, SHOT, REDIRECT] = [-1, 2, 7];
const IDS = { eth0: 1, wan0: 2 } as const;
const PROTOCOLS = { tcp: 6, udp: 17, icmp: ICMP[4] } as const;
const BITS: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, A: 16 };
const OWN: Readonly<Record<number, string>> = { 1: '192.168.1.1', 2: '203.0.113.1' };
/** Packets of one sequence. */
const LENGTH = 12;

export interface Compared {
  readonly packets: number;
  /** How often each thing happened, so that nobody compares nothing with nothing. */
  readonly seen: Readonly<Record<string, number>>;
  readonly findings: readonly string[];
}

const toNumber = (text: string): bigint => text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
const toText = (address: bigint): string => [24n, 16n, 8n, 0n].map((by) => (address >> by) & 255n).join('.');

export async function compareGateway(seed: number, packets: number): Promise<Compared> {
  const random = new Random(seed);
  const text = makeGateway(random);
  const { object, model, diagram } = compilePolicy(text);
  const network = await Network.open({ wan: 'ethernet', xdp: true, cables: 'wire', object, flows: 65_536 });
  const gateway = new Gateway(model, diagram, {
    own: (id) => toNumber(OWN[id] ?? ''),
    routes: (_, address) => [address >> 8n === toNumber('0.192.168.1') ? IDS.eth0 : IDS.wan0],
  });
  const findings: string[] = [];
  const seen: Record<string, number> = {};
  let [done, seenNow]: [number, Seen[]] = [0, []];
  try {
    await network.lab
      .at('gw')
      .ip(
        ...[10, 11, 20].map((id) => `neigh replace 192.168.1.${id} lladdr 02:00:00:00:00:aa nud permanent dev eth0`),
        'neigh replace 203.0.113.2 lladdr 02:00:00:00:00:bb nud permanent dev wan0',
      );
    let dropped = await network.drops();
    for (; done < packets && findings.length < 5; done++) {
      if (done % LENGTH === 0) seenNow = [];
      const one = makeCase(random, Math.floor(done / LENGTH), seenNow);
      const frame = ethernet(build(one), network.macs.get(one.device) ?? '');
      const ran = await network.run('tc_ingress', one.device, frame);
      const verdict = ran.verdict | 0;
      const out = verdict === REDIRECT ? parsePacket(ran.frame) : null;
      let happened = { [TO_STACK]: 'to the gateway', [REDIRECT]: 'sent', [SHOT]: 'dropped' }[verdict] ?? `${verdict}`;
      if (out) happened = `sent ${name(one, out)}`;
      if (verdict === SHOT) {
        const now = await network.drops();
        const reason = Object.keys(now).find((key) => now[key] !== dropped[key]);
        dropped = now;
        // a socket that sends to its own outside socket: its own entry stands in the way
        happened = `dropped: ${reason === 'ending' ? 'port-taken' : reason}`;
      }
      const expected = simulate(gateway, one, out);
      const word = expected
        .split(' ')
        .slice(0, expected.startsWith('dropped') ? 2 : 1)
        .join(' ');
      seen[word] = (seen[word] ?? 0) + 1;
      if (expected !== happened) {
        findings.push(
          `seed ${seed}, packet ${done}: ${JSON.stringify(one)}\n  kernel     ${happened}\n  simulator  ${expected}\n${text}`,
        );
      }
      if (out) {
        const ports = one.protocol === 'icmp' ? { sport: out.id, dport: 0 } : { sport: out.sport, dport: out.dport };
        const device = out.daddr.startsWith('192.168.1.') ? 'eth0' : 'wan0';
        seenNow.push({ device, protocol: one.protocol, saddr: out.saddr, daddr: out.daddr, ...ports });
      }
    }
  } finally {
    network.close();
  }
  return { packets: done, seen, findings };
}

function build({ protocol, saddr, daddr, sport, dport, flags, type }: Case): Layer3 {
  if (protocol === 'udp') return udp({ saddr, daddr, sport, dport });
  if (protocol === 'icmp') return icmp({ saddr, daddr, type, id: sport });
  // every number fits every other: windows are no matter here
  const syn = flags === 'S';
  return tcp({ saddr, daddr, sport, dport, flags, seq: flags.includes('S') ? 1000 : 1001, ack: syn ? 0 : 1001 });
}

function name(
  { protocol }: Case,
  out: { saddr: string; daddr: string; sport: number; dport: number; id: number },
): string {
  const port = (number: number) => (protocol === 'icmp' ? '' : `:${number}`);
  const id = protocol === 'icmp' ? ` id ${out.id}` : '';
  return `${out.saddr}${port(out.sport)} → ${out.daddr}${port(out.dport)}${id}`;
}

/** What the simulator says; it is told the outside port that the kernel took, and complains if it may not have taken that. */
function simulate(gateway: Gateway, one: Case, out: { sport: number; id: number } | null): string {
  const protocol = PROTOCOLS[one.protocol];
  const isIcmp = one.protocol === 'icmp';
  const machine = (text: string): NewPacket['from'] => {
    const own = Object.entries(OWN).find(([, address]) => address === text);
    return own ? { kind: 'own', interface: Number(own[0]) } : { kind: 'address', family: 4, address: toNumber(text) };
  };
  const packet: NewPacket = {
    ...{ family: 4, protocol, in: IDS[one.device], from: machine(one.saddr), to: machine(one.daddr), sport: one.sport },
    dport: isIcmp ? one.type << 8 : one.dport,
    ...(one.protocol === 'tcp' ? { flags: [...one.flags].reduce((sum, flag) => sum | (BITS[flag] ?? 0), 0) } : {}),
  };
  const [prospect] = gateway.look(packet);
  if (!prospect) return 'nothing';
  try {
    const drawn = out && prospect.follows === null ? (isIcmp ? out.id : out.sport) : null;
    const decision = gateway.enter(prospect, drawn);
    if (decision.outcome === 'denied')
      return `dropped: ${decision.drop?.kind.replace('forged-own', 'forged') ?? 'denied'}`;
    if (decision.out === 0) return 'to the gateway';
  } catch (error) {
    return `${error}`;
  }
  const query = one.type !== 0;
  const tuple: Tuple = {
    ...{ protocol, saddr: toNumber(one.saddr), daddr: toNumber(one.daddr) },
    ...(isIcmp
      ? { sport: query ? one.sport : 0, dport: query ? 0 : one.sport }
      : { sport: one.sport, dport: one.dport }),
  };
  const to = gateway.becomes(tuple);
  if (!to) return 'sent, without a connection';
  const shown = { ...to, saddr: toText(to.saddr), daddr: toText(to.daddr), id: to.sport || to.dport };
  return `sent ${name(one, shown)}`;
}
