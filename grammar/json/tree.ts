/** JSON (RFC 8259) with the place of each value. */

export type JsonNode = {
  /** Offsets into the text, end exclusive. */
  readonly start: number;
  readonly end: number;
} & (
  | { readonly kind: 'object'; readonly members: ReadonlyMap<string, JsonNode> }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'null' }
);

/** `at`: an offset into the text. */
export class JsonError extends Error {
  readonly at: number;
  readonly problem: string;
  readonly expected: string;

  constructor(at: number, problem: string, expected: string) {
    super(problem);
    this.at = at;
    this.problem = problem;
    this.expected = expected;
  }
}

const DEEPEST = 32;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const WORD = /true|false|null/y;

/** Throws JsonError. */
export function parseJson(text: string): JsonNode {
  const start = text.startsWith('\ufeff') ? 1 : 0;
  const [node, end] = readValue(text, skip(text, start), 0);
  const rest = skip(text, end);
  if (rest < text.length) throw new JsonError(rest, 'something stands behind the last value', 'the end of the text');
  return node;
}

function skip(text: string, at: number): number {
  while (at < text.length && ' \t\r\n'.includes(text[at] as string)) at++;
  return at;
}

function readValue(text: string, start: number, depth: number): readonly [JsonNode, number] {
  if (depth > DEEPEST) throw new JsonError(start, `values are nested more than ${DEEPEST} deep`, 'fewer brackets');
  if (text[start] === '{') return readObject(text, start, depth);
  if (text[start] === '[') return readArray(text, start, depth);
  const string = match(STRING, text, start);
  if (string !== null) {
    const end = start + string.length;
    return [{ kind: 'string', value: JSON.parse(string) as string, start, end }, end];
  }
  const number = match(NUMBER, text, start);
  if (number !== null) {
    const end = start + number.length;
    return [{ kind: 'number', value: Number(number), start, end }, end];
  }
  const word = match(WORD, text, start);
  if (word === null)
    throw new JsonError(start, 'no JSON value begins like this', 'a text in quotes, a number, `{` or `[`');
  const end = start + word.length;
  return [
    word === 'null' ? { kind: 'null', start, end } : { kind: 'boolean', value: word === 'true', start, end },
    end,
  ];
}

function readObject(text: string, start: number, depth: number): readonly [JsonNode, number] {
  const members = new Map<string, JsonNode>();
  let at = skip(text, start + 1);
  while (text[at] !== '}') {
    const key = match(STRING, text, at);
    if (key === null) throw new JsonError(at, 'no key stands here', 'a key in double quotes, or `}`');
    const name = JSON.parse(key) as string;
    if (members.has(name)) throw new JsonError(at, `the key ${key} stands twice in this object`, 'each key once');
    const colon = skip(text, at + key.length);
    if (text[colon] !== ':') throw new JsonError(colon, `no value belongs to ${key}`, '`:` and a value');
    const [value, end] = readValue(text, skip(text, colon + 1), depth + 1);
    members.set(name, value);
    at = goOn(text, end, '}');
  }
  return [{ kind: 'object', members, start, end: at + 1 }, at + 1];
}

function readArray(text: string, start: number, depth: number): readonly [JsonNode, number] {
  const items: JsonNode[] = [];
  let at = skip(text, start + 1);
  while (text[at] !== ']') {
    const [value, end] = readValue(text, at, depth + 1);
    items.push(value);
    at = goOn(text, end, ']');
  }
  return [{ kind: 'array', items, start, end: at + 1 }, at + 1];
}

/** After a value: where the next one, or the closing bracket stands. */
function goOn(text: string, end: number, bracket: '}' | ']'): number {
  const at = skip(text, end);
  if (text[at] === bracket) return at;
  if (text[at] !== ',') throw new JsonError(at, 'a value has ended here', `\`,\` or \`${bracket}\``);
  const next = skip(text, at + 1);
  if (text[next] === bracket) throw new JsonError(at, 'nothing follows this comma', `\`${bracket}\` without a comma`);
  return next;
}

function match(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
