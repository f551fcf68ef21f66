/**
 * What becomes of a packet, in words that two files share: no ids, no lines, no names of blocks. Equal answers are equal
 * treatment.
 */
import { writeAddress } from '../../grammar/address.ts';
import { formatSet } from '../addresses.ts';
import { writePrefix } from '../dynamic.ts';
import type { AddressMap, Limit, Listen, Log, Masquerade, Model, RuleId } from '../model.ts';
import { nameInterface } from '../simulate/words.ts';
import { keyOfAddress, keyOfMap } from './moves.ts';

export interface Answer {
  readonly fate: 'allowed' | 'denied' | 'rejected';
  /** Where a redirect or map sends it. */
  readonly to: Move | null;
  /** Where its source appears from. */
  readonly as: Move | null;
  /** How its translation behaves (mapping, filtering, …). */
  readonly behaviour: string | null;
  readonly limits: string | null;
  readonly log: string | null;
}

/** A change of an address: in words, and as a key that is the same for the same change (moves.ts). */
export interface Move {
  readonly text: string;
  readonly key: string;
}

export const DENIED: Answer = { fate: 'denied', to: null, as: null, behaviour: null, limits: null, log: null };
export const UNTOUCHED: Answer = { ...DENIED, fate: 'allowed' };

/** Answers as leaves of diagrams. */
export const write = (answer: Answer): string => JSON.stringify(answer);
export const read = (text: string): Answer => JSON.parse(text) as Answer;

/** What the line `rule` says of what it lets in or refuses; translation is not asked. */
export function answerOfLine(lines: Lines, rule: RuleId, fate: Answer['fate']): Answer {
  const { limits, log } = lines.get(rule) ?? { limits: [], log: null };
  return { ...DENIED, fate, limits: fate === 'allowed' ? writeLimits(limits) : null, log: writeLog(log) };
}

export type Lines = ReadonlyMap<RuleId, { readonly limits: readonly Limit[]; readonly log: Log | null }>;

const listed = new WeakMap<Model, Lines>();

export function listLines(model: Model): Lines {
  const known = listed.get(model);
  if (known) return known;
  const { gateway, policies, redirects } = model;
  const lines = new Map<RuleId, { limits: readonly Limit[]; log: Log | null }>();
  for (const block of [gateway, ...policies]) {
    for (const { id, limits, log } of block.rules) lines.set(id, { limits, log });
    lines.set(block.default.id, { limits: [], log: block.default.log });
  }
  for (const { denyId, listens, limits, log } of redirects) {
    lines.set(denyId, { limits: [], log });
    for (const { id } of listens) lines.set(id, { limits, log });
  }
  listed.set(model, lines);
  return lines;
}

/**
 * What counts of a masquerade for a protocol (native/datapath/claim.h): TCP and UDP have mappings and draw a port; SCTP keeps
 * its port, if the pool has it; ICMP leaves the pool nothing to choose but where its identifier is taken; the rest has no ports.
 */
export type Kind = 'mapped' | 'ported' | 'kept' | 'icmp' | 'portless';

/** `answer` for a packet whose source the map or masquerade `nat` translates; 0: none does. */
export function translated(model: Model, answer: Answer, nat: RuleId, kind: Kind): Answer {
  if (nat === 0) return answer;
  const map = model.maps.find(({ id }) => id === nat);
  if (map) return { ...answer, as: writeOutside(model, map) };
  const masquerade = model.masquerades.find(({ id }) => id === nat);
  if (!masquerade) throw new RangeError(`rule ${nat} translates nothing`);
  const pool = writePool(masquerade, kind);
  const limits = masquerade.limits.filter((limit) => limit.kind !== 'ports' || kind !== 'portless');
  return {
    ...answer,
    as: { text: pool, key: pool },
    behaviour: writeBehaviour(masquerade, kind),
    limits: join([answer.limits, writeLimits(limits)]),
    log: join([answer.log, writeLog(masquerade.log)]),
  };
}

function writePool({ addresses, ports, choice, share, from }: Masquerade, kind: Kind): string {
  const where = addresses === null ? 'its own address' : formatSet(addresses, Number.POSITIVE_INFINITY);
  // By a share the address, too, comes of the ports.
  const pool = kind === 'portless' && share === null ? '' : `, ports ${ports.first}-${ports.last}`;
  const drawn = choice === 'random' && (kind === 'mapped' || kind === 'ported') ? ' by chance' : '';
  const shared =
    share === null ? '' : `, ${share} for each of ${formatSet(from.include.addresses, Number.POSITIVE_INFINITY)}`;
  return `${where}${pool}${drawn}${shared}`;
}

function writeBehaviour({ mapping, filtering, refresh }: Masquerade, kind: Kind): string {
  return kind === 'mapped' ? `mapping ${mapping}, filtering ${filtering}, refresh ${refresh}` : `refresh ${refresh}`;
}

export function writeOutside(model: Model, map: AddressMap): Move {
  const text = `${writePrefix(map.inside, map.family)} as ${writeEnd(model, map)}`;
  return { text, key: map.follows === null ? keyOfMap(map.family, map.inside, map.outside) : text };
}

export function writeInside(model: Model, map: AddressMap): Move {
  const text = `${writeEnd(model, map)} to ${writePrefix(map.inside, map.family)}`;
  return { text, key: map.follows === null ? keyOfMap(map.family, map.outside, map.inside) : text };
}

function writeEnd(model: Model, { follows, family, outside }: AddressMap): string {
  const value = follows === null ? undefined : model.values[follows.value - 1];
  return value === undefined ? writePrefix(outside, family) : `the prefix of ${nameInterface(model, value.interface)}`;
}

/** Where client and target share an interface and nothing else translates: the address of a place by its name. */
export function writeFace(name: string): Move {
  return { text: `the address of ${name}`, key: `own ${name}` };
}
export const SENT_TO: Move = { text: 'the address that it was sent to', key: 'sent to' };

/** The target of a line of a redirect, by what happens to a port, however the line is cut. */
export function writeTarget(model: Model, { target, value, service, targetPorts }: Listen): Move {
  const live = value === null ? undefined : model.values[value - 1];
  const where =
    live?.kind === 'host'
      ? `${live.suffix} in the prefix of ${nameInterface(model, live.interface)}`
      : target.kind === 'address'
        ? writeAddress(target.address, target.family)
        : target.kind === 'own'
          ? nameInterface(model, target.interface)
          : 'self';
  const shift = writeShift(service.ports?.first ?? null, targetPorts);
  const text = `${where}${shift}`;
  const isPlain = shift === SAME_PORT && live === undefined && target.kind === 'address';
  return { text, key: isPlain ? keyOfAddress(target.family, target.address) : text };
}

const SAME_PORT = ', same port';
function writeShift(from: number | null, to: { readonly first: number; readonly last: number } | null): string {
  if (to === null || from === to.first) return SAME_PORT;
  if (from === null) return `, port ${to.first}`;
  const shift = to.first - from;
  return `, port ${shift > 0 ? '+' : ''}${shift}`;
}

function writeLimits(limits: readonly Limit[]): string | null {
  const words = limits.map((limit) => {
    const many =
      limit.kind === 'rate' ? `${writeRate(limit.rate)} burst ${limit.rate.burst}` : `${limit.count} ${limit.kind}`;
    return `${many}${limit.perSource ? ' per source' : ''}`;
  });
  return join(words.sort());
}

function writeRate({ count, perMs }: { readonly count: number; readonly perMs: number }): string {
  const unit = { 1000: 'second', 60000: 'minute', 3600000: 'hour', 86400000: 'day' }[perMs];
  return `${count}/${unit ?? `${perMs}ms`}`;
}

function writeLog(log: Log | null): string | null {
  return log === null
    ? null
    : `${log.label === null ? '' : `${JSON.stringify(log.label)} `}${writeRate(log.rate)} burst ${log.rate.burst}`;
}

function join(parts: readonly (string | null)[]): string | null {
  const said = parts.filter((part) => part !== null);
  return said.length === 0 ? null : said.join(', ');
}
