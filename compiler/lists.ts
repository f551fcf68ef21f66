/**
 * Files of addresses (`set blocked = file "blocked.txt"`): one address, network or range a line, of both families;
 * `#` begins a comment, blank lines mean nothing, lines may end in CR LF. The reading itself is given, as in load.ts.
 */
import { addressBits, hostMask, readAddress, writeAddress } from '../grammar/address.ts';
import type { Family } from '../grammar/ast.ts';
import type { SourceText, Span } from '../grammar/span.ts';
import { normalize } from './addresses.ts';
import { type ReadSource, resolvePath } from './load.ts';
import type { AddressSet, Range } from './model.ts';

export interface ListProblem {
  readonly span: Span;
  readonly text: string;
  readonly because: string;
  readonly expected: string;
}
export interface AddressList {
  readonly path: string;
  readonly set: AddressSet;
  readonly problems: readonly ListProblem[];
}

export interface Lists {
  /** The list that the file `from` calls `path`, read once. */
  read(from: string, path: string): AddressList | { readonly path: string; readonly problem: string };
  /** The texts that were read. */
  readonly sources: readonly SourceText[];
}

export function createLists(read: ReadSource): Lists {
  const known = new Map<string, ReturnType<Lists['read']>>();
  const sources: SourceText[] = [];
  return {
    sources,
    read(from, given) {
      const path = resolvePath(from, given);
      const before = known.get(path);
      if (before !== undefined) return before;
      const found = read(path);
      const list = 'problem' in found ? { path, problem: found.problem } : parseList({ file: path, text: found.text });
      if ('text' in found) sources.push({ file: path, text: found.text });
      known.set(path, list);
      return list;
    },
  };
}

/** Never throws; lines that are wrong are in `problems`. Linear, but for the sorting. */
export function parseList({ file, text }: SourceText): AddressList {
  const v4: Range<number>[] = [];
  const v6: Range<bigint>[] = [];
  const problems: ListProblem[] = [];
  let line = 0;
  for (let start = 0; start < text.length; ) {
    line++;
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    const whole = text.slice(start, end);
    const comment = whole.indexOf('#');
    const entry = (comment < 0 ? whole : whole.slice(0, comment)).replace(/^\uFEFF/, '').trim();
    if (entry !== '') {
      const plain = readPlain(entry);
      const found = plain === null ? readEntry(entry) : { family: 4 as const, ...plain };
      if ('because' in found) {
        const at = start + whole.indexOf(entry);
        const span = { file, start: at, end: at + entry.length, line, column: at - start + 1 };
        problems.push({ span, text: entry, ...found });
      } else if (found.family === 4) v4.push({ first: Number(found.first), last: Number(found.last) });
      else v6.push({ first: BigInt(found.first), last: BigInt(found.last) });
    }
    start = end + 1;
  }
  return { path: file, set: { v4: normalize(v4), v6: normalize(v6) }, problems };
}

const PLAIN = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;

/** The common case, without big numbers; null: look closer. */
function readPlain(entry: string): Range<number> | null {
  const match = PLAIN.exec(entry);
  if (match === null) return null;
  let first = 0;
  for (let i = 1; i <= 4; i++) {
    const digits = match[i] as string;
    const octet = Number(digits);
    if (octet > 255 || (digits.length > 1 && digits[0] === '0')) return null;
    first = first * 256 + octet;
  }
  const length = match[5];
  if (length === undefined) return { first, last: first };
  const size = 2 ** (32 - Number(length));
  if (size < 1 || first % size !== 0 || (length.length > 1 && length[0] === '0')) return null;
  return { first, last: first + size - 1 };
}

type Entry =
  | { readonly family: Family; readonly first: bigint; readonly last: bigint }
  | { readonly because: string; readonly expected: string };

const SHAPES = 'an address, a network such as `192.0.2.0/24`, or a range such as `192.0.2.1-192.0.2.9`';

function readEntry(entry: string): Entry {
  const family: Family = entry.includes(':') ? 6 : 4;
  const refuse = (because: string, expected = SHAPES): Entry => ({ because, expected });
  if (/[\s,]/.test(entry)) return refuse('a line holds one of them, and a comment after `#`');
  const slash = entry.indexOf('/');
  const dash = entry.indexOf('-');
  if (slash >= 0) {
    const first = readAddress(entry.slice(0, slash), family);
    const suffix = entry.slice(slash + 1);
    if (first === null) return refuse('no address stands before the `/`');
    const length = /^(0|[1-9]\d{0,2})$/.test(suffix) ? Number(suffix) : -1;
    const most = addressBits(family);
    if (length < 0 || length > most)
      return refuse(`\`${suffix}\` is no prefix length`, `a number from 0 to ${most} after \`/\``);
    const host = hostMask(family, length);
    const network = `${writeAddress(first & ~host, family)}/${length}`;
    if ((first & host) !== 0n) return refuse('it has bits behind the prefix', `\`${network}\``);
    return { family, first, last: first | host };
  }
  if (dash >= 0) {
    const first = readAddress(entry.slice(0, dash), family);
    const last = readAddress(entry.slice(dash + 1), family);
    if (first === null || last === null) return refuse('a range has a whole address of one family on both sides');
    return first <= last ? { family, first, last } : refuse('the range is upside down', 'the lower address first');
  }
  const address = readAddress(entry, family);
  return address === null ? refuse('it is no address') : { family, first: address, last: address };
}
