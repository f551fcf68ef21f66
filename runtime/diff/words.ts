/** Boxes, witnesses and answers in the admin's words. */

import { formatRange } from '../../compiler/addresses.ts';
import { lastOf } from '../../compiler/diagram/fields.ts';
import type { Answer } from '../../compiler/diff/answer.ts';
import type { Box } from '../../compiler/diff/boxes.ts';
import type { Change, Comparison, Difference } from '../../compiler/diff/diff.ts';
import type { Witness } from '../../compiler/diff/witness.ts';
import type { Model, Range } from '../../compiler/model.ts';
import { PROTOCOL_NAMES } from '../../compiler/protocols.ts';
import { writeAddress } from '../../grammar/address.ts';
import { keyOfService, type Names, takeNames } from './names.ts';

export const TITLES: Readonly<Record<Change, string>> = {
  opens: 'newly allowed',
  closes: 'newly denied',
  refuses: 'denied in another way',
  translates: 'translated or sent otherwise',
  limits: 'limited otherwise',
  logs: 'logged otherwise',
};

/** Of sets of packets without a witness. */
export const UNSURE = 'which packets these are, only the machine knows';

/** Ranges of one thing that are written out. */
const MOST_RANGES = 6;

type Ranges = readonly Range<bigint>[];
/** `tcp 22 by lan, leaving by wan, from home to 192.0.2.0/24`. */
export function describeBox(box: Box, { places }: Pick<Comparison, 'places'>, names: Names): string {
  const of = (field: 'in' | 'out') => (box[field] === undefined ? 'any' : writePlaces(box[field], places.names));
  const own = box.own ?? null;
  const toSelf = own?.every(({ first }) => first > 0n) ?? false;
  const gate = own !== null && toSelf ? `the gateway (${writePlaces(own, places.names)})` : of('out');
  const is4 = box.saddr4 ?? box.daddr4;
  const is6 = box.saddr6 ?? box.daddr6;
  const family =
    is4 || is6 || box.family === undefined
      ? ''
      : box.family[0]!.first > 5n
        ? 'IPv6 '
        : box.family.at(-1)!.last < 6n
          ? 'IPv4 '
          : '';
  const end = (side: 'saddr' | 'daddr') => {
    const here = [
      ...(box[`${side}4`] ? [writeAddresses(box[`${side}4`]!, 4, names)] : []),
      ...(box[`${side}6`] ? [writeAddresses(box[`${side}6`]!, 6, names)] : []),
      ...(Object.entries(box) as [string, Ranges][]).flatMap(([field, ranges]) =>
        field.endsWith(`:${side}`)
          ? [
              ranges[0]!.first === 1n
                ? 'addresses that follow the machine'
                : 'other addresses than those that follow the machine',
            ]
          : [],
      ),
    ];
    return here.length === 0 ? 'any' : here.join(', ');
  };
  return `${family}${writeWhat(box, names)} · ${of('in')} → ${gate} · from ${end('saddr')} to ${end('daddr')}`;
}

function writePlaces(ranges: Ranges, names: readonly string[]): string {
  return ranges
    .flatMap(({ first, last }) => Array.from({ length: Number(last - first) + 1 }, (_, i) => Number(first) + i))
    .map((place) => (place === 255 ? 'another of its addresses' : (names[place] ?? 'an undeclared interface')))
    .join(', ');
}

function writeWhat({ protocol, dport, family }: Box, { services }: Names): string {
  const service = protocol && dport ? services.get(keyOfService(protocol, dport)) : undefined;
  if (service !== undefined) return service;
  if (protocol === undefined) return dport === undefined ? 'everything' : `ports ${writeNumbers(dport, 'dport')}`;
  const kinds = isOne(protocol)
    ? (PROTOCOL_NAMES[Number(protocol[0]!.first)] ?? `protocol ${protocol[0]!.first}`)
    : writeProtocols(protocol, family);
  if (dport === undefined) return kinds;
  if (kinds === 'icmp')
    return `icmp type ${dport
      .slice(0, MOST_RANGES)
      .map(({ first, last }) => (first >> 8n === last >> 8n ? `${first >> 8n}` : `${first >> 8n}-${last >> 8n}`))
      .join(', ')}`;
  return `${kinds} ${writeNumbers(dport, 'dport')}`;
}

function isOne(ranges: Ranges): boolean {
  return ranges.length === 1 && ranges[0]!.first === ranges[0]!.last;
}

function writeProtocols(ranges: Ranges, _: Ranges | undefined): string {
  const gaps = gapsOf(ranges, lastOf('protocol'));
  const name = ({ first, last }: Range<bigint>) =>
    first === last ? (PROTOCOL_NAMES[Number(first)] ?? `${first}`) : `${first}-${last}`;
  return gaps.length <= ranges.length
    ? `everything but ${gaps.map(name).join(', ')}`
    : `protocols ${ranges.map(name).join(', ')}`;
}

function writeNumbers(ranges: Ranges, field: 'dport'): string {
  const gaps = gapsOf(ranges, lastOf(field));
  const name = ({ first, last }: Range<bigint>) => (first === last ? `${first}` : `${first}-${last}`);
  return gaps.length < ranges.length ? `all ports but ${few(gaps.map(name))}` : few(ranges.map(name));
}

function writeAddresses(ranges: Ranges, family: 4 | 6, names: Names): string {
  const gaps = gapsOf(ranges, lastOf(`saddr${family}`));
  const words = (some: Ranges) => {
    const { named, left } = takeNames(some, family, names);
    return few([...named, ...left.map(({ first, last }) => formatRange(family, first, last))]);
  };
  return gaps.length > 0 && gaps.length < ranges.length ? `any but ${words(gaps)}` : words(ranges);
}

function few(words: readonly string[]): string {
  return words.length <= MOST_RANGES
    ? words.join(', ')
    : `${words.slice(0, MOST_RANGES - 1).join(', ')} and ${words.length - MOST_RANGES + 1} more`;
}

function gapsOf(ranges: Ranges, end: bigint): Range<bigint>[] {
  const gaps: Range<bigint>[] = [];
  let next = 0n;
  for (const { first, last } of ranges) {
    if (first > next) gaps.push({ first: next, last: first - 1n });
    next = last + 1n;
  }
  if (next <= end) gaps.push({ first: next, last: end });
  return gaps;
}

/** Each family has an ICMP of its own. */
function nameProtocol(protocol: number, family: 4 | 6): string {
  const foreign = family === 4 ? 58 : 1;
  return (protocol === foreign ? undefined : PROTOCOL_NAMES[protocol]) ?? `protocol ${protocol}`;
}

/** `tcp from 192.168.1.1 on lan to 192.0.2.80:22`, as a step of an `expect` begins. */
export function describeWitness(
  { family, protocol, dport, saddr, daddr, own, ...packet }: Witness,
  { places }: Pick<Comparison, 'places'>,
): string {
  const write = (address: bigint) => (family === 6 ? `[${writeAddress(address, 6)}]` : writeAddress(address, 4));
  const what = nameProtocol(protocol, family);
  const type = what === 'icmp' ? ` type ${dport >> 8}` : '';
  const port = ['tcp', 'udp', 'sctp'].includes(what) ? `:${dport}` : '';
  const to = own === 0 ? write(daddr) : own === 255 ? 'self' : places.names[own]!;
  const leaving = own === 0 ? ` (leaves by ${places.names[packet.out]})` : '';
  return `${what}${type} from ${write(saddr)} on ${places.names[packet.in]} to ${to}${port}${leaving}`;
}

export function describeAnswer(answer: Answer, other: Answer): string {
  const parts = [answer.fate === 'rejected' ? 'rejected' : answer.fate];
  for (const [name, value] of [
    ['to', answer.to],
    ['as', answer.as],
  ] as const)
    if (value !== null) parts.push(`${name} ${value.text}`);
  for (const name of ['behaviour', 'limits', 'log'] as const)
    if (answer[name] !== other[name] && answer.fate === other.fate)
      parts.push(
        answer[name] === null
          ? `no ${name}`
          : `${name === 'behaviour' ? '' : `${name === 'limits' ? 'limit' : name} `}${answer[name]}`,
      );
  return parts.join(', ');
}

/** Where a file decides about the witness. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export function placeOf(model: Model, { decisions, change }: Difference, side: 'before' | 'after'): Place | null {
  const decision = decisions[side];
  if (decision === null) return null;
  const rule = change === 'translates' && decision.nat !== 0 ? decision.nat : decision.rule;
  const origin = model.rules[rule - 1];
  const network = decision.drop?.kind === 'forged' ? decision.drop.network : undefined;
  if (network) return { file: network.span.file, line: network.span.line, text: `network ${network.name}` };
  return origin === undefined || origin.kind === 'self-default'
    ? null
    : { file: origin.span.file, line: origin.span.line, text: origin.text };
}
