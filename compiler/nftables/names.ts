/** Names, strings and comments that nft takes. */
import type { InterfaceId, Model, RuleOrigin } from '../model.ts';

/** Bytes: nft takes comments of at most 128, log prefixes of at most 127. */
const LONGEST_TEXT = 120;
const LONGEST_PLACE = 80;
/** NFT_NAME_MAXLEN is 256; long ones are no pleasure either. */
const LONGEST_NAME = 60;

/**
 * Gives each chain and set a name of its own. All of them begin with a word and a hyphen, so that none can be one that nft
 * reserves.
 */
export class Names {
  readonly #taken = new Set<string>();

  has(name: string): boolean {
    return this.#taken.has(name);
  }

  give(wanted: string): string {
    const start = wanted.slice(0, LONGEST_NAME);
    let name = start;
    for (let i = 2; this.#taken.has(name); i++) name = `${start}-${i}`;
    this.#taken.add(name);
    return name;
  }
}

/** A string has no escapes: quotes become single ones, what can't be seen a `?`. */
export function quote(text: string): string {
  return `"${plain(text)}"`;
}

function plain(text: string): string {
  return text.replaceAll('"', "'").replace(/[^\x20-\x7e\u00a0-\uffff]/g, '?');
}

const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** At most so many bytes, the rest is `…`. */
function cut(text: string, most: number): string {
  if (bytes(text) <= most) return text;
  const signs = [...text];
  while (bytes(signs.join('')) > most - 3) signs.pop();
  return `${signs.join('')}…`;
}

/** `gateway.masq:42`; of a long path the end. */
export function placeOf({ span }: Pick<RuleOrigin, 'span'>): string {
  const place = plain(`${span.file}:${span.line}`);
  const signs = [...place];
  while (bytes(signs.join('')) > LONGEST_PLACE) signs.shift();
  return signs.length === [...place].length ? place : `…${signs.join('')}`;
}

/** `gateway.masq:42 allow tcp 22 from home`, and `says` behind it. */
export function commentOf(origin: RuleOrigin, says = ''): string {
  const end = says === '' ? '' : `: ${says}`;
  return cut(plain(`${placeOf(origin)} ${origin.text}`), LONGEST_TEXT - bytes(end)) + end;
}

/** `masqc denied lan-out:42 spam: `; a `$` would begin a variable of nft. */
export function logPrefix(verdict: string, { owner, span }: RuleOrigin, label: string | null): string {
  const what = plain(`masqc ${verdict} ${owner}:${span.line}${label === null ? '' : ` ${label}`}`).replaceAll('$', '?');
  return `${cut(what, LONGEST_TEXT)}: `;
}

export function deviceOf(model: Model, id: InterfaceId): string {
  const found = model.interfaces.find((one) => one.id === id);
  if (found === undefined) throw new RangeError(`there is no interface ${id}`);
  return quote(found.device);
}

/** `x`, or `{ x, y }`. */
export function oneOf(items: readonly string[]): string {
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : `{ ${items.join(', ')} }`;
}
