/**
 * What becomes of a packet, in words that two files share: no ids, no lines, no names of blocks. Equal answers are equal
 * treatment.
 */
import { writeAddress } from '../../grammar/address.ts';
import { formatSet } from '../addresses.ts';
import { writePrefix } from '../dynamic.ts';
import type { AddressMap, Limit, Listen, Log, Masquerade, Model, Redirect, RuleId } from '../model.ts';
import { nameInterface } from '../simulate/words.ts';

export interface Answer {
  readonly fate: 'allowed' | 'denied' | 'rejected';
  /** Where a redirect or map sends it. */
  readonly to: string | null;
  /** Where its source appears from. */
  readonly as: string | null;
  /** How its translation behaves (mapping, filtering, …). */
  readonly behaviour: string | null;
  readonly limits: string | null;
  readonly log: string | null;
}

export const DENIED: Answer = { fate: 'denied', to: null, as: null, behaviour: null, limits: null, log: null };
export const UNTOUCHED: Answer = { ...DENIED, fate: 'allowed' };

/** What the line `rule` says of what it lets in or refuses; translation is not asked. */
export function answerOfLine(lines: Lines, rule: RuleId, fate: Answer['fate']): Answer {
  const { limits, log } = lines.get(rule) ?? { limits: [], log: null };
  return { ...DENIED, fate, limits: fate === 'allowed' ? writeLimits(limits) : null, log: writeLog(log) };
}

export type Lines = ReadonlyMap<RuleId, { readonly limits: readonly Limit[]; readonly log: Log | null }>;

export function listLines({ gateway, policies, redirects }: Model): Lines {
  const lines = new Map<RuleId, { limits: readonly Limit[]; log: Log | null }>();
  for (const block of [gateway, ...policies]) {
    for (const { id, limits, log } of block.rules) lines.set(id, { limits, log });
    lines.set(block.default.id, { limits: [], log: block.default.log });
  }
  for (const { denyId, listens, limits, log } of redirects) {
    lines.set(denyId, { limits: [], log });
    for (const { id } of listens) lines.set(id, { limits, log });
  }
  return lines;
}

/** `answer` for a packet whose source the map or masquerade `nat` translates; 0: none does. */
export function translated(model: Model, answer: Answer, nat: RuleId): Answer {
  if (nat === 0) return answer;
  const map = model.maps.find(({ id }) => id === nat);
  if (map) return { ...answer, as: writeOutside(model, map) };
  const masquerade = model.masquerades.find(({ id }) => id === nat);
  if (!masquerade) throw new RangeError(`rule ${nat} translates nothing`);
  return {
    ...answer,
    as: writePool(masquerade),
    behaviour: writeBehaviour(masquerade),
    limits: join([answer.limits, writeLimits(masquerade.limits)]),
    log: join([answer.log, writeLog(masquerade.log)]),
  };
}

function writePool({ addresses, ports, choice, share, from }: Masquerade): string {
  const where = addresses === null ? 'its own address' : formatSet(addresses, Number.POSITIVE_INFINITY);
  const shared =
    share === null ? '' : `, ${share} for each of ${formatSet(from.include.addresses, Number.POSITIVE_INFINITY)}`;
  return `${where}, ports ${ports.first}-${ports.last}${choice === 'keep' ? '' : ` by chance`}${shared}`;
}

function writeBehaviour({ mapping, filtering, refresh }: Masquerade): string {
  return `mapping ${mapping}, filtering ${filtering}, refresh ${refresh}`;
}

export function writeOutside(model: Model, map: AddressMap): string {
  return `${writePrefix(map.inside, map.family)} as ${writeEnd(model, map)}`;
}

export function writeInside(model: Model, map: AddressMap): string {
  return `${writeEnd(model, map)} to ${writePrefix(map.inside, map.family)}`;
}

function writeEnd(model: Model, { follows, family, outside }: AddressMap): string {
  const value = follows === null ? undefined : model.values[follows.value - 1];
  return value === undefined ? writePrefix(outside, family) : `the prefix of ${nameInterface(model, value.interface)}`;
}

/** The target of a line of a redirect, by what happens to a port, however the line is cut. */
export function writeTarget(model: Model, redirect: Redirect, { target, value, service, targetPorts }: Listen): string {
  const live = value === null ? undefined : model.values[value - 1];
  const where =
    live?.kind === 'host'
      ? `${live.suffix} in the prefix of ${nameInterface(model, live.interface)}`
      : target.kind === 'address'
        ? writeAddress(target.address, target.family)
        : target.kind === 'own'
          ? nameInterface(model, target.interface)
          : 'self';
  return `${where}${writeShift(service.ports?.first ?? null, targetPorts)}${writeFace(model, redirect)}`;
}

function writeShift(from: number | null, to: { readonly first: number; readonly last: number } | null): string {
  if (to === null || from === to.first) return ', same port';
  if (from === null) return `, port ${to.first}`;
  const shift = to.first - from;
  return `, port ${shift > 0 ? '+' : ''}${shift}`;
}

/** As whom a client that shares an interface with the target appears, where the destination does not say it. */
function writeFace(model: Model, { addresses, interfaces }: Redirect): string {
  return addresses === null ? '' : `, hairpin as ${nameInterface(model, interfaces[0] ?? 0)}`;
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
