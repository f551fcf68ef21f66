/**
 * The simulator and the eBPF programs, packet by packet: the same verdict, the same translation, the same reason to drop. Some
 * packets are seen by XDP first, and by TC what that lets pass, as on a machine.
 */
import { Gateway } from '../../../compiler/simulate/gateway.ts';
import { compilePolicy } from '../compiled-policy.ts';
import { ETHERNET, HIDES, HIDES6, XDP } from '../datapath.ts';
import { Random } from '../fuzz/random.ts';
import { Network, type Options } from '../network.ts';
import { type Case, makeCase, type Seen } from './cases.ts';
import { DEVICES, type Family, PLACES, type Read, read, toFrame, toNumber, write, writeError } from './family.ts';
import { makeGateway } from './gateways.ts';
import { listLines } from './limits.ts';
import { nameTuple, simulate } from './simulator.ts';

/** Packets of one sequence. */
const LENGTH = 12;

export interface Compared {
  readonly packets: number;
  /** How often each thing happened, so that nobody compares nothing with nothing. */
  readonly seen: Readonly<Record<string, number>>;
  readonly findings: readonly string[];
}

export async function compareGateway(seed: number, packets: number): Promise<Compared> {
  const random = new Random(seed);
  const text = makeGateway(random);
  const { object, model, diagram } = compilePolicy(text);
  const hides = (family: Family) => model.masquerades.some(({ families }) => families.includes(family));
  const network = await open({
    ...{ wan: 'ethernet', xdp: true, cables: 'wire', ipv6: true, object, flows: 65_536, lines: listLines(model) },
    timeouts: { icmp: 600 },
    wanFlags: ETHERNET | XDP | (hides(4) ? HIDES : 0) | (hides(6) ? HIDES6 : 0),
  });
  const home = { 4: toNumber(4, '192.168.1.0') >> 8n, 6: toNumber(6, '2001:db8:1::') >> 64n };
  const around = {
    own: (id: number, family: Family) => toNumber(family, PLACES[family].own[id === DEVICES.eth0 ? 'eth0' : 'wan0']),
    routes: (family: Family, address: bigint) => [
      address >> (family === 4 ? 8n : 64n) === home[family] ? DEVICES.eth0 : DEVICES.wan0,
    ],
  };
  const gateway = new Gateway(model, diagram, around);
  const findings: string[] = [];
  const seen: Record<string, number> = {};
  let [done, family, seenNow]: [number, Family, Seen[]] = [0, 4, []];
  try {
    await meetNeighbours(network);
    for (; done < packets && findings.length < 5; done++) {
      if (done % LENGTH === 0) [family, seenNow] = [random.pick([4, 6]), []];
      const one = makeCase(random, family, Math.floor(done / LENGTH), seenNow);
      const { happened, out } = await send(network, one);
      const isIcmp = one.protocol === 'icmp';
      const expected = simulate(gateway, one, out && (isIcmp ? out.id : out.sport));
      for (const word of wordsOf(one, expected)) seen[word] = (seen[word] ?? 0) + 1;
      if (expected !== happened) {
        findings.push(
          `seed ${seed}, packet ${done}: ${JSON.stringify(one)}\n  kernel     ${happened}\n  simulator  ${expected}\n${findings.length === 0 ? text : ''}`,
        );
      }
      if (out && one.about === null) {
        const ports = isIcmp ? { sport: out.id, dport: 0 } : { sport: out.sport, dport: out.dport };
        const device = around.routes(family, toNumber(family, out.daddr))[0] === DEVICES.eth0 ? 'eth0' : 'wan0';
        seenNow.push({ ...one, device, saddr: out.saddr, daddr: out.daddr, ...ports });
      }
    }
  } finally {
    network.close();
  }
  return { packets: done, seen, findings };
}

/** Timers need memory at once, which a machine that is busy may not have. */
async function open(options: Options): Promise<Network> {
  try {
    return await Network.open(options);
  } catch {
    return Network.open(options);
  }
}

async function meetNeighbours(network: Network): Promise<void> {
  const neighbours = ([4, 6] as const).flatMap((family) => [
    ...PLACES[family].inside.map((host) => `neigh replace ${host} lladdr 02:00:00:00:00:aa nud permanent dev eth0`),
    `neigh replace ${PLACES[family].router} lladdr 02:00:00:00:00:bb nud permanent dev wan0`,
  ]);
  await network.lab.at('gw').ip(...neighbours);
}

async function send(network: Network, one: Case): Promise<{ readonly happened: string; readonly out: Read | null }> {
  const { family, about, error } = one;
  const packet = about !== null && error !== null ? writeError(one.saddr, error, about) : write(one);
  const ran = await network.pass(one.device, toFrame(family, packet, network.macs.get(one.device) ?? ''), one.xdp);
  if (ran.fate === 'stack') return { happened: 'to the gateway', out: null };
  // a socket that sends to its own outside socket: its own entry stands in the way
  if (ran.fate === 'dropped')
    return { happened: `dropped: ${ran.reason === 'ending' ? 'port-taken' : ran.reason}`, out: null };
  const out = read(family, ran.frame);
  if (!out.sumsAreRight) return { happened: 'sent with a wrong checksum', out };
  if (about === null) return { happened: `sent ${nameTuple(one, out)}`, out };
  const { quoted } = out;
  const told = quoted === null ? 'nothing' : nameTuple(about, quoted);
  return { happened: `sent from ${out.saddr} to ${out.daddr} about ${told}`, out };
}

/** Under which words a case is counted. */
function wordsOf({ family, xdp, about }: Case, expected: string): string[] {
  const word = expected.startsWith('sent') ? 'sent' : expected;
  return [word, `IPv${family}`, ...(xdp ? ['XDP'] : []), ...(about ? [`error ${word}`] : [])];
}
