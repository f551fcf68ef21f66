/** What the JSON of a gateway file may hold, and how each of it is written as sentences. docs/gateway.schema.json says the same. */
import type { JsonNode } from './tree.ts';
import type { SentenceWriter } from './writer.ts';

export type Member = Extract<JsonNode, { kind: 'object' }>['members'];
/** Writes a value; throws ShapeError where it is not what is asked for. */
export type Shape = (value: JsonNode, out: SentenceWriter) => void;

export class ShapeError extends Error {
  readonly node: JsonNode;
  readonly expected: string;

  constructor(node: JsonNode, expected: string) {
    super(expected);
    this.node = node;
    this.expected = expected;
  }
}

const NAME = /^[A-Za-z][A-Za-z0-9_-]*$/;
/** Words with one blank between: nothing that could end a sentence or begin another. */
const WORDS = /^[^\s#{}"',;\\]+(?: [^\s#{}"',;\\]+)*$/;
const PRINTED = /^[^\u0000-\u001f\u007f]*$/;

export function textOf(value: JsonNode, asked: string, pattern = WORDS): string {
  if (value.kind !== 'string' || !pattern.test(value.value)) throw new ShapeError(value, asked);
  return value.value;
}

export const word =
  (asked: string): Shape =>
  (value, out) =>
    out.put(textOf(value, asked), value);
export const name: Shape = (value, out) =>
  out.put(textOf(value, 'a name: a letter, then letters, digits, `_`, `-`', NAME), value);
export const count: Shape = (value, out) => {
  const fits = value.kind === 'number' && Number.isSafeInteger(value.value) && value.value >= 0;
  if (!fits) throw new ShapeError(value, 'a whole number');
  out.put(String(value.value), value);
};
/** A text in quotes. */
export const quoted: Shape = (value, out) => {
  const text = textOf(value, 'a text on one line', PRINTED);
  out.put(`"${text.replace(/["\\]/g, '\\$&')}"`, value);
};

/** An array of one item or more, comma between. */
export const listOf =
  (item: Shape, asked: string): Shape =>
  (value, out) => {
    if (value.kind !== 'array' || value.items.length === 0) throw new ShapeError(value, asked);
    value.items.forEach((one, i) => {
      if (i > 0) out.put(', ', one);
      item(one, out);
    });
  };

export const names = listOf(name, 'an array of names');
const addressItem: Shape = (value, out) => {
  if (value.kind !== 'object') return word('an address, a network, a range, a name, or { "file": … }')(value, out);
  const { file } = membersOf(value, ['file'], ['file'], 'an object with `file`');
  out.put('file ', value);
  quoted(file as JsonNode, out);
};
const exceptOf =
  (list: Shape, asked: string): Shape =>
  (value, out) => {
    if (value.kind !== 'object') return list(value, out);
    const { of, except } = membersOf(value, ['of', 'except'], ['of', 'except'], asked);
    list(of as JsonNode, out);
    out.put(' except ', except as JsonNode);
    list(except as JsonNode, out);
  };
export const addresses = exceptOf(
  listOf(addressItem, 'an array of addresses and names'),
  'an array of addresses and names, or an object with `of` and `except`',
);
export const places = exceptOf(names, 'an array of interfaces and zones, or an object with `of` and `except`');
export const what = listOf(
  word('e.g. "tcp 80-443", "icmp echo-request" or a service'),
  'an array like ["tcp 80", "dns"]',
);

/** The members by their names; others, and a lack of `needed` ones, are mistakes. */
export function membersOf<K extends string>(
  value: JsonNode,
  known: readonly K[],
  needed: readonly K[],
  asked: string,
): Partial<Record<K, JsonNode>> {
  if (value.kind !== 'object') throw new ShapeError(value, asked);
  for (const [key, member] of value.members) {
    if (!known.includes(key as K)) throw new ShapeError(member, `${asked}: no \`${key}\`, only ${known.join(', ')}`);
  }
  const missing = needed.find((key) => !value.members.has(key));
  if (missing !== undefined) throw new ShapeError(value, `${asked}: \`${missing}\` is missing`);
  return Object.fromEntries(value.members) as Partial<Record<K, JsonNode>>;
}

/** One line of a block for each member, as `lines` says. */
export type Lines = Readonly<Record<string, Shape>>;

export const line =
  (words: string, shape: Shape, after = ''): Shape =>
  (value, out) => {
    out.put(`  ${words} `, value);
    shape(value, out);
    out.put(`${after}\n`, value);
  };
/** The line once for each item. */
export const lines =
  (each: Shape, asked: string): Shape =>
  (value, out) => {
    if (value.kind !== 'array') throw new ShapeError(value, asked);
    for (const item of value.items) each(item, out);
  };
