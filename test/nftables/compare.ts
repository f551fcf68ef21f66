/** The simulator beside a ruleset in the kernel: what becomes of first packets, and as what they appear. */

import { containsAddress } from '../../compiler/addresses.ts';
import { compile } from '../../compiler/compile.ts';
import { NOWHERE } from '../../compiler/diagram/fields.ts';
import { type Machine, type Model, SELF } from '../../compiler/model.ts';
import { complain } from '../../compiler/nftables/complain.ts';
import { emitNftables } from '../../compiler/nftables/emit.ts';
import { decide, type Surroundings } from '../../compiler/simulate/decide.ts';
import type { Decision } from '../../compiler/simulate/decision.ts';
import { writeAddress } from '../../grammar/address.ts';
import { Random } from '../datapath/fuzz/random.ts';
import { makeGateway } from './gateways.ts';
import { type End, type Heard, type Laboratory, OWN } from './laboratory.ts';
import { type Case, findToken, ID, makeCase, toNumber } from './packets.ts';

export interface Compared {
  readonly packets: number;
  readonly seen: Readonly<Record<string, number>>;
  readonly findings: readonly string[];
}

const NAMES: Readonly<Record<number, End>> = { 0: 'self', 1: 'wan', 2: 'lan', 3: 'dmz', [NOWHERE]: 'other' };

const PREFIXES: readonly (readonly [string, number, End])[] = [
  ['192.168.1.0', 24, 'lan'],
  ['10.0.0.0', 24, 'dmz'],
  ['172.30.0.0', 24, 'other'],
  ['2001:db8:1::', 64, 'lan'],
  ['2001:db8:2::', 64, 'dmz'],
  ['2001:db8:3::', 64, 'other'],
];

/** As the laboratory is built. */
const AROUND: Surroundings = {
  routes: (family, address) => {
    const found = PREFIXES.find(([prefix, length]) => {
      if (prefix.includes(':') !== (family === 6)) return false;
      const by = BigInt((family === 4 ? 32 : 128) - length);
      return address >> by === toNumber(prefix) >> by;
    });
    return [ID[found?.[2] ?? 'wan']!];
  },
  own: (id, family) => toNumber(OWN[NAMES[id === SELF ? 1 : id] as keyof typeof OWN][`v${family}`]),
};

/** A gateway that the checker takes. */
export function makeSound(random: Random): { readonly text: string; readonly compiled: ReturnType<typeof compile> } {
  for (;;) {
    const text = makeGateway(random);
    const compiled = compile('g.masq', () => ({ text }));
    if (compiled.model !== null) return { text, compiled };
  }
}

export async function compareGateway(laboratory: Laboratory, seed: number, packets: number): Promise<Compared> {
  const random = new Random(seed);
  const { text, compiled } = makeSound(random);
  const { model, diagram } = compiled;
  if (model === null || diagram === null) throw new Error('no model');
  await laboratory.load(emitNftables(model));
  const said = complain(model, compiled.documents);
  const errors = said.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  const cases = makeCases(random, packets, model);
  for (const one of cases) laboratory.send(one.end, one.bytes);
  const heard = await laboratory.settle();
  const findings: string[] = [];
  const seen: Record<string, number> = {};
  for (const one of cases) {
    const [decision] = decide(model, diagram, one.packet, AROUND);
    if (decision === undefined) throw new Error('no decision');
    const of = heard.filter(({ packet }) => isOf(packet, one));
    const [expected, problem] = judge(model, one, decision, of);
    seen[expected] = (seen[expected] ?? 0) + 1;
    if (problem !== null) findings.push(`seed ${seed}: ${one.text} is to be ${expected}, but ${problem}\n${text}`);
  }
  return { packets: cases.length, seen, findings };
}

/**
 * Of what has no ports, one packet for each end: the next one could belong to its connection, or have no outside tuple of its own.
 * The address of an interface that the file does not name, or that is in no network of the file, is taken for another one's
 * (docs/nftables.md): nobody asks for it.
 */
function makeCases(random: Random, count: number, model: Model): Case[] {
  const known = new Set<string>();
  const cases: Case[] = [];
  while (cases.length < count) {
    const one = makeCase(random, cases.length);
    const { packet, src, dst, end } = one;
    const isUnasked = end === 'other' && AROUND.routes(packet.family, toNumber(dst))[0] === NOWHERE;
    const isUndeclared = end !== 'other' && (dst === OWN.other.v4 || dst === OWN.other.v6);
    const isConfused = end !== 'dmz' && (dst === OWN.dmz.v4 || dst === OWN.dmz.v6) && !isIn(model, dst);
    if (src === dst || isUnasked || isUndeclared || isConfused) continue;
    if (packet.sport === null) {
      const ends = [src, dst].map((address) => `${packet.protocol} ${address}`);
      if (ends.some((key) => known.has(key))) continue;
      for (const key of ends) known.add(key);
    }
    cases.push(one);
  }
  return cases;
}

const isIn = ({ networks }: Model, text: string): boolean =>
  networks.some(({ addresses }) => containsAddress(addresses, text.includes(':') ? 6 : 4, toNumber(text)));

function isOf(packet: Heard['packet'], { index, src, sport }: Case): boolean {
  if (packet.flags.includes('R') && packet.dst === src && packet.dport === sport && findToken(packet.bytes) === null)
    return true;
  return findToken(packet.bytes) === index;
}

const describe = (heard: readonly Heard[]): string =>
  heard.length === 0
    ? 'nothing came'
    : heard
        .map(
          ({ end, packet: p }) =>
            `${end} got ${p.protocol} ${p.src}:${p.sport} > ${p.dst}:${p.dport} ${p.flags} ${p.type}/${p.code}`,
        )
        .join('; ');

/** What is to be seen, and what is wrong with what was; null: nothing. */
function judge(model: Model, one: Case, decision: Decision, heard: readonly Heard[]): readonly [string, string | null] {
  const problem = describe(heard);
  if (one.end === 'other') return judgeOther(one, heard);
  if (decision.rejected) {
    const [answer] = heard;
    // The kernel routes its answers; whoever uses an address that lives elsewhere does not get one.
    const [back = SELF] = AROUND.routes(one.packet.family, toNumber(one.src));
    const right = heard.length === 1 && answer !== undefined && answer.end === NAMES[back] && isRefusal(answer, one);
    return ['rejected', right ? null : problem];
  }
  if (decision.outcome === 'denied') return ['denied', heard.length === 0 ? null : problem];
  const end = NAMES[decision.out ?? SELF];
  const [got] = heard;
  if (heard.length !== 1 || got === undefined || got.end !== end || got.packet.quoted !== null)
    return [decision.outcome, problem];
  const wrong = compareAddresses(model, one, decision, got.packet);
  return [decision.outcome, wrong === null ? null : `${wrong}: ${problem}`];
}

/** What comes in by what the file does not name is not touched where it is for the gateway itself, and never forwarded. */
function judgeOther({ packet }: Case, heard: readonly Heard[]): readonly [string, string | null] {
  if (packet.to.kind === 'address') return ['denied', heard.length === 0 ? null : describe(heard)];
  const arrived = heard.length === 1 && heard[0]?.end === 'self';
  // The kernel itself drops an IPv4 source that is its own.
  const isOwn = packet.from.kind === 'own' && heard.length === 0;
  return ['let be', arrived || isOwn ? null : describe(heard)];
}

function isRefusal({ packet }: Heard, { packet: asked, src }: Case): boolean {
  if (packet.dst !== src) return false;
  if (asked.protocol === 6) return packet.flags.includes('R');
  return asked.family === 4 ? packet.type === 3 && packet.code === 13 : packet.type === 1 && packet.code === 1;
}

const textOf = (machine: Machine, family: 4 | 6): string =>
  machine.kind === 'address'
    ? writeAddress(machine.address, family)
    : writeAddress(AROUND.own(machine.kind === 'own' ? machine.interface : SELF, family), family);

function compareAddresses(
  model: Model,
  one: Case,
  { becomes, as, nat }: Decision,
  got: Heard['packet'],
): string | null {
  const { family, protocol, dport } = one.packet;
  const to = becomes === null ? one.dst : textOf(becomes.machine, family);
  if (got.dst !== to) return `its destination is to be ${to}`;
  const port = becomes?.port ?? dport;
  if ((protocol === 6 || protocol === 17) && got.dport !== port) return `its port is to be ${port}`;
  if (as === null) return got.src === one.src ? null : `its source is to be ${one.src}`;
  const masquerade = model.masquerades.find(({ id }) => id === nat);
  if (masquerade?.addresses) {
    // The kernel pairs sources with addresses by a hash of its own.
    if (!containsAddress(masquerade.addresses, family, toNumber(got.src))) return 'its source is to be one of the pool';
  } else {
    const from =
      as.address.kind === 'own'
        ? textOf({ kind: 'own', interface: as.address.interface }, family)
        : writeAddress(as.address.address, family);
    // Sent back to where it came from, it has the address that it asked for.
    const asked = nat === 0 && got.src === one.dst;
    if (got.src !== from && !asked) return `its source is to be ${from}`;
  }
  const { ports } = as;
  if (ports === null || (protocol !== 6 && protocol !== 17)) return null;
  return ports.first <= got.sport && got.sport <= ports.last
    ? null
    : `its source port is to be ${ports.first}-${ports.last}`;
}
